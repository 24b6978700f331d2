import { COLUMN, FULL, ROW, SCALAR } from '../map/layout.ts';
import { mapProgram } from '../map/map-program.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type ReduceCall, type ReduceKind, reduceKernel } from './reduce.ts';

const MIX = mapProgram('mix', 4, (a, b, c, d) => a.mul(b).add(c).sub(d));
const MIX_BESIDE = mapProgram('beside', 4, (a, b, c, d) => [a.mul(b).add(c).sub(d), a.mul(b).sub(c), d]);
const kinds: readonly ReduceKind[] = ['sum', 'max', 'min', 'argMax'];
/** Multiples of an eighth, so that sums of a few are exact and equals are equal. */
const coarse = (_operand: number, size: number, random: () => number): number[] =>
  Array.from({ length: size }, () => Math.floor(random() * 32 - 16) / 8);

const sizes = [
  [1, 0, 3],
  [2, 3, 0],
  [0, 2, 3],
  [41, 67, 1],
  [1, 5, 1],
  [3, 0, 1],
  [1, 41, 131],
  [1, 3, 2],
  [5, 8, 33],
  [4, 9, 3],
  [3, 40, 100],
] as const;

/** Over the last axis others are written beside. */
const cases = [
  ...sizes.map(([outer, axis, inner]) => [MIX, outer, axis, inner, inner === 1] as const),
  // One column alone, over rows.
  ...([3, 1] as const).flatMap((outer) => [67, 5, 0].map((axis) => [MIX, outer, axis, 1, false] as const)),
  ...([41, 1, 3] as const).flatMap((rows) => [67, 5, 0].map((cols) => [MIX_BESIDE, rows, cols, 1, true] as const)),
];

export const reduceSamples = kinds.flatMap((kind) =>
  cases.map(
    ([program, outer, axis, inner, last]): KernelSample<ReduceCall> => ({
      name: `${kind} of ${program.name} [${outer}, ${axis}, ${inner}]${last ? '' : ' over rows'}`,
      call: {
        kernel: reduceKernel,
        dtype: 'f32',
        kind,
        program,
        outer,
        axis,
        inner,
        line: inner,
        last,
        layouts: [FULL, ROW, COLUMN, SCALAR],
      },
      // Sums in single and in double precision differ by the roundings of their terms.
      tolerance: kind === 'sum' ? 2e-6 * axis : 0,
      fill: coarse,
      extremes: kind !== 'sum',
    }),
  ),
) as unknown as KernelSamples<ReduceCall>;
