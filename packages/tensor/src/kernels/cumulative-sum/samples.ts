import type { KernelSample, KernelSamples } from '../samples.ts';
import { type CumulativeSumCall, cumulativeSumCall } from './cumulative-sum.ts';

const sizes = [
  [0, 4],
  [4, 0],
  [1, 1],
  [21, 33],
  [3, 1000],
] as const;

export const cumulativeSumSamples = sizes.flatMap(([rows, cols]) =>
  [false, true].map(
    (reverse): KernelSample<CumulativeSumCall> => ({
      name: `[${rows}, ${cols}]${reverse ? ' from the end' : ''}`,
      call: cumulativeSumCall('f32', 0, 0, rows, cols, reverse),
      // Both add in double precision, in the same order.
      tolerance: 0,
      extremes: true,
    }),
  ),
) as unknown as KernelSamples<CumulativeSumCall>;
