import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { execute } from '../kernels/execute.ts';
import { maxPickCall, maxSpreadCall } from '../kernels/max-pool/max-pool.ts';
import type { PoolShape } from '../kernels/max-pool/shape.ts';
import type { Op } from '../op.ts';
import { checkOptions, flag, optional } from '../options.ts';
import { formatShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';
import { convolutionOps } from './convolution.ts';
import { mul } from './elementwise.ts';
import { reshape } from './layout.ts';
import { mean } from './reduce.ts';
import {
  type Padding,
  type PerAxis,
  perAxis,
  type Window,
  type WindowOptions,
  windowChecks,
  windowsOf,
} from './window.ts';

/** The windows; the input is [n, height, width, channels]. */
type Geometry = Omit<PoolShape, 'images' | 'channels'>;

function shapeOf(geometry: Geometry, x: Shape): PoolShape {
  return { ...geometry, images: x[0]!, channels: x[3]! };
}

/** Of each window, what `from` has where x is largest. Where that is does not change with small changes of x. */
const pickOp: Op<Geometry> = {
  name: 'maxPick',
  saves: { inputs: [0], output: false },
  shape: ([x], { output }) => [x![0]!, ...output, x![3]!],
  forward(call) {
    const [x, from] = call.inputs;
    execute(maxPickCall(call.dtype, [call.out, x, from], shapeOf(call.params, call.shapes[0]!)));
  },
  gradient: (i, g, { inputs: [x], params }) => (i === 0 ? null : apply(spreadOp, [x!, g], params)),
};

/** The opposite: each window's number at the place where x is largest in it. */
const spreadOp: Op<Geometry> = {
  name: 'maxSpread',
  saves: { inputs: [0], output: false },
  shape: ([x]) => x!,
  forward(call) {
    const [x, from] = call.inputs;
    execute(maxSpreadCall(call.dtype, [call.out, x, from], shapeOf(call.params, call.shapes[0]!)));
  },
  gradient: (i, g, { inputs: [x], params }) => (i === 0 ? null : apply(pickOp, [x!, g], params)),
};

/** The maximum of each window. */
const maxPoolOp: Op<Geometry> = {
  name: 'maxPool',
  saves: { inputs: [0], output: false },
  shape: ([x], { output }) => [x![0]!, ...output, x![3]!],
  forward(call) {
    const [x] = call.inputs;
    execute(maxPickCall(call.dtype, [call.out, x, x], shapeOf(call.params, call.shapes[0]!)));
  },
  gradient: (_i, g, { inputs: [x], params }) => apply(spreadOp, [x!, g], params),
};

export const poolingOps = { maxPool: maxPoolOp, maxPick: pickOp, maxSpread: spreadOp } as const;

/** Of every pooling: stride (the window's size by default), padding, and what happens at the input's end. */
export interface PoolOptions extends Omit<WindowOptions, 'dilation'> {
  /** Windows that the input's end cuts count too; false by default. */
  readonly ceil?: boolean;
}

/** Of `maxPool1d` and `maxPool2d`. */
export interface MaxPoolOptions extends PoolOptions {
  readonly dilation?: PerAxis;
}

/** Of `avgPool1d` and `avgPool2d`. */
export interface AvgPoolOptions extends PoolOptions {
  /** Padding counts as zeros in the mean, as PyTorch has it by default; false by default, as TensorFlow has it. */
  readonly countPadding?: boolean;
}

/** Options as their checks make them. */
interface CheckedOptions {
  readonly stride?: readonly number[] | undefined;
  readonly padding: Padding;
  readonly dilation: readonly number[];
  readonly ceil: boolean;
}

interface Plan {
  readonly windows: readonly Window[];
  readonly geometry: Geometry;
}

function planOf(
  op: string,
  axes: number,
  x: Tensor,
  size: PerAxis,
  { stride, padding, dilation, ceil }: CheckedOptions,
): Plan {
  if (checkTensor(op, x).shape.length !== axes + 2) {
    const sizes = axes === 1 ? 'length' : 'height, width';
    throw new ShapeError(`${op}: expected x [n, ${sizes}, channels], got ${formatShape(x.shape)}`);
  }
  const kernel = perAxis(axes, 1)(size, { caller: op, path: 'size' });
  const windows = windowsOf(op, x.shape.slice(1, -1), { kernel, stride: stride ?? kernel, dilation, padding }, ceil);
  for (const window of windows) {
    for (let i = 0; i < window.output; i++) {
      if (insideOf(window, i) === 0) {
        throw new ShapeError(
          `${op}: window ${i} lies in the padding alone, at size ${window.size} and padding ${window.before} + ${window.after}; use less padding`,
        );
      }
    }
  }
  const pair = (get: (window: Window) => number, of1: number): readonly [number, number] =>
    axes === 1 ? [of1, get(windows[0]!)] : [get(windows[0]!), get(windows[1]!)];
  return {
    windows,
    geometry: {
      input: pair((w) => w.size, 1),
      output: pair((w) => w.output, 1),
      kernel: pair((w) => w.kernel, 1),
      stride: pair((w) => w.stride, 1),
      dilation: pair((w) => w.dilation, 1),
      padding: pair((w) => w.before, 0),
    },
  };
}

const ceilCheck = /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false);

