import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { convolutionCall } from '../kernels/convolution/convolution.ts';
import type { ConvolutionShape, Pair } from '../kernels/convolution/shape.ts';
import { transposedConvolutionCall } from '../kernels/convolution/transposed.ts';
import { convolutionWeightsCall } from '../kernels/convolution/weights.ts';
import { execute } from '../kernels/execute.ts';
import type { Layout } from '../kernels/kernel.ts';
import { FULL, ROW } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { mapProgram } from '../kernels/map/map-program.ts';
import type { Call, Op } from '../op.ts';
import { checkOptions, optional, whole } from '../options.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';
import { broadcastTo, reshape, transpose } from './layout.ts';
import { sum } from './reduce.ts';
import {
  type PerAxis,
  perAxis,
  transposedWindowsOf,
  type Window,
  type WindowOptions,
  windowChecks,
  windowsOf,
} from './window.ts';

/** What the sizes of a convolution are beside those of its operands. */
type Geometry = Omit<ConvolutionShape, 'images' | 'channels' | 'features'>;

/** The sizes, with x [images, …input, channels] and w [kernel…, channels/groups, features]. */
function shapeOf(geometry: Geometry, images: number, w: Shape): ConvolutionShape {
  return { ...geometry, images, channels: w[2]! * geometry.groups, features: w[3]! };
}

const ADD_BIAS = /* @__PURE__ */ mapProgram('addBias', 2, (y, b) => y.add(b));
const BIAS_LAYOUTS: readonly Layout[] = [FULL, ROW];

/** Adds a bias, the third operand where there is one, to each of the last axis' numbers. */
function addBias({ dtype, out, shape, inputs }: Call<unknown>): void {
  const features = shape[3]!;
  const [, , bias] = inputs;
  if (bias === undefined || sizeOf(shape) === 0) return;
  execute(mapCall(ADD_BIAS, dtype, sizeOf(shape) / features, features, [out, out, bias], BIAS_LAYOUTS));
}

// The three products of which each is linear in both operands, and of which the derivatives of each are the two others: with
// y = conv(x, w), ⟨conv(x, w), g⟩ = ⟨x, convTransposed(g, w)⟩ = ⟨w, convWeights(x, g)⟩.

/** conv(x, w) and a bias, which may be left out. */
const convolutionOp: Op<Geometry> = {
  name: 'convolution',
  saves: { inputs: [0, 1], output: false },
  shape: ([x, w], { output }) => [x![0]!, ...output, w![3]!],
  forward(call) {
    const [x, w] = call.inputs;
    const shape = shapeOf(call.params, call.shapes[0]![0]!, call.shapes[1]!);
    execute(convolutionCall(call.dtype, [call.out, x, w], shape));
    addBias(call);
  },
  gradient(i, g, { inputs: [x, w], shapes, params }) {
    if (i === 0) return apply(transposedOp, [g, w!], params);
    return i === 1 ? apply(weightsOp, [x!, g], params) : biasGradient(g, shapes[2]!);
  },
};

/** x from y and w, and a bias, which may be left out. */
const transposedOp: Op<Geometry> = {
  name: 'convolutionTransposed',
  saves: { inputs: [0, 1], output: false },
  shape: ([y, w], { input, groups }) => [y![0]!, ...input, w![2]! * groups],
  forward(call) {
    const [y, w] = call.inputs;
    const shape = shapeOf(call.params, call.shapes[0]![0]!, call.shapes[1]!);
    execute(transposedConvolutionCall(call.dtype, [call.out, y, w], shape));
    addBias(call);
  },
  gradient(i, g, { inputs: [y, w], shapes, params }) {
    if (i === 0) return apply(convolutionOp, [g, w!], params);
    return i === 1 ? apply(weightsOp, [g, y!], params) : biasGradient(g, shapes[2]!);
  },
};

/** w from x and y. */
const weightsOp: Op<Geometry> = {
  name: 'convolutionWeights',
  saves: { inputs: [0, 1], output: false },
  shape: ([x, y], { kernel, groups }) => [...kernel, x![3]! / groups, y![3]!],
  forward(call) {
    const [x, y] = call.inputs;
    const shape = shapeOf(call.params, call.shapes[0]![0]!, call.shape);
    execute(convolutionWeightsCall(call.dtype, [call.out, x, y], shape));
  },
  gradient(i, g, { inputs: [x, y], params }) {
    return i === 0 ? apply(transposedOp, [y!, g], params) : apply(convolutionOp, [x!, g], params);
  },
};

