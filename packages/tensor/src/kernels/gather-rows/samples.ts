import type { KernelSample, KernelSamples } from '../samples.ts';
import { type GatherRowsCall, gatherRowsCall } from './gather-rows.ts';

/** Places in a table of `size` rows, and some that are outside. */
export function someIndices(size: number, count: number, random: () => number): number[] {
  const outside = [-1, size, 1e9, -1e9, Number.NaN, Infinity];
  return Array.from({ length: count }, (_, i) =>
    i % 7 === 6 ? outside[Math.floor(random() * outside.length)]! : Math.floor(random() * size),
  );
}

const sizes = [
  [0, 3, 4],
  [3, 0, 4],
  [5, 3, 0],
  [1, 1, 1],
  [7, 3, 6],
  [40, 17, 9],
  [103, 33, 50],
] as const;

export const gatherRowsSamples = sizes.map(
  ([count, width, size]): KernelSample<GatherRowsCall> => ({
    name: `${count} of [${size}, ${width}]`,
    call: gatherRowsCall('f32', [0, 0, 0], count, width, size),
    tolerance: 0,
    fill: (operand, n, random) =>
      operand === 2 ? someIndices(size, n, random) : Array.from({ length: n }, () => random()),
  }),
) as unknown as KernelSamples<GatherRowsCall>;
