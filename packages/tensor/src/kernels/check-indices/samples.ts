import { memory } from '../../memory/linear-memory.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type CheckIndicesCall, checkIndicesCall, readFault } from './check-indices.ts';

const SIZE = 20;
const outside = [-1, SIZE, 2.5, Number.NaN, Infinity, -Infinity, 1e30, -0.25, 19.999998092651367];

const sample = (
  name: string,
  count: number,
  bad: readonly [at: number, value: number] | null,
  before = 0,
): KernelSample<CheckIndicesCall> => ({
  name,
  call: checkIndicesCall('f32', 0, 0, count, SIZE),
  tolerance: 0,
  fill: (operand, n, random) =>
    operand === 0
      ? Int32Array.of(before, 0, 0, 0)
      : Array.from({ length: n }, (_, i) =>
          bad !== null && i >= bad[0] && (i - bad[0]) % 3 === 0 ? bad[1] : Math.floor(random() * SIZE),
        ),
  // The address is another for every call.
  read(call) {
    const [fault, indices] = call.pointers as [number, number];
    if (before !== 0) return [memory.i32[fault / 4]!];
    const found = readFault(fault);
    return found === null ? [] : [found.address - indices, found.value];
  },
});

export const checkIndicesSamples = [
  ...[0, 1, 3, 4, 5, 17, 100].map((count) => sample(`${count} good ones`, count, null)),
  ...outside.flatMap((value, i) =>
    [0, 2, 4, 7, 16].map((at) => sample(`${value} at ${at} of ${at + 1 + i}`, at + 1 + i, [at, value])),
  ),
  sample('a fault that stands there', 9, [2, -1], 77),
] as unknown as KernelSamples<CheckIndicesCall>;