function biasGradient(g: Tensor, shape: Shape): Tensor {
  return reshape(sum(g, { axis: [0, 1, 2] }), shape);
}

export const convolutionOps = {
  convolution: convolutionOp,
  convolutionTransposed: transposedOp,
  convolutionWeights: weightsOp,
} as const;

/** Of `conv1d` and `conv2d`. */
export interface ConvolutionOptions extends WindowOptions {
  /** Runs of channels that see each other alone; 1 by default. As many as channels: depthwise. */
  readonly groups?: number;
}

/** Of `convTranspose1d` and `convTranspose2d`. */
export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** Added to the output's size, at its end; 0 by default. */
  readonly outputPadding?: PerAxis;
}

const groupsCheck = /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1);

/** [n, …sizes, channels] with two axes of sizes. */
function asPlane(x: Tensor): Tensor {
  return x.shape.length === 4 ? x : reshape(x, [x.shape[0]!, 1, x.shape[1]!, x.shape[2]!]);
}

/** Throws unless x is [n, …sizes, channels] and the weight has as many axes. */
function checkRanks(op: string, axes: number, x: Tensor, weight: Tensor, weightAxes: string): void {
  const sizes = axes === 1 ? 'length' : 'height, width';
  if (checkTensor(op, x).shape.length !== axes + 2) {
    throw new ShapeError(`${op}: expected x [n, ${sizes}, channels], got ${formatShape(x.shape)}`);
  }
  if (checkTensor(op, weight).shape.length !== axes + 2) {
    throw new ShapeError(`${op}: expected a weight [${weightAxes}], got ${formatShape(weight.shape)}`);
  }
}

/** Says that channels are not as many as they should be, and that they are perhaps in another place. */
function refuseChannels(op: string, x: Tensor, wanted: number, why: string): never {
  const { shape } = x;
  const order = shape.length === 4 ? '[0, 2, 3, 1]' : '[0, 2, 1]';
  const hint = shape[1] === wanted ? `; channels come last here: transpose(x, ${order})` : '';
  throw new ShapeError(`${op}: expected ${wanted} channels (${why}), got ${formatShape(shape)}${hint}`);
}

function checkBias(op: string, bias: Tensor | null | undefined, count: number): Tensor[] {
  if (bias === null || bias === undefined) return [];
  if (!sameShape(checkTensor(op, bias).shape, [count])) {
    throw new ShapeError(`${op}: bias must be [${count}], got ${formatShape(bias.shape)}`);
  }
  return [bias];
}

/** The sizes as kernels want them; an input of one axis has height 1. */
function geometryOf(windows: readonly Window[], groups: number): Geometry {
  const pair = (get: (window: Window) => number, of1: number): Pair =>
    windows.length === 1 ? [of1, get(windows[0]!)] : [get(windows[0]!), get(windows[1]!)];
  return {
    input: pair(({ size }) => size, 1),
    output: pair(({ output }) => output, 1),
    kernel: pair(({ kernel }) => kernel, 1),
    stride: pair(({ stride }) => stride, 1),
    dilation: pair(({ dilation }) => dilation, 1),
    padding: pair(({ before }) => before, 0),
    groups,
  };
}

/** PyTorch's [features, channels/groups, kernel…] as [kernel…, channels/groups, features]. */
function kernelFirst(weight: Tensor): Tensor {
  if (weight.shape.length === 4) return transpose(weight, [2, 3, 1, 0]);
  const [features, channels, length] = weight.shape as [number, number, number];
  return reshape(transpose(weight, [2, 1, 0]), [1, length, channels, features]);
}

