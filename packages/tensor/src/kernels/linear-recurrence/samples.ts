import type { KernelSample, KernelSamples } from '../samples.ts';
import { type LinearRecurrenceCall, linearRecurrenceCall } from './linear-recurrence.ts';

const sizes = [
  [0, 3, 4],
  [3, 0, 4],
  [3, 4, 0],
  [1, 1, 1],
  [2, 5, 7],
  [1, 6, 45],
  [7, 4, 16],
] as const;

export const linearRecurrenceSamples = sizes.flatMap(([rows, steps, width]) =>
  [false, true].map(
    (transposed): KernelSample<LinearRecurrenceCall> => ({
      name: `[${rows}, ${steps}, ${width}]${transposed ? ' transposed' : ''}`,
      call: linearRecurrenceCall('f32', [0, 0, 0], rows, steps, width, transposed),
      tolerance: 1e-5,
    }),
  ),
) as unknown as KernelSamples<LinearRecurrenceCall>;
