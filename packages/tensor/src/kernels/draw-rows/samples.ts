import type { RandomKind } from '../random/threefry.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type DrawRowsCall, drawRowsCall } from './draw-rows.ts';

const kinds: readonly RandomKind[] = ['uniform', 'normal', 'exponential', 'gumbel'];
const sizes = [
  [0, 2, 3],
  [3, 0, 3],
  [3, 2, 0],
  [1, 1, 1],
  [4, 1, 2],
  [7, 3, 5],
  [18, 2, 17],
  [103, 1, 4],
] as const;

export const drawRowsSamples = kinds.flatMap((kind) =>
  sizes.map(
    ([rows, samples, width]): KernelSample<DrawRowsCall> => ({
      name: `${kind} [${samples}, ${rows}, ${width}]`,
      call: drawRowsCall(kind, 'f32', 0, 0, rows, samples, width),
      tolerance: 0,
      fill: (_operand, size, random) => Array.from({ length: size }, () => Math.floor(random() * 2 ** 24)),
    }),
  ),
) as unknown as KernelSamples<DrawRowsCall>;
