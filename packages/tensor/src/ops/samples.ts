// Test data: how to call each op, where it is defined, and what it must give, written without the engine. One entry for
// every op of the table and every function made of ops; an op without an entry does not compile. Only tests import this.
import { erf as exactErf } from '../expr/erf.ts';
import { threefry2x32 } from '../kernels/random/threefry.ts';
import type { Shape } from '../shape.ts';
import { sizeOf, stridesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import * as d from './draw-rows.ts';
import * as e from './elementwise.ts';
import * as i from './indexing.ts';
import * as l from './layout.ts';
import * as m from './linalg.ts';
import { recurrentSamples } from './recurrent-samples.ts';
import * as r from './reduce.ts';
import type { OpName } from './table.ts';
import { convolutionSamples, poolingSamples, resampleSamples } from './window-samples.ts';

/** Numbers in row-major order and their shape: what an expectation is written in. */
export interface Plain {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
}

export interface Domain {
  readonly low: number;
  readonly high: number;
  /** Kinks to stay away from, by a hundredth. */
  readonly avoid?: readonly number[];
  /** Whole numbers only: indices. They have no gradient. */
  readonly whole?: boolean;
}

export interface Sample {
  call(...inputs: Tensor[]): Tensor;
  /** Groups of input shapes to try. */
  readonly shapes: readonly (readonly Shape[])[];
  /** Where each input's numbers come from; the last entry holds for the rest. −2 … 2 by default. */
  readonly domain?: readonly Domain[];
  /** The result in double precision, from plain loops. */
  expected(...inputs: Plain[]): Plain;
  /** Largest error in f32, relative to max(1, |value|); 2e-6 by default. */
  readonly tolerance?: number;
  /** The same in f64; 1e-13 by default. */
  readonly exact?: number;
  /** Whether second derivatives exist everywhere in the domain. */
  readonly smooth?: boolean;
  /** False for comparisons and the like. */
  readonly differentiable?: boolean;
  /** Inputs and results at the edges of arithmetic, elementwise. */
  readonly special?: readonly (readonly [inputs: readonly number[], output: number])[];
}

const REAL: Domain = { low: -2, high: 2 };
const POSITIVE: Domain = { low: 0.2, high: 3 };
const AWAY_FROM_ZERO: Domain = { low: -2, high: 2, avoid: [0] };

/** Position of `index` (of shape `to`) in an operand that is broadcast to it. */
function broadcastIndex(shape: Shape, to: Shape, flat: number): number {
  const strides = stridesOf(to);
  const own = stridesOf(shape);
  const lead = to.length - shape.length;
  let at = 0;
  for (let axis = lead; axis < to.length; axis++) {
    const position = Math.floor(flat / strides[axis]!) % to[axis]!;
    if (shape[axis - lead] !== 1) at += position * own[axis - lead]!;
  }
  return at;
}

function each(f: (...values: number[]) => number) {
  return (...inputs: Plain[]): Plain => {
    const rank = Math.max(...inputs.map((x) => x.shape.length));
    const shape = Array.from({ length: rank }, (_, axis) =>
      inputs.reduce((size, x) => {
        const own = x.shape[axis - (rank - x.shape.length)] ?? 1;
        return own === 1 ? size : own;
      }, 1),
    );
    const data = Array.from({ length: sizeOf(shape) }, (_, at) =>
      f(...inputs.map((x) => x.data[broadcastIndex(x.shape, shape, at)]!)),
    );
    return { data, shape };
  };
}

/** A function from each group of elements along `axes` to numbers put back in their place (or one, kept with size 1). */
function along(axes: readonly number[], f: (values: number[]) => number[], keep = true) {
  return ({ data, shape }: Plain): Plain => {
    const strides = stridesOf(shape);
    const inner = axes.reduce<number[]>(
      (offsets, axis) => offsets.flatMap((o) => Array.from({ length: shape[axis]! }, (_, n) => o + n * strides[axis]!)),
      [0],
    );
    const outerShape = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const results: number[][] = [];
    const starts: number[] = [];
    for (let at = 0; at < sizeOf(shape); at++) {
      if (axes.some((axis) => Math.floor(at / strides[axis]!) % shape[axis]! !== 0)) continue;
      starts.push(at);
      results.push(f(inner.map((offset) => data[at + offset]!)));
    }
    if (results.every((values) => values.length === 1)) {
      const out = keep ? outerShape : outerShape.filter((_, axis) => !axes.includes(axis));
      return { data: results.map(([value]) => value as number), shape: out };
    }
    const out: number[] = new Array(sizeOf(shape));
    starts.forEach((start, group) => {
      inner.forEach((offset, n) => {
        out[start + offset] = results[group]![n]!;
      });
    });
    return { data: out, shape };
  };
}

/** The place of an element, of at most three axes here. */
type Position = readonly [number, number, number];

/** Elements picked one by one: the result's element at `index` is the input's at `from(index)`, or a number. */
function pick(shape: Shape, from: (index: Position) => { input?: number; index: readonly number[] } | number) {
  return (...inputs: Plain[]): Plain => {
    const strides = stridesOf(shape);
    const data = Array.from({ length: sizeOf(shape) }, (_, at) => {
      const source = from(strides.map((stride, axis) => Math.floor(at / stride) % shape[axis]!) as unknown as Position);
      if (typeof source === 'number') return source;
      const x = inputs[source.input ?? 0] as Plain;
      const own = stridesOf(x.shape);
      return x.data[source.index.reduce((sum, n, axis) => sum + n * own[axis]!, 0)]!;
    });
    return { data, shape };
  };
}

const UNARY_SHAPES: Sample['shapes'] = [[[]], [[1]], [[5]], [[2, 3]], [[2, 1, 3]]];
const BROADCAST_SHAPES: Sample['shapes'] = [
  [[3], [3]],
  [[2, 3], []],
  [[], [4]],
  [[2, 3], [3]],
  [
    [2, 3],
    [2, 1],
  ],
  [
    [2, 1],
    [1, 3],
  ],
  [
    [3, 1, 2],
    [4, 1],
  ],
  [
    [2, 3, 2],
    [3, 1],
  ],
  [[1, 5], [5]],
];
const TERNARY_SHAPES: Sample['shapes'] = [
  [[4], [4], [4]],
  [[2, 3], [], [3]],
  [
    [2, 3],
    [2, 1],
    [2, 3],
  ],
  [[], [2], [2, 2]],
];

function unary(call: (x: Tensor) => Tensor, f: (x: number) => number, more: Partial<Sample> = {}): Sample {
  return { call, shapes: UNARY_SHAPES, expected: each(f), smooth: true, ...more };
}

function binary(
  call: (a: Tensor, b: Tensor) => Tensor,
  f: (a: number, b: number) => number,
  more: Partial<Sample> = {},
): Sample {
  return { call, shapes: BROADCAST_SHAPES, expected: each(f), smooth: true, ...more };
}

function comparison(call: (a: Tensor, b: Tensor) => Tensor, f: (a: number, b: number) => boolean): Sample {
  return binary(call, (a, b) => (f(a, b) ? 1 : 0), {
    smooth: false,
    differentiable: false,
    domain: [{ low: -2, high: 2, whole: true }],
    special: [
      [[NaN, 1], f(NaN, 1) ? 1 : 0],
      [[Infinity, 1], f(Infinity, 1) ? 1 : 0],
    ],
  });
}

function reduction(
  call: (x: Tensor, options: r.ReduceOptions) => Tensor,
  f: (values: number[]) => number,
  more: Partial<Sample> = {},
): Sample {
  return {
    call: (x) => call(x, { axis: 1 }),
    shapes: [[[2, 3]], [[3, 1, 2]], [[2, 4, 3]], [[1, 5]]],
    expected: along([1], (values) => [f(values)], false),
    smooth: true,
    ...more,
  };
}

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const logTotal = (values: number[]): number => {
  const largest = Math.max(...values);
  return largest + Math.log(total(values.map((x) => Math.exp(x - largest))));
};
const mean = (values: number[]): number => total(values) / values.length;

function product(transposeA: boolean, transposeB: boolean) {
  return (a: Plain, b: Plain): Plain => {
    const [ra, ca] = a.shape.slice(-2) as [number, number];
    const [rb, cb] = b.shape.slice(-2) as [number, number];
    const [rows, depth] = transposeA ? [ca, ra] : [ra, ca];
    const cols = transposeB ? rb : cb;
    const batch = each((x) => x)({
      data: new Array(sizeOf(a.shape.slice(0, -2))).fill(0),
      shape: a.shape.slice(0, -2),
    }).shape;
    const lead = a.shape.length >= b.shape.length ? batch : b.shape.slice(0, -2);
    const data: number[] = [];
    for (let p = 0; p < sizeOf(lead); p++) {
      const fromA = a.shape.length > 2 ? p * ra * ca : 0;
      const fromB = b.shape.length > 2 ? p * rb * cb : 0;
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          let sum = 0;
          for (let k = 0; k < depth; k++) {
            sum +=
              a.data[fromA + (transposeA ? k * ca + row : row * ca + k)]! *
              b.data[fromB + (transposeB ? col * cb + k : k * cb + col)]!;
          }
          data.push(sum);
        }
      }
    }
    return { data, shape: [...lead, rows, cols] };
  };
}

