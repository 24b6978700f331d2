import type { OnnxAttribute } from '../proto/schema.ts';

/** The meaning of an elementwise operator for one number, from the ONNX specification. */
type Meaning = (inputs: readonly number[], option: (name: string) => OnnxAttribute | undefined) => number;

const one =
  (f: (x: number) => number): Meaning =>
  ([x = Number.NaN]) =>
    f(x);
const two =
  (f: (a: number, b: number) => number): Meaning =>
  ([a = Number.NaN, b = Number.NaN]) =>
    f(a, b);
const withAlpha =
  (usual: number, f: (x: number, alpha: number) => number): Meaning =>
  ([x = Number.NaN], option) =>
    f(x, option('alpha')?.f ?? usual);
/** Of any number of inputs. */
const all =
  (f: (...values: number[]) => number): Meaning =>
  (inputs) =>
    f(...inputs);

/** 2/√π ∫₀ˣ e^(−t²) dt, by a series of positive terms (DLMF 7.6.2). */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 5.9) return Math.sign(x);
  let [term, sum] = [a, a];
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(x) * ((2 * Math.exp(-a * a) * sum) / Math.sqrt(Math.PI));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const held = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** A number as another of ONNX's types; single and double precision are one here, and half precision is none of ours. */
function castTo(x: number, type: number | undefined): number {
  if (type === FLOAT || type === DOUBLE) return x;
  if (type === BOOL) return Number(x !== 0);
  return WHOLE.includes(type ?? 0) ? Math.trunc(x) : Number.NaN;
}
const [FLOAT, BOOL, DOUBLE] = [1, 9, 11];
const WHOLE: readonly number[] = [2, 3, 4, 5, 6, 7, 12, 13];

/** The elementwise operators that activations are written with. */
export const ELEMENTWISE: Readonly<Record<string, Meaning>> = {
  Identity: one((x) => x),
  Cast: ([x = Number.NaN], option) => castTo(x, option('to')?.i),
  Add: two((a, b) => a + b),
  Sub: two((a, b) => a - b),
  Mul: two((a, b) => a * b),
  Div: two((a, b) => a / b),
  Pow: two((a, b) => a ** b),
  Min: all(Math.min),
  Max: all(Math.max),
  Less: two((a, b) => Number(a < b)),
  LessOrEqual: two((a, b) => Number(a <= b)),
  Greater: two((a, b) => Number(a > b)),
  GreaterOrEqual: two((a, b) => Number(a >= b)),
  Equal: two((a, b) => Number(a === b)),
  Where: ([condition = 0, yes = Number.NaN, no = Number.NaN]) => (condition !== 0 ? yes : no),
  Neg: one((x) => -x),
  Abs: one(Math.abs),
  Sign: one(Math.sign),
  Sqrt: one(Math.sqrt),
  Reciprocal: one((x) => 1 / x),
  Exp: one(Math.exp),
  Log: one(Math.log),
  Tanh: one(Math.tanh),
  Erf: one(erf),
  Sigmoid: one(sigmoid),
  Softplus: one(softplus),
  Softsign: one((x) => x / (1 + Math.abs(x))),
  Relu: one((x) => Math.max(x, 0)),
  LeakyRelu: withAlpha(0.01, (x, alpha) => (x < 0 ? alpha * x : x)),
  Elu: withAlpha(1, (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x)),
  ThresholdedRelu: withAlpha(1, (x, alpha) => (x > alpha ? x : 0)),
  Celu: withAlpha(1, (x, alpha) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha))),
  Selu: ([x = Number.NaN], option) => {
    const [alpha, gamma] = [option('alpha')?.f ?? 1.6732632423543772, option('gamma')?.f ?? 1.0507009873554805];
    return gamma * (x > 0 ? x : alpha * Math.expm1(x));
  },
  PRelu: two((x, slope) => (x < 0 ? slope * x : x)),
  HardSigmoid: ([x = Number.NaN], option) => held((option('alpha')?.f ?? 0.2) * x + (option('beta')?.f ?? 0.5), 0, 1),
  HardSwish: one((x) => x * held(x / 6 + 0.5, 0, 1)),
  Mish: one((x) => x * Math.tanh(softplus(x))),
  Gelu: ([x = Number.NaN], option) =>
    new TextDecoder().decode(option('approximate')?.s) === 'tanh'
      ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : 0.5 * x * (1 + erf(x / Math.SQRT2)),
  Clip: ([x = Number.NaN, low = -Infinity, high = Infinity], option) =>
    held(x, option('min')?.f ?? low, option('max')?.f ?? high),
};
