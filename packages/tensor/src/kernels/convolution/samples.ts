import type { KernelSample, KernelSamples } from '../samples.ts';
import { type ConvolutionCall, convolutionCall } from './convolution.ts';
import type { ConvolutionShape, Pair } from './shape.ts';
import { type TransposedConvolutionCall, transposedConvolutionCall } from './transposed.ts';
import { type ConvolutionWeightsCall, convolutionWeightsCall } from './weights.ts';

/** Sizes by what is unusual; the output's are what the padding, as much on the high side as given, makes of them. */
function shape(
  images: number,
  [input, channels]: readonly [Pair, number],
  features: number,
  kernel: Pair,
  options: {
    readonly stride?: Pair;
    readonly dilation?: Pair;
    readonly padding?: Pair;
    readonly high?: Pair;
    readonly groups?: number;
  } = {},
): ConvolutionShape {
  const { stride = [1, 1], dilation = [1, 1], padding = [0, 0], high = padding, groups = 1 } = options;
  const size = (d: 0 | 1): number =>
    Math.floor((input[d] + padding[d] + high[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + 1;
  return {
    images,
    input,
    channels,
    output: [size(0), size(1)],
    features,
    kernel,
    stride,
    dilation,
    padding,
    groups,
  };
}

/** Sizes that break people: of each, all three products are tried. */
export const convolutionShapes: readonly (readonly [name: string, shape: ConvolutionShape])[] = [
  ['same 3×3', shape(3, [[7, 6], 5], 9, [3, 3], { padding: [1, 1] })],
  ['many channels', shape(2, [[5, 5], 70], 17, [3, 3], { padding: [1, 1] })],
  ['channels past a block', shape(1, [[3, 4], 700], 9, [2, 2])],
  ['taps past a block', shape(2, [[9, 9], 24], 8, [5, 5], { padding: [2, 2] })],
  ['one channel, stride 2', shape(5, [[13, 13], 1], 12, [3, 3], { stride: [2, 2] })],
  ['one feature', shape(2, [[8, 9], 12], 1, [3, 3], { padding: [1, 1] })],
  ['three features', shape(2, [[8, 9], 8], 3, [3, 3], { padding: [1, 1] })],
  ['one feature of odd channels', shape(2, [[5, 5], 7], 1, [3, 3], { padding: [1, 1] })],
  ['stride 2, low 0 and high 1', shape(4, [[14, 14], 8], 16, [3, 3], { stride: [2, 2], high: [1, 1] })],
  ['even kernel, one side padded', shape(2, [[6, 7], 4], 8, [4, 2], { padding: [2, 0], high: [1, 1] })],
  ['stride over kernel', shape(2, [[11, 10], 3], 5, [2, 1], { stride: [3, 4] })],
  ['stride 3 of 5×5', shape(2, [[12, 13], 4], 6, [5, 5], { stride: [3, 3], padding: [2, 1] })],
  ['dilation', shape(2, [[12, 11], 5], 7, [3, 2], { dilation: [2, 3], padding: [2, 3] })],
  ['dilation and stride', shape(2, [[13, 12], 4], 8, [3, 3], { dilation: [2, 3], stride: [2, 2], padding: [2, 3] })],
  [
    'dilation and stride alike',
    shape(2, [[13, 12], 4], 8, [3, 3], { dilation: [2, 2], stride: [2, 4], padding: [1, 1] }),
  ],
  ['groups', shape(2, [[6, 6], 6], 9, [3, 3], { groups: 3, padding: [1, 1] })],
  ['groups of one feature', shape(2, [[6, 5], 16], 4, [3, 3], { groups: 4, padding: [1, 1], stride: [2, 1] })],
  ['depthwise', shape(2, [[7, 6], 19], 19, [3, 3], { groups: 19, padding: [1, 1] })],
  [
    'depthwise, stride 2, dilation',
    shape(3, [[9, 8], 32], 32, [3, 2], { groups: 32, stride: [2, 2], dilation: [1, 2] }),
  ],
  ['one pixel', shape(7, [[1, 1], 6], 10, [1, 1])],
  ['one pixel amid padding', shape(3, [[1, 1], 3], 4, [3, 3], { padding: [1, 1] })],
  ['padding past the kernel', shape(1, [[2, 2], 3], 4, [2, 2], { padding: [3, 3] })],
  ['1×1', shape(2, [[5, 4], 8], 20, [1, 1])],
  ['1×1, stride 2', shape(2, [[5, 4], 8], 20, [1, 1], { stride: [2, 2] })],
  ['a line', shape(3, [[1, 23], 5], 8, [1, 7], { stride: [1, 2], padding: [0, 3] })],
  ['bands', shape(2, [[40, 30], 40], 8, [3, 3], { padding: [1, 1] })],
  ['bands, stride 2', shape(1, [[61, 30], 40], 5, [3, 3], { stride: [2, 2], padding: [1, 1] })],
  ['bands without padding', shape(1, [[70, 31], 20], 1, [5, 3])],
  ['wide features', shape(1, [[4, 4], 6], 70, [3, 3], { padding: [1, 1] })],
  ['no images', shape(0, [[4, 4], 3], 5, [3, 3])],
];

/** Rounding grows with the root of what a sum has. */
const tolerance = (terms: number): number => 2e-6 * Math.sqrt(terms + 1) + 2e-6;

export const convolutionSamples = convolutionShapes.map(([name, s]) => ({
  name,
  call: convolutionCall('f32', [0, 0, 0], s),
  tolerance: tolerance((s.kernel[0] * s.kernel[1] * s.channels) / s.groups),
})) as readonly KernelSample<ConvolutionCall>[] as unknown as KernelSamples<ConvolutionCall>;

export const transposedConvolutionSamples = convolutionShapes.map(([name, s]) => ({
  name,
  call: transposedConvolutionCall('f32', [0, 0, 0], s),
  tolerance: tolerance((s.kernel[0] * s.kernel[1] * s.features) / s.groups),
})) as readonly KernelSample<TransposedConvolutionCall>[] as unknown as KernelSamples<TransposedConvolutionCall>;

export const convolutionWeightsSamples = convolutionShapes.map(([name, s]) => ({
  name,
  call: convolutionWeightsCall('f32', [0, 0, 0], s),
  tolerance: tolerance(s.images * s.output[0] * s.output[1]),
})) as readonly KernelSample<ConvolutionWeightsCall>[] as unknown as KernelSamples<ConvolutionWeightsCall>;