const elementwiseSamples = {
  add: binary(e.add, (a, b) => a + b, {
    special: [
      [[Infinity, 1], Infinity],
      [[NaN, 1], NaN],
    ],
  }),
  sub: binary(e.sub, (a, b) => a - b),
  mul: binary(e.mul, (a, b) => a * b, { special: [[[-2, 0], -0]] }),
  div: binary(e.div, (a, b) => a / b, {
    domain: [REAL, { low: 0.3, high: 2 }],
    special: [
      [[1, 0], Infinity],
      [[0, 0], NaN],
    ],
  }),
  maximum: binary(e.maximum, Math.max, {
    smooth: false,
    domain: [
      { low: -2, high: -0.1 },
      { low: 0.1, high: 2 },
    ],
    special: [
      [[NaN, 1], NaN],
      [[1, NaN], NaN],
    ],
  }),
  minimum: binary(e.minimum, Math.min, {
    smooth: false,
    domain: [
      { low: -2, high: -0.1 },
      { low: 0.1, high: 2 },
    ],
    special: [[[NaN, 1], NaN]],
  }),
  pow: binary(e.pow, (a, b) => a ** b, {
    domain: [POSITIVE, REAL],
    tolerance: 1e-5,
    special: [
      [[0, 0], 1],
      [[-2, 3], -8],
      [[2, -1], 0.5],
    ],
  }),
  equal: comparison(e.equal, (a, b) => a === b),
  notEqual: comparison(e.notEqual, (a, b) => a !== b),
  less: comparison(e.less, (a, b) => a < b),
  lessEqual: comparison(e.lessEqual, (a, b) => a <= b),
  greater: comparison(e.greater, (a, b) => a > b),
  greaterEqual: comparison(e.greaterEqual, (a, b) => a >= b),
  where: {
    call: e.where,
    shapes: TERNARY_SHAPES,
    domain: [{ low: 0, high: 2, whole: true }, REAL],
    expected: each((c, a, b) => (c !== 0 ? a : b)),
    smooth: true,
    special: [
      [[1, 5, NaN], 5],
      [[0, NaN, 5], 5],
    ],
  },
  clamp: {
    call: (x, low, high) => e.clamp(x, low, high),
    shapes: TERNARY_SHAPES,
    domain: [
      { low: -3, high: 3, avoid: [-1.5, 1.5] },
      { low: -1.5, high: -1.5 },
      { low: 1.5, high: 1.5 },
    ],
    expected: each((x, low, high) => Math.min(Math.max(x, low), high)),
    special: [
      [[NaN, -1, 1], NaN],
      [[Infinity, -1, 1], 1],
    ],
  },
  abs: unary(e.abs, Math.abs, { domain: [AWAY_FROM_ZERO], special: [[[-Infinity], Infinity]] }),
  neg: unary(e.neg, (x) => -x),
  sign: unary(e.sign, Math.sign, {
    domain: [AWAY_FROM_ZERO],
    differentiable: false,
    special: [
      [[0], 0],
      [[NaN], NaN],
    ],
  }),
  exp: unary(e.exp, Math.exp, {
    special: [
      [[1000], Infinity],
      [[-1000], 0],
      [[NaN], NaN],
      [[0], 1],
    ],
  }),
  log: unary(e.log, Math.log, {
    domain: [POSITIVE],
    special: [
      [[0], -Infinity],
      [[-1], NaN],
      [[Infinity], Infinity],
      [[1], 0],
    ],
  }),
  log1p: unary(e.log1p, Math.log1p, {
    domain: [{ low: -0.7, high: 3 }],
    special: [
      [[-1], -Infinity],
      [[1e-20], 1e-20],
    ],
  }),
  expm1: unary(e.expm1, Math.expm1, {
    special: [
      [[-1000], -1],
      [[1000], Infinity],
      [[1e-20], 1e-20],
    ],
  }),
  sqrt: unary(e.sqrt, Math.sqrt, {
    domain: [POSITIVE],
    special: [
      [[0], 0],
      [[-1], NaN],
    ],
  }),
  rsqrt: unary(e.rsqrt, (x) => 1 / Math.sqrt(x), { domain: [POSITIVE], special: [[[0], Infinity]] }),
  square: unary(e.square, (x) => x * x),
  reciprocal: unary(e.reciprocal, (x) => 1 / x, {
    domain: [POSITIVE],
    special: [
      [[0], Infinity],
      [[Infinity], 0],
    ],
  }),
  sin: unary(e.sin, Math.sin, {
    special: [
      [[0], 0],
      [[Infinity], NaN],
    ],
  }),
  cos: unary(e.cos, Math.cos, {
    special: [
      [[0], 1],
      [[Infinity], NaN],
    ],
  }),
  erf: unary(e.erf, exactErf, {
    special: [
      [[10], 1],
      [[-10], -1],
      [[0], 0],
    ],
  }),
  tanh: unary(e.tanh, Math.tanh, {
    special: [
      [[1000], 1],
      [[-1000], -1],
      [[NaN], NaN],
    ],
  }),
  sigmoid: unary(e.sigmoid, sigmoid, {
    special: [
      [[1000], 1],
      [[-1000], 0],
      [[0], 0.5],
    ],
  }),
  softplus: unary(e.softplus, softplus, {
    special: [
      [[100], 100],
      [[1000], 1000],
      [[-1000], 0],
    ],
  }),
  logSigmoid: unary(e.logSigmoid, (x) => -softplus(-x), {
    special: [
      [[1000], 0],
      [[-1000], -1000],
    ],
  }),
  relu: unary(e.relu, (x) => Math.max(x, 0), {
    domain: [AWAY_FROM_ZERO],
    special: [
      [[-1000], 0],
      [[NaN], NaN],
    ],
  }),
  selu: unary(e.selu, (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)), {
    domain: [AWAY_FROM_ZERO],
    special: [[[1000], Math.fround(1050.7009873554805)]],
  }),
  gelu: unary(e.gelu, (x) => 0.5 * x * (1 + exactErf(x / Math.SQRT2)), {
    special: [
      [[1000], 1000],
      [[-1000], -0],
    ],
  }),
  silu: unary(e.silu, (x) => x * sigmoid(x), {
    special: [
      [[1000], 1000],
      [[-1000], -0],
    ],
  }),
  mish: unary(e.mish, (x) => x * Math.tanh(softplus(x)), {
    special: [
      [[1000], 1000],
      [[-1000], -0],
    ],
  }),
  hardSigmoid: unary(e.hardSigmoid, (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1), {
    domain: [{ low: -5, high: 5, avoid: [-3, 3] }],
    special: [
      [[1000], 1],
      [[-1000], 0],
    ],
  }),
  hardTanh: unary(e.hardTanh, (x) => Math.min(Math.max(x, -1), 1), {
    domain: [{ low: -2, high: 2, avoid: [-1, 1] }],
    special: [[[1000], 1]],
  }),
  leakyRelu: binary(
    (x, slope) => e.leakyRelu(x, slope),
    (x, slope) => (x < 0 ? slope * x : x),
    { domain: [AWAY_FROM_ZERO, REAL], special: [[[-1000, 0.5], -500]] },
  ),
  elu: binary(
    (x, alpha) => e.elu(x, alpha),
    (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
    {
      domain: [AWAY_FROM_ZERO, REAL],
      special: [
        [[1000, 1], 1000],
        [[-1000, 2], -2],
      ],
    },
  ),
} satisfies Record<string, Sample>;

