import { type ConvolutionShape, isDepthwise, type Pair } from './shape.ts';

/**
 * One axis of a pass: for q = 0 … count − 1, the result at `outFirst` + q·`outStep` takes the source at `sourceFirst` +
 * q·`sourceStep` + a·`tapStep` times the weights at `kernelFirst` + a·`kernelStep`, for a = 0 … taps − 1.
 */
export interface AxisPass {
  readonly count: number;
  readonly outFirst: number;
  readonly outStep: number;
  readonly sourceFirst: number;
  readonly sourceStep: number;
  readonly taps: number;
  readonly tapStep: number;
  readonly kernelFirst: number;
  readonly kernelStep: number;
}

/**
 * A convolution or a transposed one, as correlations of a source (outside of which there are zeros) with taps: each pass makes
 * some of the results, and all of them together each result once.
 */
export interface Passes {
  readonly height: readonly AxisPass[];
  readonly width: readonly AxisPass[];
  /** Height and width of what is read and of what is written. */
  readonly source: Pair;
  readonly out: Pair;
  /** Channels of both, all groups together. */
  readonly sourceChannels: number;
  readonly outChannels: number;
  /** Elements from one weight to the next: along the source's channels, and along the result's. */
  readonly weightPerSource: number;
  readonly weightPerOut: number;
  readonly depthwise: boolean;
}

/** y from x and w: one pass. */
export function forwardPasses(shape: ConvolutionShape): Passes {
  const { input, output, channels, features, kernel, stride, dilation, padding } = shape;
  const axis = (d: 0 | 1): AxisPass[] => [
    {
      count: output[d],
      outFirst: 0,
      outStep: 1,
      sourceFirst: -padding[d],
      sourceStep: stride[d],
      taps: kernel[d],
      tapStep: dilation[d],
      kernelFirst: 0,
      kernelStep: 1,
    },
  ];
  return {
    height: axis(0),
    width: axis(1),
    source: input,
    out: output,
    sourceChannels: channels,
    outChannels: features,
    weightPerSource: features,
    weightPerOut: 1,
    depthwise: isDepthwise(shape),
  };
}

/**
 * x from y and w. Of x's places those that are alike modulo the stride see the same taps: a pass for each, so that nothing is
 * multiplied by zeros between y's elements.
 */
export function transposedPasses(shape: ConvolutionShape): Passes {
  const { input, output, channels, features, kernel, stride, dilation, padding } = shape;
  const axis = (d: 0 | 1): AxisPass[] =>
    phases(input[d], kernel[d], stride[d], dilation[d], padding[d]).filter(({ count }) => count > 0);
  return {
    height: axis(0),
    width: axis(1),
    source: output,
    out: input,
    sourceChannels: features,
    outChannels: channels,
    weightPerSource: 1,
    weightPerOut: features,
    depthwise: isDepthwise(shape),
  };
}

/**
 * x[h] takes y[i]·w[r] where h + padding = i·stride + r·dilation. With g = gcd(stride, dilation), the taps of one phase are
 * stride/g apart and their y's dilation/g, going down: they are taken in y's order, the last tap first.
 */
function phases(size: number, kernel: number, stride: number, dilation: number, padding: number): AxisPass[] {
  const g = gcd(stride, dilation);
  const [kernelStep, tapStep] = [stride / g, dilation / g];
  return Array.from({ length: Math.min(stride, size) }, (_, phase) => {
    const place = phase + padding;
    let first = 0;
    while (first < kernel && (place - first * dilation) % stride !== 0) first++;
    const taps = first < kernel ? Math.ceil((kernel - first) / kernelStep) : 0;
    return {
      count: Math.ceil((size - phase) / stride),
      outFirst: phase,
      outStep: stride,
      sourceFirst: taps === 0 ? 0 : (place - first * dilation) / stride - (taps - 1) * tapStep,
      sourceStep: 1,
      taps,
      tapStep,
      kernelFirst: taps === 0 ? 0 : first + (taps - 1) * kernelStep,
      kernelStep: -kernelStep,
    };
  });
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The axis with only `rows` of its results from number `begin` on. */
export function bandOf(axis: AxisPass, begin: number, rows: number): AxisPass {
  return {
    ...axis,
    count: Math.max(0, Math.min(axis.count - begin, rows)),
    outFirst: axis.outFirst + begin * axis.outStep,
    sourceFirst: axis.sourceFirst + begin * axis.sourceStep,
  };
}

/** The places of the source that passes read, from the first to behind the last; both 0 where they read none. */
export function reachOf(axes: readonly AxisPass[]): readonly [from: number, to: number] {
  const reading = axes.filter(({ count, taps }) => count > 0 && taps > 0);
  if (reading.length === 0) return [0, 0];
  return [
    Math.min(...reading.map(({ sourceFirst }) => sourceFirst)),
    Math.max(
      ...reading.map(
        ({ sourceFirst, count, sourceStep, taps, tapStep }) =>
          sourceFirst + (count - 1) * sourceStep + (taps - 1) * tapStep + 1,
      ),
    ),
  ];
}
