import type { KernelSample, KernelSamples } from '../samples.ts';
import { type FillCall, fillCall } from './fill.ts';

const counts = [0, 1, 3, 4, 5, 17, 1003] as const;

export const fillSamples = counts.flatMap((count) =>
  [2.5, -0, Number.NaN].map(
    (value): KernelSample<FillCall> => ({
      name: `${count} times ${value}`,
      call: fillCall('f32', 0, count, value),
      tolerance: 0,
    }),
  ),
) as unknown as KernelSamples<FillCall>;
