import type { KernelSample, KernelSamples } from '../samples.ts';
import { type CopyCall, copyCall } from './copy.ts';

const sample = (
  name: string,
  shape: readonly number[],
  outStrides: readonly number[],
  inStrides: readonly number[],
): KernelSample<CopyCall> => ({
  name,
  call: copyCall('f32', 0, 0, shape, outStrides, inStrides),
  tolerance: 0,
  extremes: true,
});

export const copySamples: KernelSamples<CopyCall> = [
  sample('transposition', [1, 9, 14, 11], [0, 154, 11, 1], [0, 14, 1, 126]),
  sample('run', [1, 1, 1, 1003], [0, 0, 0, 1], [0, 0, 0, 1]),
  sample('rows of a wider matrix', [1, 1, 13, 7], [0, 0, 7, 1], [0, 0, 20, 1]),
  sample('repeated rows', [1, 1, 13, 7], [0, 0, 7, 1], [0, 0, 0, 1]),
  sample('repeated numbers', [1, 1, 13, 7], [0, 0, 7, 1], [0, 0, 1, 0]),
  sample('backwards', [2, 3, 5, 7], [105, 35, 7, 1], [-105, 35, -7, -1]),
  sample('into every second', [1, 5, 6, 7], [0, 84, 14, 2], [0, 42, 7, 1]),
  sample('nothing', [2, 0, 3, 4], [0, 12, 4, 1], [0, 12, 4, 1]),
  sample('one', [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]),
];