const reduceSamples = {
  sum: reduction(r.sum, total),
  max: reduction(r.max, (values) => Math.max(...values), { smooth: false }),
  min: reduction(r.min, (values) => Math.min(...values), { smooth: false }),
  argMax: reduction(
    (x) => r.argMax(x, { axis: 1 }),
    (values) => values.indexOf(Math.max(...values)),
    { smooth: false, differentiable: false },
  ),
  mean: reduction(r.mean, mean),
  prod: reduction(r.prod, (values) => values.reduce((a, b) => a * b, 1)),
  variance: reduction(r.variance, (values) => mean(values.map((x) => (x - mean(values)) ** 2))),
  logSumExp: reduction(r.logSumExp, logTotal),
  softmax: {
    ...reduction((x) => r.softmax(x, 1), total),
    expected: along([1], (values) => values.map((x) => Math.exp(x - logTotal(values)))),
  },
  logSoftmax: {
    ...reduction((x) => r.logSoftmax(x, 1), total),
    expected: along([1], (values) => values.map((x) => x - logTotal(values))),
  },
  cumulativeSum: {
    ...reduction((x) => r.cumulativeSum(x, { axis: 1 }), total),
    expected: along([1], (values) => values.map((_, n) => total(values.slice(0, n + 1)))),
  },
  cumulativeSumReversed: {
    ...reduction((x) => r.cumulativeSum(x, { axis: 1, reverse: true }), total),
    expected: along([1], (values) => values.map((_, n) => total(values.slice(n)))),
  },
  sumOfScatteredAxes: {
    call: (x) => r.sum(x, { axis: [0, 2], keepDims: true }),
    shapes: [[[2, 3, 4]], [[3, 1, 2]]],
    expected: along([0, 2], (values) => [total(values)]),
    smooth: true,
  },
  sumOfAll: {
    call: (x) => r.sum(x),
    shapes: [[[2, 3]], [[]]],
    expected: (x) => ({ data: [total([...Array.from(x.data)])], shape: [] }),
    smooth: true,
  },
} satisfies Record<string, Sample>;

