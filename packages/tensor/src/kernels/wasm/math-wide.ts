import { SQRT_HALF_BITS } from '../random/threefry.ts';
import { V128 } from './assembler.ts';
import { type Lanes, MAGNITUDE, SIGN, type Value } from './lanes.ts';

/**
 * The functions that need more than single precision on the way: two vectors of two f64 lanes hold what four f32 lanes
 * hold. As in `math.ts`: inlined, no fused operations, minimax polynomials with the highest power first.
 */

/** A vector of four numbers in double precision: lanes 0, 1 and lanes 2, 3. */
type Wide = readonly [Value, Value];

function wide(l: Lanes, x: Value): Wide {
  const low = l.op('f64x2_promote_low_f32x4', x);
  const high = l.op('f64x2_promote_low_f32x4', l.shuffle(x, x, [2, 3, 2, 3]));
  return [l.keep(low), l.keep(high)];
}
function narrow(l: Lanes, [low, high]: Wide): Value {
  return l.shuffle(l.op('f32x4_demote_f64x2_zero', low), l.op('f32x4_demote_f64x2_zero', high), [0, 1, 4, 5]);
}
/** The low 32 bits of each f64 lane. */
function lowWords(l: Lanes, [low, high]: Wide): Value {
  return l.shuffle(low, high, [0, 2, 4, 6]);
}
function each(l: Lanes, x: Wide, formula: (x: Value) => Value): Wide {
  return [l.keep(formula(x[0])), l.keep(formula(x[1]))];
}
function polynomial64(l: Lanes, coefficients: readonly number[], x: Value): Value {
  return coefficients
    .slice(1)
    .reduce((sum, c) => l.op('f64x2_add', l.op('f64x2_mul', sum, x), l.f64(c)), l.f64(coefficients[0]!));
}

/** Adding it rounds an f64 below 2⁵¹ to an integer and leaves the integer in the low bits. */
const ROUND64 = 1.5 * 2 ** 52;
/** π/2 = PI_HALF_HIGH + PI_HALF_LOW; the high part has 33 significant bits, so its product with n < 2²⁰ is exact. */
const PI_HALF_HIGH = 6746518852 / 2 ** 32;
const PI_HALF_LOW = 6.077100506506192e-11;

/** (sin(r)/r − 1)/r² and (cos(r) − 1 + r²/2)/r⁴ as polynomials in r² on |r| ≤ π/4 (3.7e-9, 1.4e-10). */
const SIN_POLYNOMIAL = [-0.00019516656175255775, 0.008332173340022564, -0.16666655242443085];
const COS_POLYNOMIAL = [2.4437729734927416e-5, -0.001388736185617745, 0.04166664555668831];

/** Past it the product of n and PI_HALF_HIGH is not exact any more. */
const NEAR = 1.6e6;
/**
 * 2/π in pieces of 29 bits, the highest first: a piece times a single-precision number is exact in double precision. Seven
 * of them leave an error below 2⁻⁷⁴ in x·2/π for the largest x.
 */
const PIECE_BITS = 29;
const TWO_OVER_PI = [341782637, 423170132, 352195499, 488592205, 461485765, 90590992, 478285810];

/** x = n·π/2 + r: r in single precision, and the low bits of n. */
interface QuarterTurns {
  readonly r: Value;
  readonly n: Value;
}

/** For |x| ≤ NEAR, by subtraction in double precision. */
function reduceNear(l: Lanes, x: Wide): QuarterTurns {
  const t = each(l, x, (v) => l.op('f64x2_add', l.op('f64x2_mul', v, l.f64(2 / Math.PI)), l.f64(ROUND64)));
  const reduced = t.map((v, i) => {
    const n = l.keep(l.op('f64x2_sub', v, l.f64(ROUND64)));
    const high = l.op('f64x2_sub', x[i] as Value, l.op('f64x2_mul', n, l.f64(PI_HALF_HIGH)));
    return l.keep(l.op('f64x2_sub', high, l.op('f64x2_mul', n, l.f64(PI_HALF_LOW))));
  });
  return { r: narrow(l, reduced as unknown as Wide), n: lowWords(l, t) };
}

/**
 * For all finite x (after Payne and Hanek 1983): x·2/π modulo 4 is the sum of the products with the pieces of 2/π, each
 * exact and taken modulo 4, whole turns put aside as they come, so that what is left of a number next to a multiple of π/2
 * has all its digits. NaN at ±∞.
 */