function convolve(
  op: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: ConvolutionOptions,
): Tensor {
  checkRanks(op, axes, x, weight, axes === 1 ? 'out, in/groups, length' : 'out, in/groups, height, width');
  const { stride, padding, dilation, groups } = checkOptions(op, options, {
    ...windowChecks(axes),
    groups: groupsCheck,
  });
  const [features, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
  const channels = x.shape[axes + 1]!;
  if (channels !== perGroup * groups) {
    refuseChannels(
      op,
      x,
      perGroup * groups,
      `weight ${formatShape(weight.shape)}${groups > 1 ? ` in ${groups} groups` : ''}`,
    );
  }
  if (features % groups !== 0) {
    throw new ShapeError(`${op}: ${features} features do not divide into ${groups} groups`);
  }
  const sizes = { kernel, stride: stride ?? new Array<number>(axes).fill(1), dilation, padding };
  const windows = windowsOf(op, x.shape.slice(1, -1), sizes);
  const biases = checkBias(op, bias, features);
  // Where a channel has several features of its own, each gets a copy of the channel.
  const copies = groups === channels && groups > 1 ? features / groups : 1;
  const seen = copies === 1 ? asPlane(x) : repeatChannels(asPlane(x), copies);
  const geometry = geometryOf(windows, groups * copies);
  const y = apply(convolutionOp, [seen, kernelFirst(weight), ...biases], geometry);
  return axes === 2 ? y : reshape(y, [x.shape[0]!, windows[0]!.output, features]);
}

function repeatChannels(x: Tensor, copies: number): Tensor {
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const pixels = n * height * width * channels;
  return reshape(broadcastTo(reshape(x, [pixels, 1]), [pixels, copies]), [n, height, width, channels * copies]);
}

function convolveTransposed(
  op: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: TransposedConvolutionOptions,
): Tensor {
  checkRanks(op, axes, x, weight, axes === 1 ? 'in, out/groups, length' : 'in, out/groups, height, width');
  const checked = checkOptions(op, options, {
    ...windowChecks(axes),
    groups: groupsCheck,
    outputPadding: optional(perAxis(axes, 0), new Array<number>(axes).fill(0)),
  });
  const { stride, padding, dilation, groups, outputPadding } = checked;
  const [channels, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
  if (x.shape[axes + 1] !== channels) refuseChannels(op, x, channels, `weight ${formatShape(weight.shape)}`);
  if (channels % groups !== 0) {
    throw new ShapeError(`${op}: ${channels} channels do not divide into ${groups} groups`);
  }
  const sizes = { kernel, stride: stride ?? new Array<number>(axes).fill(1), dilation, padding, outputPadding };
  const windows = transposedWindowsOf(op, x.shape.slice(1, -1), sizes);
  const features = perGroup * groups;
  const biases = checkBias(op, bias, features);
  const y = apply(transposedOp, [asPlane(x), kernelFirst(weight), ...biases], geometryOf(windows, groups));
  return axes === 2 ? y : reshape(y, [x.shape[0]!, windows[0]!.size, features]);
}

/**
 * A convolution along the middle axis (a cross-correlation): x [n, length, channels], weight [out, in/groups, length], bias
 * [out] → [n, ⌊(length + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, out]. Weights are PyTorch's `Conv1d`'s.
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvolutionOptions = {}): Tensor {
  return convolve('conv1d', 1, x, weight, bias, options);
}

/**
 * A convolution of images (a cross-correlation): x [n, height, width, channels], weight [out, in/groups, height, width], bias
 * [out] → [n, …, out], sizes as in `conv1d`. Weights are PyTorch's `Conv2d`'s; channels come last.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvolutionOptions = {}): Tensor {
  return convolve('conv2d', 2, x, weight, bias, options);
}

/**
 * The transpose of a convolution: x [n, length, channels], weight [in, out/groups, length], bias [out] → [n, (length − 1)·stride
 * − padding + dilation·(kernel − 1) + outputPadding + 1, out], or length·stride with padding 'same'. Weights are PyTorch's
 * `ConvTranspose1d`'s.
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: TransposedConvolutionOptions = {},
): Tensor {
  return convolveTransposed('convTranspose1d', 1, x, weight, bias, options);
}

/** As `convTranspose1d`, of images: x [n, height, width, channels], weight [in, out/groups, height, width]. */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: TransposedConvolutionOptions = {},
): Tensor {
  return convolveTransposed('convTranspose2d', 2, x, weight, bias, options);
}
