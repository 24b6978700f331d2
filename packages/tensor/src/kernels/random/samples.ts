import type { KernelSample, KernelSamples } from '../samples.ts';
import { type RandomCall, randomCall } from './random.ts';
import type { RandomKind } from './threefry.ts';

const kinds: readonly RandomKind[] = ['uniform', 'normal', 'exponential', 'gumbel'];

export const randomSamples = kinds.flatMap((kind) =>
  [0, 1, 2, 7, 16, 33, 1013].map(
    (count): KernelSample<RandomCall> => ({
      name: `${count} ${kind}`,
      // The counter's low word runs over.
      call: { ...randomCall(kind, 'f32', 0, 0, count), first: 3 },
      tolerance: 0,
      fill: () => Int32Array.of(123456789, -987654321, -6, 41),
    }),
  ),
) as unknown as KernelSamples<RandomCall>;