function reduceFar(l: Lanes, x: Wide): QuarterTurns {
  const parts = x.map((v) => {
    const [turns, left] = [l.f.local(V128), l.f.local(V128)];
    for (const local of [turns, left]) {
      l.f64(0).emit();
      l.f.set(local);
    }
    for (const [i, piece] of TWO_OVER_PI.entries()) {
      const product = l.keep(l.op('f64x2_mul', v, l.f64(piece * 2 ** (-PIECE_BITS * (i + 1)))));
      const fours = l.op('f64x2_nearest', l.op('f64x2_mul', product, l.f64(0.25)));
      const modulo = l.op('f64x2_sub', product, l.op('f64x2_mul', fours, l.f64(4)));
      const sum = l.keep(l.op('f64x2_add', l.local(left), modulo));
      const whole = l.keep(l.op('f64x2_nearest', sum));
      l.op('f64x2_sub', sum, whole).emit();
      l.f.set(left);
      l.op('f64x2_add', l.local(turns), whole).emit();
      l.f.set(turns);
    }
    return {
      r: l.keep(l.op('f64x2_mul', l.local(left), l.f64(Math.PI / 2))),
      n: l.keep(l.op('f64x2_add', l.local(turns), l.f64(ROUND64))),
    };
  });
  const [low, high] = parts as [QuarterTurns, QuarterTurns];
  return { r: narrow(l, [low.r, high.r]), n: lowWords(l, [low.n, high.n]) };
}

/** sin(x + quarterTurns·π/2). Lanes that are far out, which are rare, cost only where there are some. */
function sine(l: Lanes, value: Value, quarterTurns: 0 | 1): Value {
  const { f } = l;
  const x = l.keep(value);
  const wideX = wide(l, x);
  const [r, n] = [f.local(V128), f.local(V128)];
  const set = (reduced: QuarterTurns): void => {
    reduced.r.emit();
    f.set(r);
    reduced.n.emit();
    f.set(n);
  };
  set(reduceNear(l, wideX));
  const near = l.keep(l.op('f32x4_le', l.and(x, l.i32(MAGNITUDE)), l.f32(NEAR)));
  near.emit();
  f.simd('i32x4_bitmask').i32(15).op('i32_ne');
  f.if_(() => {
    const far = reduceFar(l, wideX);
    set({ r: l.choose(near, l.local(r), far.r), n: l.choose(near, l.local(n), far.n) });
  });
  const z = l.keep(l.mul(l.local(r), l.local(r)));
  const sin = l.keep(l.mul(l.local(r), l.add(l.mul(l.polynomial(SIN_POLYNOMIAL, z), z), l.f32(1))));
  const quartic = l.mul(l.polynomial(COS_POLYNOMIAL, z), l.mul(z, z));
  const cos = l.keep(l.add(l.sub(l.f32(1), l.mul(z, l.f32(0.5))), quartic));
  const quadrant = l.keep(quarterTurns === 0 ? l.local(n) : l.op('i32x4_add', l.local(n), l.i32(quarterTurns)));
  const odd = l.op('i32x4_eq', l.op('v128_and', quadrant, l.i32(1)), l.i32(1));
  const negative = l.and(l.shift('i32x4_shl', quadrant, 30), l.i32(SIGN));
  return l.op('v128_xor', l.choose(odd, cos, sin), negative);
}

/** sin x, NaN at ±∞. All x; error ≤ 2 ulp. */
export function sin(l: Lanes, value: Value): Value {
  return sine(l, value, 0);
}
/** cos x; range and error as `sin`. */
export function cos(l: Lanes, value: Value): Value {
  return sine(l, value, 1);
}

/** (log(1 + f) − 2s)/s³ in s² where s = f/(2 + f), √½ ≤ 1 + f ≤ √2 (4.9e-12). */
const ATANH_POLYNOMIAL = [0.23583569711062297, 0.2853723829614858, 0.40000336219054855, 0.6666666564130372];
/** (2ʳ − 1)/r on |r| ≤ ½ (2e-9). */
const EXP2_POLYNOMIAL = [
  0.00015353361182785115, 0.0013398874253208036, 0.009618437356378176, 0.05550332471692453, 0.24022647913717332,
  0.6931472028548168,
];