const matmulShapes: Sample['shapes'] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [5, 2],
    [2, 9],
  ],
  [
    [2, 3, 4],
    [2, 4, 2],
  ],
  [
    [2, 3, 4],
    [4, 2],
  ],
  [
    [3, 2],
    [2, 2, 3],
  ],
];
const swap = (shape: Shape): Shape => [...shape.slice(0, -2), shape[shape.length - 1]!, shape[shape.length - 2]!];

const linalgSamples = {
  matmul: { call: (a, b) => m.matmul(a, b), shapes: matmulShapes, expected: product(false, false), smooth: true },
  matmulTransposedA: {
    call: (a, b) => m.matmul(a, b, { transposeA: true }),
    shapes: matmulShapes.map(([a, b]) => [swap(a!), b!]),
    expected: product(true, false),
    smooth: true,
  },
  matmulTransposedB: {
    call: (a, b) => m.matmul(a, b, { transposeB: true }),
    shapes: matmulShapes.map(([a, b]) => [a!, swap(b!)]),
    expected: product(false, true),
    smooth: true,
  },
  matmulTransposedBoth: {
    call: (a, b) => m.matmul(a, b, { transposeA: true, transposeB: true }),
    shapes: matmulShapes.map(([a, b]) => [swap(a!), swap(b!)]),
    expected: product(true, true),
    smooth: true,
  },
  linear: {
    call: (x, w, b) => m.linear(x, w, b),
    shapes: [
      [[2, 3], [4, 3], [4]],
      [[1, 1], [1, 1], [1]],
      [[2, 2, 3], [2, 3], [2]],
    ],
    expected(x, w, b) {
      const flat = {
        data: x.data,
        shape: [x.shape.slice(0, -1).reduce((n, s) => n * s, 1), x.shape[x.shape.length - 1]!],
      };
      const y = product(false, true)(flat, w);
      return {
        data: Array.from(y.data, (value, at) => value + b.data[at % b.shape[0]!]!),
        shape: [...x.shape.slice(0, -1), w.shape[0]!],
      };
    },
    smooth: true,
  },
} satisfies Record<string, Sample>;

