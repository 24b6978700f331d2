import type { Pair } from '../convolution/shape.ts';
import type { KernelSample, KernelSamples } from '../samples.ts';
import { type MaxPickCall, type MaxSpreadCall, maxPickCall, maxSpreadCall } from './max-pool.ts';
import type { PoolShape } from './shape.ts';

const shape = (
  images: number,
  input: Pair,
  channels: number,
  output: Pair,
  kernel: Pair,
  stride: Pair,
  padding: Pair = [0, 0],
  dilation: Pair = [1, 1],
): PoolShape => ({ images, input, channels, output, kernel, stride, padding, dilation });

const shapes: readonly (readonly [name: string, shape: PoolShape])[] = [
  ['2×2', shape(3, [6, 8], 8, [3, 4], [2, 2], [2, 2])],
  ['2×2, many channels', shape(2, [4, 6], 39, [2, 3], [2, 2], [2, 2])],
  ['2×2, an odd size, the last windows smaller', shape(2, [5, 7], 5, [3, 4], [2, 2], [2, 2])],
  ['overlapping', shape(2, [7, 7], 6, [4, 4], [3, 3], [2, 2], [1, 1])],
  ['dilated', shape(2, [9, 8], 3, [5, 6], [3, 2], [1, 1], [0, 0], [2, 2])],
  ['dilated past the edges', shape(1, [7, 7], 1, [5, 5], [3, 3], [1, 1], [1, 1], [2, 2])],
  ['one channel', shape(4, [6, 6], 1, [2, 2], [3, 3], [3, 3])],
  ['one pixel', shape(5, [1, 1], 9, [1, 1], [2, 2], [2, 2])],
  ['a line', shape(3, [1, 11], 4, [1, 5], [1, 3], [1, 2])],
  ['no images', shape(0, [4, 4], 3, [2, 2], [2, 2], [2, 2])],
];

export const maxPickSamples = shapes.map(([name, s]) => ({
  name,
  call: maxPickCall('f32', [0, 0, 0], s),
  tolerance: 0,
  extremes: true,
})) as readonly KernelSample<MaxPickCall>[] as unknown as KernelSamples<MaxPickCall>;

export const maxSpreadSamples = shapes.map(([name, s]) => ({
  name,
  call: maxSpreadCall('f32', [0, 0, 0], s),
  tolerance: 2e-6,
  extremes: true,
})) as readonly KernelSample<MaxSpreadCall>[] as unknown as KernelSamples<MaxSpreadCall>;
