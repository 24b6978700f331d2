import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import type { Expr } from '../expr/expr.ts';
import { constant, select } from '../expr/expr.ts';
import { cumulativeSumCall } from '../kernels/cumulative-sum/cumulative-sum.ts';
import { execute } from '../kernels/execute.ts';
import { fillCall } from '../kernels/fill/fill.ts';
import type { Layout, MapProgram } from '../kernels/kernel.ts';
import { COLUMN, FULL } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { IDENTITY, mapProgram } from '../kernels/map/map-program.ts';
import { type ReduceKind, reduceCall } from '../kernels/reduce/reduce.ts';
import { bytesOf } from '../memory/storage.ts';
import type { Call, Op } from '../op.ts';
import { checkNames } from '../options.ts';
import { formatShape, normalizeAxes, normalizeAxis, type Shape, sizeOf, stridesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkFlag, checkNumber, checkTensor } from './argument.ts';
import { copyBox } from './copy-box.ts';
import { div, equal, exp, mul, sub } from './elementwise.ts';
import { type GradientOp, type GradientRule, gradientInputs, gradientOp } from './elementwise-op.ts';
import { checkCount } from './indices.ts';
import { broadcastTo, concat, reshape, slice, transpose } from './layout.ts';

/** Of every reduction. */
export interface ReduceOptions {
  /** The axis or axes to reduce; all by default. Negative axes count from the end. */
  readonly axis?: number | readonly number[];
  /** Keep the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** Increasing axes, each once. */
type Axes = readonly number[];

const LAYOUT_FULL: readonly Layout[] = [FULL];

/** The shape with the reduced axes as size 1: reductions keep them, and the public functions drop them. */
function keptShape(shape: Shape, axes: Axes): Shape {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** Runs a reduction over any axes: neighbouring ones directly, scattered ones after a transpose that brings them to the end. */
function forwardReduce(call: Call<Axes>, kind: ReduceKind): void {
  const { dtype, out, params: axes } = call;
  const [shape] = call.shapes;
  const [input] = call.inputs;
  if (axes.length === 0) {
    if (kind === 'argMax') execute(fillCall(dtype, out, sizeOf(shape), 0));
    else execute(mapCall(IDENTITY, dtype, 1, sizeOf(shape), [out, input], LAYOUT_FULL));
    return;
  }
  const first = axes[0]!;
  const end = axes[axes.length - 1]! + 1;
  if (end - first === axes.length) {
    const outer = sizeOf(shape.slice(0, first));
    const axis = sizeOf(shape.slice(first, end));
    const inner = sizeOf(shape.slice(end));
    execute(reduceCall(kind, IDENTITY, dtype, outer, axis, inner, [out, input], LAYOUT_FULL, end === shape.length));
    return;
  }
  const order = [...shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const strides = stridesOf(shape);
  const moved = call.scratch(bytesOf(dtype, sizeOf(shape)));
  copyBox(
    dtype,
    moved,
    input,
    order.map((axis) => shape[axis]!),
    null,
    order.map((axis) => strides[axis]!),
  );
  const axis = sizeOf(axes.map((axis) => shape[axis]!));
  execute(reduceCall(kind, IDENTITY, dtype, sizeOf(call.shape), axis, 1, [out, moved], LAYOUT_FULL));
}

function extremum(name: 'max' | 'min'): Op<Axes> {
  return {
    name,
    saves: { inputs: [0], output: true },
    shape([shape], axes) {
      if (axes.some((axis) => shape[axis]! === 0)) {
        throw new ShapeError(`${name}: no largest or smallest of nothing, got ${formatShape(shape)}`);
      }
      return keptShape(shape, axes);
    },
    forward: (call) => forwardReduce(call, name),
    // Shared equally among equals, as the limit of their mean.
    gradient(_i, g, { inputs: [x], output, params }) {
      const chosen = equal(x, output);
      return mul(div(chosen, apply(reduceOps.sum, [chosen], params)), g);
    },
  };
}

const EXP_SHIFTED = /* @__PURE__ */ mapProgram('expShifted', 2, (x, m) => x.sub(m).exp());
const DIVIDE = /* @__PURE__ */ mapProgram('divide', 2, (x, s) => x.div(s));
const SUBTRACT = /* @__PURE__ */ mapProgram('subtract', 2, (x, s) => x.sub(s));
// A maximum of ±∞ is not subtracted: ∞ − ∞ would be NaN where the answer is ±∞.
const finiteOrZero = (m: Expr): Expr => select(m.abs().eq(Infinity), constant(0), m);
const FINITE = /* @__PURE__ */ mapProgram('finiteOrZero', 1, finiteOrZero);
const LOG_PLUS = /* @__PURE__ */ mapProgram('logPlus', 2, (s, m) => s.log().add(m));

const ROW_SCALE: readonly Layout[] = [FULL, COLUMN];

/** m = max x and s = Σ e^(x − m) along the last axis, in scratch space. */
function maxAndSum(call: Call<unknown>, rows: number, cols: number): { m: number; s: number } {
  const { dtype, inputs } = call;
  const m = call.scratch(bytesOf(dtype, rows));
  const s = call.scratch(bytesOf(dtype, rows));
  execute(reduceCall('max', IDENTITY, dtype, rows, cols, 1, [m, inputs[0]], LAYOUT_FULL));
  execute(mapCall(FINITE, dtype, 1, rows, [m, m], LAYOUT_FULL));
  execute(reduceCall('sum', EXP_SHIFTED, dtype, rows, cols, 1, [s, inputs[0], m], ROW_SCALE));
  return { m, s };
}

function lastAxis(shape: Shape): { rows: number; cols: number } {
  const cols = shape[shape.length - 1]!;
  return { rows: sizeOf(shape.slice(0, -1)), cols };
}

/** The rows of reductions; see `opTable`. */
export const reduceOps: {
  readonly sum: Op<Axes>;
  readonly max: Op<Axes>;
  readonly min: Op<Axes>;
  readonly argMax: Op<Axes>;
  readonly logSumExp: Op<undefined>;
  readonly softmax: Op<undefined>;
  readonly logSoftmax: Op<undefined>;
  readonly cumulativeSum: Op<boolean>;
} = {
  sum: {
    name: 'sum',
    saves: { inputs: [], output: false },
    shape: ([shape], axes) => keptShape(shape, axes),
    forward: (call) => forwardReduce(call, 'sum'),
    gradient: (_i, g, { shapes }) => broadcastTo(g, shapes[0]),
  },
  max: /* @__PURE__ */ extremum('max'),
  min: /* @__PURE__ */ extremum('min'),
  argMax: {
    name: 'argMax',
    saves: { inputs: [], output: false },
    shape: ([shape], axes) => keptShape(shape, axes),
    forward(call) {
      const length = sizeOf(call.params.map((axis) => call.shapes[0][axis]!));
      checkCount('argMax', 'an axis of', length, call.dtype);
      forwardReduce(call, 'argMax');
    },
    gradient: () => null,
  },

  /** log Σ e^x along the last axis, kept with size 1. */
  logSumExp: {
    name: 'logSumExp',
    saves: { inputs: [0], output: true },
    shape: ([shape]) => [...shape.slice(0, -1), 1],
    forward(call) {
      const { rows, cols } = lastAxis(call.shapes[0]);
      const { m, s } = maxAndSum(call, rows, cols);
      execute(mapCall(LOG_PLUS, call.dtype, 1, rows, [call.out, s, m], [FULL, FULL]));
    },
    gradient: (_i, g, { inputs: [x], output }) => mul(g, exp(sub(x, output))),
  },

  softmax: {
    name: 'softmax',
    saves: { inputs: [], output: true },
    shape: ([shape]) => shape,
    forward(call) {
      const { rows, cols } = lastAxis(call.shape);
      const { m, s } = maxAndSum(call, rows, cols);
      execute(mapCall(EXP_SHIFTED, call.dtype, rows, cols, [call.out, call.inputs[0], m], ROW_SCALE));
      execute(mapCall(DIVIDE, call.dtype, rows, cols, [call.out, call.out, s], ROW_SCALE));
    },
    // y·(g − Σ g·y)
    gradient(_i, g, { output: y }) {
      return mul(y, sub(g, sum(mul(g, y), { axis: -1, keepDims: true })));
    },
  },

  logSoftmax: {
    name: 'logSoftmax',
    saves: { inputs: [], output: true },
    shape: ([shape]) => shape,
    forward(call) {
      const { rows, cols } = lastAxis(call.shape);
      const { m, s } = maxAndSum(call, rows, cols);
      execute(mapCall(LOG_PLUS, call.dtype, 1, rows, [s, s, m], [FULL, FULL]));
      execute(mapCall(SUBTRACT, call.dtype, rows, cols, [call.out, call.inputs[0], s], ROW_SCALE));
    },
    // g − softmax·Σ g
    gradient: (_i, g, { output: y }) => sub(g, mul(exp(y), sum(g, { axis: -1, keepDims: true }))),
  },

  cumulativeSum: {
    name: 'cumulativeSum',
    saves: { inputs: [], output: false },
    shape: ([shape]) => shape,
    forward(call) {
      const { rows, cols } = lastAxis(call.shape);
      execute(cumulativeSumCall(call.dtype, call.out, call.inputs[0], rows, cols, call.params));
    },
    gradient: (_i, g, { params }) => apply(reduceOps.cumulativeSum, [g], !params),
  },
};

function dropAxes(x: Tensor, axes: Axes, keepDims: boolean | undefined): Tensor {
  return keepDims
    ? x
    : reshape(
        x,
        x.shape.filter((_, axis) => !axes.includes(axis)),
      );
}

const REDUCE_OPTIONS = ['axis', 'keepDims'];

/** The axes that the options name, once the options are what they should be. */
function axesOf(name: string, x: Tensor, options: ReduceOptions | undefined, known = REDUCE_OPTIONS): Axes {
  checkTensor(name, x);
  checkNames(name, options, known);
  checkFlag(name, 'keepDims', options?.keepDims);
  return normalizeAxes(name, options?.axis, x.shape.length);
}

function reduceWith(op: Op<Axes>, x: Tensor, options: ReduceOptions | undefined): Tensor {
  const axes = axesOf(op.name, x, options);
  return dropAxes(apply(op, [x], axes), axes, options?.keepDims);
}

/** Σ x over the given axes (all by default). In f32 sums are carried in blocks in double precision. */
export function sum(x: Tensor, options?: ReduceOptions): Tensor {
  return reduceWith(reduceOps.sum, x, options);
}

/** The mean over the given axes (all by default). */
export function mean(x: Tensor, options?: ReduceOptions): Tensor {
  const axes = axesOf('mean', x, options);
  return mul(sum(x, options), 1 / axes.reduce((n, axis) => n * x.shape[axis]!, 1));
}

/** The largest element over the given axes (all by default). The gradient is shared among equals. */
export function max(x: Tensor, options?: ReduceOptions): Tensor {
  return reduceWith(reduceOps.max, x, options);
}

/** The smallest element over the given axes (all by default). The gradient is shared among equals. */
export function min(x: Tensor, options?: ReduceOptions): Tensor {
  return reduceWith(reduceOps.min, x, options);
}

/** Of `variance`. */
export interface VarianceOptions extends ReduceOptions {
  /** Divide by n − correction: 0 (default) for the population, 1 for the unbiased estimate. */
  readonly correction?: number;
}

/** Mean squared deviation from the mean over the given axes (all by default). */
export function variance(x: Tensor, options?: VarianceOptions): Tensor {
  const axes = axesOf('variance', x, options, [...REDUCE_OPTIONS, 'correction']);
  const { correction = 0 } = options ?? {};
  checkNumber('variance', 'correction', correction);
  const n = axes.reduce((count, axis) => count * x.shape[axis]!, 1);
  const deviation = sub(x, mean(x, { axis: axes, keepDims: true }));
  return mul(
    sum(mul(deviation, deviation), { axis: axes, ...(options?.keepDims && { keepDims: true }) }),
    1 / (n - correction),
  );
}

/** Runs `body` with the given axes moved to the end as one, and moves the result's last axis back. */
function alongLastAxis(
  name: string,
  x: Tensor,
  axis: number | readonly number[] | undefined,
  body: (x: Tensor) => Tensor,
): Tensor {
  const rank = checkTensor(name, x).shape.length;
  const axes = normalizeAxes(name, axis, rank);
  if (axes.length === 1 && axes[0] === rank - 1) return body(x);
  const order = [...x.shape.keys()].filter((a) => !axes.includes(a)).concat(axes);
  const kept = order.slice(0, rank - axes.length).map((a) => x.shape[a]!);
  const reduced = order.slice(rank - axes.length).map((a) => x.shape[a]!);
  const result = body(reshape(transpose(x, order), [...kept, sizeOf(reduced)]));
  const inverse = order.map((_, a) => order.indexOf(a));
  const last = result.shape[result.shape.length - 1] === sizeOf(reduced) ? reduced : reduced.map(() => 1);
  return transpose(reshape(result, [...kept, ...last]), inverse);
}

/** Π x over the given axes (all by default). Its gradient is right even where factors are 0. */
export function prod(x: Tensor, options?: ReduceOptions): Tensor {
  const axes = axesOf('prod', x, options);
  const product = alongLastAxis('prod', x, axes, (flat) => {
    // Halves are multiplied until one factor is left: log₂ n products, each with an exact gradient.
    let factors = flat;
    const rank = flat.shape.length;
    const part = (from: number, to: number): Tensor =>
      slice(factors, [...new Array<null>(rank - 1).fill(null), [from, to]]);
    if (flat.shape[rank - 1] === 0) return sum(flat, { axis: -1, keepDims: true }).add(1);
    while (factors.shape[rank - 1]! > 1) {
      const n = factors.shape[rank - 1]!;
      const half = n >> 1;
      const pairs = mul(part(0, half), part(half, 2 * half));
      factors = n % 2 === 1 ? concat([pairs, part(n - 1, n)], -1) : pairs;
    }
    return factors;
  });
  return dropAxes(product, axes, options?.keepDims);
}

/** log Σ eˣ over the given axes (all by default), without overflow. */
export function logSumExp(x: Tensor, options?: ReduceOptions): Tensor {
  const axes = axesOf('logSumExp', x, options);
  const result = alongLastAxis('logSumExp', x, axes, (flat) => apply(reduceOps.logSumExp, [flat], undefined));
  return dropAxes(result, axes, options?.keepDims);
}

/** The index of the first largest element along an axis (the last by default), as numbers. NaN counts as largest. No gradient. */
export function argMax(x: Tensor, options?: { readonly axis?: number; readonly keepDims?: boolean }): Tensor {
  checkNames('argMax', options, REDUCE_OPTIONS);
  const { axis = -1 } = options ?? {};
  const keepDims = checkFlag('argMax', 'keepDims', options?.keepDims);
  return reduceWith(reduceOps.argMax, checkTensor('argMax', x), {
    axis: normalizeAxis('argMax', axis, x.shape.length),
    keepDims,
  });
}

/** eˣ / Σ eˣ along an axis (the last by default). */
export function softmax(x: Tensor, axis = -1): Tensor {
  const normal = normalizeAxis('softmax', axis, checkTensor('softmax', x).shape.length);
  return alongLastAxis('softmax', x, normal, (flat) => apply(reduceOps.softmax, [flat], undefined));
}

/** x − log Σ eˣ along an axis (the last by default): the logarithm of softmax, exact for confident logits. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const normal = normalizeAxis('logSoftmax', axis, checkTensor('logSoftmax', x).shape.length);
  return alongLastAxis('logSoftmax', x, normal, (flat) => apply(reduceOps.logSoftmax, [flat], undefined));
}

/** Running sum along an axis (the last by default), from the end when `reverse`. */
export function cumulativeSum(x: Tensor, options?: { readonly axis?: number; readonly reverse?: boolean }): Tensor {
  checkTensor('cumulativeSum', x);
  checkNames('cumulativeSum', options, ['axis', 'reverse']);
  const reverse = checkFlag('cumulativeSum', 'reverse', options?.reverse);
  const { axis = -1 } = options ?? {};
  return alongLastAxis('cumulativeSum', x, normalizeAxis('cumulativeSum', axis, x.shape.length), (flat) =>
    apply(reduceOps.cumulativeSum, [flat], reverse),
  );
}

/** What `rowSum` makes: an op that says which formula it sums. */
export interface RowSumOp extends Op<undefined> {
  readonly program: MapProgram;
  readonly summed: true;
}

/**
 * An elementwise formula summed over the last axis, as one kernel forward and one backward: the form of a
 * log-probability per row. The gradient formulas see g (one per row) and the inputs, not the output.
 */
export function rowSum(name: string, value: (...inputs: Expr[]) => Expr, rules: readonly GradientRule[]): RowSumOp {
  const count = rules.length;
  const program: MapProgram = mapProgram(name, count, value);
  const gradientOps: (GradientOp | undefined)[] = [];
  return {
    name,
    program,
    summed: true,
    saves: { inputs: Array.from({ length: count }, (_, i) => i), output: false },
    shape(shapes) {
      for (const shape of shapes) {
        if (shape.length === 0 || shape.some((size, i) => size !== shapes[0][i]) || shape.length !== shapes[0].length) {
          throw new ShapeError(
            `${name}: shapes must be equal with at least one axis, got ${shapes.map(formatShape).join(' and ')}`,
          );
        }
      }
      return shapes[0].slice(0, -1);
    },
    forward(call) {
      const { rows, cols } = lastAxis(call.shapes[0]);
      const layouts = call.inputs.map((): Layout => FULL);
      execute(reduceCall('sum', program, call.dtype, rows, cols, 1, [call.out, ...call.inputs], layouts));
    },
    gradient(i, g, saved) {
      const rule = rules[i] ?? null;
      if (rule === null) return null;
      gradientOps[i] ??= gradientOp(`${name}.gradient${i}`, rule(...gradientInputs(count)), count);
      return gradientOps[i].apply(reshape(g, [...g.shape, 1]), saved);
    },
  };
}