const layoutSamples = {
  reshape: {
    call: (x) => l.reshape(x, [3, -1]),
    shapes: [[[2, 3]], [[6]]],
    expected: (x) => ({ data: x.data, shape: [3, 2] }),
    smooth: true,
  },
  transpose: {
    call: (x) => l.transpose(x, [2, 0, 1]),
    shapes: [[[2, 3, 4]]],
    expected: pick([4, 2, 3], ([a, b, c]) => ({ index: [b, c, a] })),
    smooth: true,
  },
  transposeMatrix: {
    call: (x) => l.transpose(x),
    shapes: [[[9, 5]]],
    expected: pick([5, 9], ([a, b]) => ({ index: [b, a] })),
    smooth: true,
  },
  broadcastTo: {
    call: (x) => l.broadcastTo(x, [2, 3, 4]),
    shapes: [[[3, 1]], [[4]], [[2, 1, 1]], [[]]],
    expected: (x) => each((a) => a)(x, { data: new Array(24).fill(0), shape: [2, 3, 4] }),
    smooth: true,
  },
  slice: {
    call: (x) => l.slice(x, [[1, 3], null, [0, 5, 2]]),
    shapes: [[[4, 2, 5]]],
    expected: pick([2, 2, 3], ([a, b, c]) => ({ index: [a + 1, b, 2 * c] })),
    smooth: true,
  },
  place: {
    call: (x) =>
      l.pad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        7,
      ),
    shapes: [[[2, 3]]],
    expected: pick([3, 6], ([a, b]) => (a < 1 || b < 2 || b > 4 ? 7 : { index: [a - 1, b - 2] })),
    smooth: true,
  },
  flip: {
    call: (x) => l.flip(x, 1),
    shapes: [[[2, 5]]],
    expected: pick([2, 5], ([a, b]) => ({ index: [a, 4 - b] })),
    smooth: true,
  },
  concat: {
    call: (a, b) => l.concat([a, b], 1),
    shapes: [
      [
        [2, 3],
        [2, 2],
      ],
    ],
    expected: pick([2, 5], ([a, b]) => (b < 3 ? { index: [a, b] } : { input: 1, index: [a, b - 3] })),
    smooth: true,
  },
  stack: {
    call: (a, b) => l.stack([a, b], 1),
    shapes: [
      [
        [2, 3],
        [2, 3],
      ],
    ],
    expected: pick([2, 2, 3], ([a, n, b]) => ({ input: n, index: [a, b] })),
    smooth: true,
  },
  split: {
    call: (x) => l.split(x, [1, 3], 1)[1]!,
    shapes: [[[2, 4]]],
    expected: pick([2, 3], ([a, b]) => ({ index: [a, b + 1] })),
    smooth: true,
  },
  expandDims: {
    call: (x) => l.expandDims(x, -1),
    shapes: [[[2, 3]]],
    expected: (x) => ({ data: x.data, shape: [2, 3, 1] }),
    smooth: true,
  },
  squeeze: {
    call: (x) => l.squeeze(x),
    shapes: [[[2, 1, 3]]],
    expected: (x) => ({ data: x.data, shape: [2, 3] }),
    smooth: true,
  },
} satisfies Record<string, Sample>;

