import { someIndices } from '../gather-rows/samples.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type ScatterAddRowsCall, scatterAddRowsCall } from './scatter-add-rows.ts';

const sizes = [
  [0, 3, 4],
  [3, 0, 4],
  [5, 3, 0],
  [1, 1, 1],
  [7, 3, 6],
  [40, 17, 9],
  [60, 133, 20],
] as const;

export const scatterAddRowsSamples = sizes.map(
  ([count, width, size]): KernelSample<ScatterAddRowsCall> => ({
    name: `${count} to [${size}, ${width}]`,
    call: scatterAddRowsCall('f32', [0, 0, 0], count, width, size),
    tolerance: 0,
    fill: (operand, n, random) =>
      operand === 2
        ? someIndices(size, n, random)
        : // Multiples of an eighth: their sums are exact.
          Array.from({ length: n }, () => Math.floor(random() * 32) / 8),
  }),
) as unknown as KernelSamples<ScatterAddRowsCall>;
