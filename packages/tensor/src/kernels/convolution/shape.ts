import type { DType } from '../../dtype.ts';
import { type Extent, elements } from '../kernel.ts';

/** Height and width. */
export type Pair = readonly [height: number, width: number];

/**
 * The sizes of a convolution (a cross-correlation, as everywhere in the field):
 *
 *     y[n, i, j, o] = Σ_{r, q, c} x[n, i·s₀ + r·d₀ − p₀, j·s₁ + q·d₁ − p₁, c]·w[r, q, c, o]
 *
 * with x [images, …input, channels], y [images, …output, features] and w [kernel…, channels/groups, features]; x is 0
 * outside its edges. Each of `groups` runs of features sees its own run of channels. Where the padding ends at the high side
 * follows from the sizes.
 */
export interface ConvolutionShape {
  readonly images: number;
  readonly input: Pair;
  readonly channels: number;
  readonly output: Pair;
  readonly features: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Zeros before the first row and column. */
  readonly padding: Pair;
  readonly groups: number;
}

/** Elements of x, y and w. */
export function sizesOf({ images, input, channels, output, features, kernel, groups }: ConvolutionShape): {
  readonly x: number;
  readonly y: number;
  readonly w: number;
} {
  return {
    x: images * input[0] * input[1] * channels,
    y: images * output[0] * output[1] * features,
    w: groups === 0 ? 0 : kernel[0] * kernel[1] * (channels / groups) * features,
  };
}

/** Multiplications and additions of any of the three products, those with padding among them. */
export function flopOf({ images, output, features, kernel, channels, groups }: ConvolutionShape): number {
  return (2 * images * output[0] * output[1] * features * kernel[0] * kernel[1] * channels) / groups;
}

const NS_PER_FLOP = 1 / 30;
const NS_PER_ELEMENT = 0.3;

export function convolutionTime(shape: ConvolutionShape): number {
  const { x, y, w } = sizesOf(shape);
  return flopOf(shape) * NS_PER_FLOP + (x + y + w) * NS_PER_ELEMENT;
}

/** Whether every feature has one channel of its own. */
export function isDepthwise({ groups, channels, features }: ConvolutionShape): boolean {
  return groups > 1 && groups === channels && groups === features;
}

/** `3×3 s2 d1 g1, 13×13×32 → 6×6×64` */
export function shapeLabel({
  images,
  input,
  channels,
  output,
  features,
  kernel,
  stride,
  groups,
}: ConvolutionShape): string {
  const grouped = groups > 1 ? ` in ${groups} groups` : '';
  return `${kernel.join('×')}/${stride.join('×')} of ${images} × ${input.join('×')}×${channels} → ${output.join('×')}×${features}${grouped}`;
}

/** A run of columns of an array whose lines are `line` long: from its first element to its last. */
export function columnsExtent(dtype: DType, size: number, line: number, begin: number, count: number): Extent {
  if (size === 0 || count === 0) return { from: 0, to: 0 };
  return { from: elements(dtype, begin).to, to: elements(dtype, size - line + begin + count).to };
}
