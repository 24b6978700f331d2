import { apply } from '../eager.ts';
import { constant, type Expr, expr, select } from '../expr/expr.ts';
import type { Tensor } from '../tensor.ts';
import { type Operand, operands } from './argument.ts';
import { type ElementwiseOp, elementwise, type GradientRule } from './elementwise-op.ts';

// The rows. Each is a formula of x (or a, b) and, for each input, its gradient from g, the inputs and the output y, both
// in forms that hold for |x| = 1000. In f32 the formulas run as SIMD.

const SQRT_2 = Math.SQRT2;
const SQRT_2_PI = Math.sqrt(2 * Math.PI);
/** Klambauer et al. 2017, Self-Normalizing Neural Networks. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** log(1 + e^x) = max(x, 0) + log1p(e^(−|x|)). */
function softplusOf(x: Expr): Expr {
  return x.max(0).add(x.abs().neg().exp().log1p());
}

const one = /* @__PURE__ */ constant(1);
const none: readonly [null, null] = [null, null];
const positive = (x: Expr): Expr => expr(0).lt(x);

function unary(
  name: string,
  value: (x: Expr) => Expr,
  gradient: ((g: Expr, x: Expr, y: Expr) => Expr) | null,
): ElementwiseOp {
  return elementwise(name, value as (...inputs: Expr[]) => Expr, [gradient as GradientRule]);
}

type BinaryGradient = ((g: Expr, a: Expr, b: Expr, y: Expr) => Expr) | null;

function binary(
  name: string,
  value: (a: Expr, b: Expr) => Expr,
  gradients: readonly [BinaryGradient, BinaryGradient],
): ElementwiseOp {
  return elementwise(name, value as (...inputs: Expr[]) => Expr, gradients as readonly GradientRule[]);
}

