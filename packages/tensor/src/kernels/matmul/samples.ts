import type { KernelSample, KernelSamples } from '../samples.ts';
import { type MatmulCall, matmulCall } from './matmul.ts';

const sizes = [
  [33, 101, 57],
  [101, 33, 57],
  [1, 1, 1],
  [5, 9, 0],
  [0, 4, 3],
  [7, 8, 340],
  [64, 70, 9],
] as const;

const sample = (
  [m, n, k]: readonly [number, number, number],
  transA: boolean,
  transB: boolean,
  batch = 1,
): KernelSample<MatmulCall> => {
  return {
    name: `${m}×${k}${transA ? 'ᵀ' : ''} · ${k}×${n}${transB ? 'ᵀ' : ''}${batch > 1 ? ` × ${batch}` : ''}`,
    call: matmulCall('f32', [0, 0, 0], m, n, k, transA, transB, batch, batch === 1 ? 0 : m * k),
    tolerance: 4e-6 * Math.sqrt(k + 1),
  };
};

export const matmulSamples = [
  ...sizes.flatMap((size) =>
    [false, true].flatMap((transA) => [false, true].map((transB) => sample(size, transA, transB))),
  ),
  sample([10, 12, 6], false, false, 5),
  sample([6, 7, 8], true, true, 2),
  sample([3, 3, 3], false, false, 0),
] as unknown as KernelSamples<MatmulCall>;