/** log₂|x| in double precision, of x = 2ᵉ(1 + f). −∞ at 0, ∞ at ±∞, NaN of NaN. */
function log2Magnitude(l: Lanes, x: Value): Wide {
  const a = l.keep(l.and(x, l.i32(MAGNITUDE)));
  const tiny = l.keep(l.op('f32x4_lt', a, l.f32(2 ** -126)));
  const scaled = l.keep(l.choose(tiny, l.mul(a, l.f32(2 ** 23)), a));
  const e = l.keep(l.shift('i32x4_shr_s', l.op('i32x4_sub', scaled, l.i32(SQRT_HALF_BITS)), 23));
  const m = l.op('i32x4_sub', scaled, l.shift('i32x4_shl', e, 23));
  const f = wide(l, l.keep(l.sub(m, l.f32(1))));
  const exponent = l.sub(l.op('f32x4_convert_i32x4_s', e), l.and(tiny, l.f32(23)));
  // What the mantissa cannot say is added as an exponent: −∞ for 0; ∞ and NaN as they are.
  const finite = l.choose(l.op('f32x4_eq', a, l.f32(0)), l.f32(-Infinity), exponent);
  const whole = wide(l, l.keep(l.choose(l.op('f32x4_lt', a, l.f32(Infinity)), finite, a)));
  const log2 = f.map((v, i) => {
    const s = l.keep(l.op('f64x2_div', v, l.op('f64x2_add', v, l.f64(2))));
    const z = l.keep(l.op('f64x2_mul', s, s));
    const p = l.op('f64x2_add', l.op('f64x2_mul', polynomial64(l, ATANH_POLYNOMIAL, z), z), l.f64(2));
    return l.keep(l.op('f64x2_add', l.op('f64x2_mul', l.op('f64x2_mul', p, s), l.f64(Math.LOG2E)), whole[i]));
  });
  return [log2[0]!, log2[1]!];
}

/**
 * aᵇ = ±2^(b·log₂|a|) with JavaScript's rules: a⁰ is 1 even for NaN, (±1)^±∞ is NaN, a negative finite base has a power
 * only for a whole b. All a and b; underflow is gradual; error ≤ 1 ulp.
 */
export function pow(l: Lanes, base: Value, exponent: Value): Value {
  const a = l.keep(base);
  const b = l.keep(exponent);
  const log2 = log2Magnitude(l, a);
  const wideB = wide(l, b);
  // Past ±160 the result is 0 or ∞ anyway. f64x2.min and max let a NaN through.
  const y = log2.map((v, i) =>
    l.keep(l.op('f64x2_min', l.op('f64x2_max', l.op('f64x2_mul', v, wideB[i]), l.f64(-160)), l.f64(160))),
  );
  const t = each(l, [y[0]!, y[1]!], (v) => l.op('f64x2_add', v, l.f64(ROUND64)));
  const powers = t.map((v, i) => {
    const r = l.keep(l.op('f64x2_sub', y[i]!, l.op('f64x2_sub', v, l.f64(ROUND64))));
    return l.keep(l.op('f64x2_add', l.op('f64x2_mul', polynomial64(l, EXP2_POLYNOMIAL, r), r), l.f64(1)));
  });
  const n = l.keep(lowWords(l, t));
  const half = l.keep(l.shift('i32x4_shr_s', n, 1));
  const power2 = (k: Value): Value => l.shift('i32x4_shl', l.op('i32x4_add', k, l.i32(127)), 23);
  const scaled = l.mul(narrow(l, [powers[0]!, powers[1]!]), power2(half));
  const magnitude = l.keep(l.mul(scaled, power2(l.op('i32x4_sub', n, half))));

  const negative = l.keep(l.op('f32x4_lt', a, l.f32(0)));
  const whole = l.keep(l.op('f32x4_eq', l.op('f32x4_floor', b), b));
  const halfB = l.keep(l.mul(b, l.f32(0.5)));
  const odd = l.op('v128_andnot', whole, l.op('f32x4_eq', l.op('f32x4_floor', halfB), halfB));
  const signed = l.op('v128_or', magnitude, l.and(l.and(odd, a), l.i32(SIGN)));
  const fractional = l.op('v128_andnot', negative, whole);
  const finite = l.op('f32x4_gt', a, l.f32(-Infinity));
  const result = l.op('v128_or', signed, l.and(fractional, finite)); // all ones is a NaN
  return l.choose(l.op('f32x4_eq', b, l.f32(0)), l.f32(1), result);
}