/** The rows of elementwise ops; see `opTable`. */
export const elementwiseOps = {
  add: /* @__PURE__ */ binary('add', (a, b) => a.add(b), [(g) => g, (g) => g]),
  sub: /* @__PURE__ */ binary('sub', (a, b) => a.sub(b), [(g) => g, (g) => g.neg()]),
  mul: /* @__PURE__ */ binary('mul', (a, b) => a.mul(b), [(g, _a, b) => g.mul(b), (g, a) => g.mul(a)]),
  div: /* @__PURE__ */ binary('div', (a, b) => a.div(b), [
    (g, _a, b) => g.div(b),
    (g, _a, b, y) => g.mul(y).div(b).neg(),
  ]),
  // At a tie each side gets half.
  maximum: /* @__PURE__ */ binary('maximum', (a, b) => a.max(b), [
    (g, a, b) => g.mul(b.lt(a).add(a.eq(b).mul(0.5))),
    (g, a, b) => g.mul(a.lt(b).add(a.eq(b).mul(0.5))),
  ]),
  minimum: /* @__PURE__ */ binary('minimum', (a, b) => a.min(b), [
    (g, a, b) => g.mul(a.lt(b).add(a.eq(b).mul(0.5))),
    (g, a, b) => g.mul(b.lt(a).add(a.eq(b).mul(0.5))),
  ]),
  // d/da = b·a^(b−1), 0 for b = 0 even at a = 0; d/db = y·log a, 0 at a = 0 (for a < 0 there is none).
  pow: /* @__PURE__ */ binary('pow', (a, b) => a.pow(b), [
    (g, a, b) => g.mul(select(b.eq(0), 0, b.mul(a.pow(b.sub(1))))),
    (g, a, _b, y) => g.mul(select(a.eq(0), 0, y.mul(a.log()))),
  ]),

  equal: /* @__PURE__ */ binary('equal', (a, b) => a.eq(b), none),
  notEqual: /* @__PURE__ */ binary('notEqual', (a, b) => one.sub(a.eq(b)), none),
  less: /* @__PURE__ */ binary('less', (a, b) => a.lt(b), none),
  lessEqual: /* @__PURE__ */ binary('lessEqual', (a, b) => a.le(b), none),
  greater: /* @__PURE__ */ binary('greater', (a, b) => b.lt(a), none),
  greaterEqual: /* @__PURE__ */ binary('greaterEqual', (a, b) => b.le(a), none),
  where: /* @__PURE__ */ elementwise('where', (c: Expr, a: Expr, b: Expr) => select(c, a, b), [
    null,
    (g, c) => select(c, g, 0),
    (g, c) => select(c, 0, g),
  ]),
  clamp: /* @__PURE__ */ elementwise('clamp', (x: Expr, low: Expr, high: Expr) => x.max(low).min(high), [
    (g, x, low, high) => g.mul(low.le(x)).mul(x.le(high)),
    (g, x, low) => g.mul(x.lt(low)),
    (g, x, _low, high) => g.mul(high.lt(x)),
  ]),

  abs: /* @__PURE__ */ unary(
    'abs',
    (x) => x.abs(),
    (g, x) => g.mul(x.sign()),
  ),
  neg: /* @__PURE__ */ unary(
    'neg',
    (x) => x.neg(),
    (g) => g.neg(),
  ),
  sign: /* @__PURE__ */ unary('sign', (x) => x.sign(), null),
  exp: /* @__PURE__ */ unary(
    'exp',
    (x) => x.exp(),
    (g, _x, y) => g.mul(y),
  ),
  log: /* @__PURE__ */ unary(
    'log',
    (x) => x.log(),
    (g, x) => g.div(x),
  ),
  log1p: /* @__PURE__ */ unary(
    'log1p',
    (x) => x.log1p(),
    (g, x) => g.div(x.add(1)),
  ),
  expm1: /* @__PURE__ */ unary(
    'expm1',
    (x) => x.expm1(),
    (g, _x, y) => g.mul(y.add(1)),
  ),
  sqrt: /* @__PURE__ */ unary(
    'sqrt',
    (x) => x.sqrt(),
    (g, _x, y) => g.mul(0.5).div(y),
  ),
  rsqrt: /* @__PURE__ */ unary(
    'rsqrt',
    (x) => one.div(x.sqrt()),
    (g, _x, y) => g.mul(-0.5).mul(y.mul(y).mul(y)),
  ),
  square: /* @__PURE__ */ unary(
    'square',
    (x) => x.mul(x),
    (g, x) => g.mul(x).mul(2),
  ),
  reciprocal: /* @__PURE__ */ unary(
    'reciprocal',
    (x) => one.div(x),
    (g, _x, y) => g.mul(y).mul(y).neg(),
  ),
  sin: /* @__PURE__ */ unary(
    'sin',
    (x) => x.sin(),
    (g, x) => g.mul(x.cos()),
  ),
  cos: /* @__PURE__ */ unary(
    'cos',
    (x) => x.cos(),
    (g, x) => g.mul(x.sin()).neg(),
  ),
  erf: /* @__PURE__ */ unary(
    'erf',
    (x) => x.erf(),
    (g, x) => g.mul(x.mul(x).neg().exp()).mul(2 / Math.sqrt(Math.PI)),
  ),
  tanh: /* @__PURE__ */ unary(
    'tanh',
    (x) => x.tanh(),
    (g, _x, y) => g.mul(one.sub(y.mul(y))),
  ),
  sigmoid: /* @__PURE__ */ unary(
    'sigmoid',
    (x) => x.sigmoid(),
    (g, _x, y) => g.mul(y.mul(one.sub(y))),
  ),
  softplus: /* @__PURE__ */ unary('softplus', softplusOf, (g, x) => g.mul(x.sigmoid())),
  logSigmoid: /* @__PURE__ */ unary(
    'logSigmoid',
    (x) => softplusOf(x.neg()).neg(),
    (g, x) => g.mul(x.neg().sigmoid()),
  ),
  // Written so that NaN stays NaN.
  relu: /* @__PURE__ */ unary(
    'relu',
    (x) => select(x.lt(0), 0, x),
    // y > 0 where x > 0, and y is kept anyway: it is what the next layer reads.
    (g, _x, y) => select(positive(y), g, 0),
  ),
  selu: /* @__PURE__ */ unary(
    'selu',
    (x) => select(positive(x), x, x.expm1().mul(SELU_ALPHA)).mul(SELU_SCALE),
    (g, x) => g.mul(select(positive(x), 1, x.exp().mul(SELU_ALPHA))).mul(SELU_SCALE),
  ),
  // The exact form x·Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016).
  gelu: /* @__PURE__ */ unary(
    'gelu',
    (x) => x.mul(0.5).mul(x.div(SQRT_2).erf().add(1)),
    (g, x) => {
      const cdf = x.div(SQRT_2).erf().add(1).mul(0.5);
      const pdf = x.mul(x).mul(-0.5).exp().div(SQRT_2_PI);
      return g.mul(cdf.add(x.mul(pdf)));
    },
  ),
  silu: /* @__PURE__ */ unary(
    'silu',
    (x) => x.mul(x.sigmoid()),
    (g, x) => g.mul(x.sigmoid().mul(x.mul(one.sub(x.sigmoid())).add(1))),
  ),
  mish: /* @__PURE__ */ unary(
    'mish',
    (x) => x.mul(softplusOf(x).tanh()),
    (g, x) => {
      const t = softplusOf(x).tanh();
      return g.mul(t.add(x.mul(x.sigmoid()).mul(one.sub(t.mul(t)))));
    },
  ),
  hardSigmoid: /* @__PURE__ */ unary(
    'hardSigmoid',
    (x) => x.div(6).add(0.5).max(0).min(1),
    (g, x) => g.mul(x.abs().lt(3)).div(6),
  ),
  hardTanh: /* @__PURE__ */ unary(
    'hardTanh',
    (x) => x.max(-1).min(1),
    (g, x) => g.mul(x.abs().lt(1)),
  ),
  leakyRelu: /* @__PURE__ */ binary('leakyRelu', (x, slope) => select(x.lt(0), x.mul(slope), x), [
    (g, x, slope) => select(x.lt(0), g.mul(slope), g),
    (g, x) => select(x.lt(0), g.mul(x), 0),
  ]),
  elu: /* @__PURE__ */ binary('elu', (x, alpha) => select(x.lt(0), x.expm1().mul(alpha), x), [
    (g, x, alpha) => select(x.lt(0), g.mul(alpha).mul(x.exp()), g),
    (g, x) => select(x.lt(0), g.mul(x.expm1()), 0),
  ]),
} satisfies Record<string, ElementwiseOp>;

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