const indexingSamples = {
  gather: {
    call: (x) => i.gather(x, [2, 0, 2]),
    shapes: [[[3, 4]]],
    expected: pick([3, 4], ([a, b]) => ({ index: [[2, 0, 2][a] as number, b] })),
    smooth: true,
  },
  gatherAlongAxis: {
    call: (x) => i.gather(x, [1, 1], 1),
    shapes: [[[2, 3, 2]]],
    expected: pick([2, 2, 2], ([a, , c]) => ({ index: [a, 1, c] })),
    smooth: true,
  },
  scatterAdd: {
    call: (x, rows) => i.scatterAdd(x, [1, 0, 1], rows),
    shapes: [
      [
        [2, 3],
        [3, 3],
      ],
    ],
    expected: (x, rows) => ({
      data: Array.from(x.data, (value, at) => {
        const [row, col] = [Math.floor(at / 3), at % 3];
        return value + [1, 0, 1].reduce((sum, target, n) => sum + (target === row ? rows.data[n * 3 + col]! : 0), 0);
      }),
      shape: [2, 3],
    }),
    smooth: true,
  },
  oneHot: {
    call: (x) => i.oneHot(x, 3),
    shapes: [[[4]], [[2, 2]]],
    domain: [{ low: 0, high: 2, whole: true }],
    expected: (x) => ({
      data: Array.from(x.data).flatMap((n) => [0, 1, 2].map((c) => (c === n ? 1 : 0))),
      shape: [...x.shape, 3],
    }),
    differentiable: false,
  },
} satisfies Record<string, Sample>;