/** How many elements of window i are inside the input, padding on both sides counted as inside where `padded`. */
function insideOf({ size, kernel, stride, dilation, before, after }: Window, i: number, padded = false): number {
  let count = 0;
  for (let r = 0; r < kernel; r++) {
    const at = i * stride + r * dilation - before;
    if (padded ? at < size + after : at >= 0 && at < size) count++;
  }
  return count;
}

function asPlane(x: Tensor): Tensor {
  return x.shape.length === 4 ? x : reshape(x, [x.shape[0]!, 1, x.shape[1]!, x.shape[2]!]);
}

function asGiven(x: Tensor, y: Tensor): Tensor {
  return x.shape.length === 4 ? y : reshape(y, [y.shape[0]!, y.shape[2]!, y.shape[3]!]);
}

function maxPool(op: string, axes: number, x: Tensor, size: PerAxis, options: MaxPoolOptions): Tensor {
  const checked = checkOptions(op, options, { ...windowChecks(axes), ceil: ceilCheck });
  const { geometry } = planOf(op, axes, x, size, checked);
  return asGiven(x, apply(maxPoolOp, [asPlane(x)], geometry));
}

/** The mean is a depthwise convolution with equal weights, and where windows hold different numbers of elements a scale. */
function avgPool(op: string, axes: number, x: Tensor, size: PerAxis, options: AvgPoolOptions): Tensor {
  const { stride, padding } = windowChecks(axes);
  const checked = checkOptions(op, options, {
    stride,
    padding,
    ceil: ceilCheck,
    countPadding: optional(flag(), false),
  });
  const dilation = new Array<number>(axes).fill(1);
  const { windows, geometry } = planOf(op, axes, x, size, { ...checked, dilation });
  const plane = asPlane(x);
  const channels = plane.shape[3]!;
  const counts = windows.map((window) =>
    Array.from({ length: window.output }, (_, i) => insideOf(window, i, checked.countPadding)),
  );
  const elements = geometry.kernel[0] * geometry.kernel[1];
  const weights = x.full([...geometry.kernel, 1, channels], 1 / elements);
  const y = apply(convolutionOps.convolution, [plane, weights], { ...geometry, groups: channels });
  const [rows, columns] = (axes === 1 ? [[1], counts[0]!] : counts) as [number[], number[]];
  const scales = rows.flatMap((r) => columns.map((c) => elements / (r * c)));
  if (scales.every((scale) => scale === 1)) return asGiven(x, y);
  return asGiven(x, mul(y, x.from(scales, [rows.length, columns.length, 1])));
}

/** The largest of each window of `size` along the middle axis: x [n, length, channels]; see `maxPool2d`. */
export function maxPool1d(x: Tensor, size: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return maxPool('maxPool1d', 1, x, size, options);
}

/**
 * The largest of each window of `size`: x [n, height, width, channels] → [n, …, channels]. Windows go on by their size unless
 * `stride` says otherwise; padding is nothing, not 0. The gradient goes to the first of equals, and a NaN is the largest.
 */
export function maxPool2d(x: Tensor, size: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return maxPool('maxPool2d', 2, x, size, options);
}

/** The mean of each window of `size` along the middle axis: x [n, length, channels]; see `avgPool2d`. */
export function avgPool1d(x: Tensor, size: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return avgPool('avgPool1d', 1, x, size, options);
}

/**
 * The mean of each window of `size`: x [n, height, width, channels] → [n, …, channels]. Windows go on by their size unless
 * `stride` says otherwise.
 */
export function avgPool2d(x: Tensor, size: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return avgPool('avgPool2d', 2, x, size, options);
}

/** The mean over all places: [n, …sizes, channels] → [n, channels]. */
export function globalAvgPool(x: Tensor): Tensor {
  const { shape } = checkTensor('globalAvgPool', x);
  if (shape.length < 3) {
    throw new ShapeError(`globalAvgPool: expected x [n, …sizes, channels], got ${formatShape(shape)}`);
  }
  return mean(x, { axis: Array.from({ length: shape.length - 2 }, (_, d) => d + 1) });
}