function run(op: ElementwiseOp, ...values: Operand[]): Tensor {
  return apply(op, operands(op.name, values), undefined);
}
const unaryOp =
  (op: ElementwiseOp): Unary =>
  (x) =>
    run(op, x);
const binaryOp =
  (op: ElementwiseOp): Binary =>
  (a, b) =>
    run(op, a, b);
const o = elementwiseOps;

/** a + b, broadcast as in NumPy. */
export const add: Binary = /* @__PURE__ */ binaryOp(o.add);
/** a − b. */
export const sub: Binary = /* @__PURE__ */ binaryOp(o.sub);
/** a · b, elementwise. */
export const mul: Binary = /* @__PURE__ */ binaryOp(o.mul);
/** a / b. */
export const div: Binary = /* @__PURE__ */ binaryOp(o.div);
/** The larger of a and b; NaN if either is. At a tie the gradient is split in half. */
export const maximum: Binary = /* @__PURE__ */ binaryOp(o.maximum);
/** The smaller of a and b; NaN if either is. At a tie the gradient is split in half. */
export const minimum: Binary = /* @__PURE__ */ binaryOp(o.minimum);
/** a to the power b. */
export const pow: Binary = /* @__PURE__ */ binaryOp(o.pow);
/** 1 where a = b, else 0 (NaN equals nothing). Comparisons have no gradient. */
export const equal: Binary = /* @__PURE__ */ binaryOp(o.equal);
/** 1 where a ≠ b, else 0. */
export const notEqual: Binary = /* @__PURE__ */ binaryOp(o.notEqual);
/** 1 where a < b, else 0. */
export const less: Binary = /* @__PURE__ */ binaryOp(o.less);
/** 1 where a ≤ b, else 0. */
export const lessEqual: Binary = /* @__PURE__ */ binaryOp(o.lessEqual);
/** 1 where a > b, else 0. */
export const greater: Binary = /* @__PURE__ */ binaryOp(o.greater);
/** 1 where a ≥ b, else 0. */
export const greaterEqual: Binary = /* @__PURE__ */ binaryOp(o.greaterEqual);
/** a where `condition` is not 0, b where it is. The side not chosen has gradient 0, even where it is NaN. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return run(o.where, condition, a, b);
}
/** x held between `low` and `high`; the gradient is 0 where it was outside. */
export function clamp(x: Tensor, low: Operand, high: Operand): Tensor {
  return run(o.clamp, x, low, high);
}
/** |x|. */
export const abs: Unary = /* @__PURE__ */ unaryOp(o.abs);
/** −x. */
export const neg: Unary = /* @__PURE__ */ unaryOp(o.neg);
/** −1, 0 or 1. */
export const sign: Unary = /* @__PURE__ */ unaryOp(o.sign);
/** eˣ. */
export const exp: Unary = /* @__PURE__ */ unaryOp(o.exp);
/** Natural logarithm; −∞ at 0, NaN below. */
export const log: Unary = /* @__PURE__ */ unaryOp(o.log);
/** log(1 + x), exact for small x. */
export const log1p: Unary = /* @__PURE__ */ unaryOp(o.log1p);
/** eˣ − 1, exact for small x. */
export const expm1: Unary = /* @__PURE__ */ unaryOp(o.expm1);
/** √x. */
export const sqrt: Unary = /* @__PURE__ */ unaryOp(o.sqrt);
/** 1/√x. */
export const rsqrt: Unary = /* @__PURE__ */ unaryOp(o.rsqrt);
/** x². */
export const square: Unary = /* @__PURE__ */ unaryOp(o.square);
/** 1/x. */
export const reciprocal: Unary = /* @__PURE__ */ unaryOp(o.reciprocal);
/** sin x, x in radians. */
export const sin: Unary = /* @__PURE__ */ unaryOp(o.sin);
/** cos x, x in radians. */
export const cos: Unary = /* @__PURE__ */ unaryOp(o.cos);
/** The error function 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf: Unary = /* @__PURE__ */ unaryOp(o.erf);
/** (eˣ − e^(−x)) / (eˣ + e^(−x)). */
export const tanh: Unary = /* @__PURE__ */ unaryOp(o.tanh);
/** 1 / (1 + e^(−x)). */
export const sigmoid: Unary = /* @__PURE__ */ unaryOp(o.sigmoid);
/** log(1 + eˣ), without overflow: softplus(100) is 100. */
export const softplus: Unary = /* @__PURE__ */ unaryOp(o.softplus);
/** log(1 / (1 + e^(−x))) = −softplus(−x): the log-probability of a logit, without overflow. */
export const logSigmoid: Unary = /* @__PURE__ */ unaryOp(o.logSigmoid);
/** max(x, 0). */
export const relu: Unary = /* @__PURE__ */ unaryOp(o.relu);
/** Self-normalising unit (Klambauer et al. 2017). */
export const selu: Unary = /* @__PURE__ */ unaryOp(o.selu);
/** x·Φ(x), the exact Gaussian error linear unit. */
export const gelu: Unary = /* @__PURE__ */ unaryOp(o.gelu);
/** x·sigmoid(x), also called swish. */
export const silu: Unary = /* @__PURE__ */ unaryOp(o.silu);
/** x·tanh(softplus(x)). */
export const mish: Unary = /* @__PURE__ */ unaryOp(o.mish);
/** x/6 + ½ held to [0, 1]. */
export const hardSigmoid: Unary = /* @__PURE__ */ unaryOp(o.hardSigmoid);
/** x held to [−1, 1]. */
export const hardTanh: Unary = /* @__PURE__ */ unaryOp(o.hardTanh);
/** x where x ≥ 0, slope·x below; slope is 0.01 by default. */
export function leakyRelu(x: Tensor, slope: Operand = 0.01): Tensor {
  return run(o.leakyRelu, x, slope);
}
/** x where x ≥ 0, α(eˣ − 1) below; α is 1 by default. */
export function elu(x: Tensor, alpha: Operand = 1): Tensor {
  return run(o.elu, x, alpha);
}
