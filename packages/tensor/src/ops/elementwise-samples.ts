// Samples of elementwise ops; see samples.ts. Only tests import this.
import { erf as exactErf } from '../expr/erf.ts';
import type { Tensor } from '../tensor.ts';
import * as e from './elementwise.ts';
import { type Domain, each, type Sample } from './sample.ts';

const REAL: Domain = { low: -2, high: 2 };
const POSITIVE: Domain = { low: 0.2, high: 3 };
const AWAY_FROM_ZERO: Domain = { low: -2, high: 2, avoid: [0] };

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

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const elementwiseSamples = {
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