const randomSamples = {
  drawRows: {
    call: (keys) => d.drawRows('exponential', keys, 2, 3),
    shapes: [[[4, 2]], [[1, 2]], [[0, 2]]],
    domain: [{ low: 0, high: 1000, whole: true }],
    expected(keys) {
      const [rows] = keys.shape as [number, number];
      const data = Array.from({ length: 6 * rows }, (_, at) => {
        const [sample, row, column] = [Math.floor(at / (3 * rows)), Math.floor(at / 3) % rows, at % 3];
        const [key0, key1] = [keys.data[2 * row] as number, keys.data[2 * row + 1] as number];
        // Two blocks of two numbers each for a sample, the last number of which is left out.
        const words = threefry2x32(key0, key1, 2 * sample + (column >> 1), 0);
        return -Math.log(((words[column & 1] as number) >>> 8) * 2 ** -24 + 2 ** -24);
      });
      return { data, shape: [2, rows, 3] };
    },
    differentiable: false,
    // The logarithm is in single precision, whatever the dtype.
    exact: 4e-7,
  },
} satisfies Record<string, Sample>;

export { domainOf, sampleInputs } from './sample-inputs.ts';

export const samples = {
  ...elementwiseSamples,
  ...reduceSamples,
  ...linalgSamples,
  ...layoutSamples,
  ...indexingSamples,
  ...convolutionSamples,
  ...poolingSamples,
  ...resampleSamples,
  ...recurrentSamples,
  ...randomSamples,
} satisfies Record<OpName, Sample> & Record<string, Sample>;
