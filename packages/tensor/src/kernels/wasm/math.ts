import type { Range } from '../../expr/range.ts';
import { LN2_HIGH, LN2_LOW, LOG_POLYNOMIAL, SQRT_HALF_BITS } from '../random/threefry.ts';
import { V128 } from './assembler.ts';
import { type Lanes, MAGNITUDE, SIGN, type Value } from './lanes.ts';

/**
 * Elementary functions on four single-precision lanes, inlined where they are used. Errors are the largest found against
 * double precision over all exponents, in units in the last place (1 ulp ≤ 1.2e-7 relative). With separate multiplications
 * and additions every machine gives the same numbers; with fused ones (`Lanes.fused`) others, as exact, in less time. What
 * is known of an argument's range only ever leaves out what cannot happen, and changes no bit: so a formula gives the same
 * numbers whatever it became part of. Polynomials are minimax by Remez exchange, highest power first.
 */

const LOG2_E = Math.LOG2E;
const FIRST_NORMAL = 2 ** -126;

/** (eʳ − 1 − r)/r² on |r| ≤ 0.347; contributes 3e-9 to eʳ. */
const EXP_POLYNOMIAL = [
  0.0013814434641972184, 0.008368796668946743, 0.041668396443128586, 0.1666651964187622, 0.4999999403953552,
];
/** The same, weighted for eʳ − 1: contributes 1.3e-8 to it. */
const EXPM1_POLYNOMIAL = [
  0.001388251082971692, 0.008366595953702927, 0.04166720062494278, 0.1666654348373413, 0.4999999701976776,
];
/** log(1 + x)/x on [0, 1] (3.3e-8). */
const LOG1P_POLYNOMIAL = [
  0.005364826414734125, -0.03006580099463463, 0.07920455187559128, -0.13753803074359894, 0.1915365606546402,
  -0.24857163429260254, 0.3332132399082184, -0.49999648332595825, 1,
];
/** erf(x)/x − 1 as a polynomial in x² on |x| ≤ 0.9 (1.2e-8 of erf). */
const ERF_POLYNOMIAL = [
  -0.0006090363021939993, 0.0050119636580348015, -0.02677891030907631, 0.11282140761613846, -0.3761252462863922,
  0.12837915122509003,
];
/** −log erfc(x) on 0.9 ≤ x ≤ 4; contributes 1.7e-9 to erf. */
const LOG_ERFC_POLYNOMIAL = [
  -0.0001982191315619275, 0.0030654852744191885, -0.022315194830298424, 0.1041136384010315, 0.6369761228561401,
  1.127797245979309, 0.00016645305731799453,
];

/** Adding it rounds a small number to an integer and leaves that integer in the low bits. */
const ROUND = 1.5 * 2 ** 23;
/** Of a single-precision number. */
const EXPONENT_BIAS = 127;
/**
 * log 2 = high + low, so that the product of the high part with an exponent is exact: fused, any product is. Both are
 * positive, or a −0 would be lost.
 */
const LN2 = [LN2_HIGH, LN2_LOW] as const;
const NEAR_LN2 = 11629079 / 2 ** 24;
const LN2_FUSED = [NEAR_LN2, Math.LN2 - NEAR_LN2] as const;

interface Reduced {
  /** x − n·log 2, |r| ≤ 0.347. */
  readonly r: Value;
  /** The low bits are n + `offset`. */
  readonly t: Value;
}

/** x = n·log 2 + r for x within ±104. With any even `offset` halves are rounded to the same n. */
function reduceExp(l: Lanes, x: Value, offset: number): Reduced {
  const [high, low] = l.fused ? LN2_FUSED : LN2;
  const t = l.keep(l.mulAdd(x, l.f32(LOG2_E), l.f32(ROUND + offset)));
  const n = l.keep(l.sub(t, l.f32(ROUND + offset)));
  const r = l.keep(l.mulAdd(n, l.f32(-low), l.mulAdd(n, l.f32(-high), x)));
  return { r, t };
}

/**
 * 2^⌊n/2⌋ and 2^(n − ⌊n/2⌋), from n + 2·127: their product may overflow or underflow, as the result should; each alone
 * does not.
 */
function scales(l: Lanes, t: Value): readonly [Value, Value] {
  const half = l.keep(l.shift('i32x4_shr_u', t, 1));
  return [l.shift('i32x4_shl', half, 23), l.shift('i32x4_shl', l.op('i32x4_sub', t, half), 23)];
}

/** 2ⁿ from n + 127, which are low bits. */
function scale(l: Lanes, t: Value): Value {
  return l.shift('i32x4_shl', t, 23);
}

/** With `x` as the first operand, pmin and pmax (one instruction, unlike min and max) let a NaN through. */
function clamp(l: Lanes, x: Value, low: number, high: number): Value {
  return l.keep(l.op('f32x4_pmin', l.op('f32x4_pmax', x, l.f32(low)), l.f32(high)));
}

/** Past these eˣ rounds to 0 and ∞. */
const EXP_LEAST = -104;
const EXP_MOST = 89;
/** e^(−104) is 2^(−150)·eʳ: 2⁶³ times as large, every power of two that eˣ ≤ 1 needs is a normal number. */
const LIFT = 63;

/** eʳ·factor, for a power of two that costs nothing. */
function expReduced(l: Lanes, r: Value, factor: number): Value {
  const coefficients = EXP_POLYNOMIAL.map((c) => c * factor);
  if (l.fused) return l.polynomial([...coefficients, factor, factor], r);
  const linear = factor === 1 ? r : l.mul(r, l.f32(factor));
  return l.add(l.add(l.mul(l.polynomial(coefficients, r), l.mul(r, r)), linear), l.f32(factor));
}

/** eˣ = 2ⁿ·eʳ. All x; underflow is gradual; error ≤ 1 ulp. Where x ≤ 0, 2ⁿ is one number, so scaled that it has a place. */
export function exp(l: Lanes, value: Value, { high }: Range): Value {
  if (high <= 0) {
    const { r, t } = reduceExp(l, l.keep(l.op('f32x4_pmax', value, l.f32(EXP_LEAST))), EXPONENT_BIAS + LIFT);
    return l.mul(expReduced(l, r, 2 ** -LIFT), scale(l, t));
  }
  const { r, t } = reduceExp(l, clamp(l, value, EXP_LEAST, EXP_MOST), 2 * EXPONENT_BIAS);
  const [scale1, scale2] = scales(l, t);
  return l.mul(l.mul(expReduced(l, r, 1), scale1), scale2);
}

/** eʳ − 1 = r·(1 + r·Q(r)), exact in sign for ±0. */
function expm1Reduced(l: Lanes, r: Value): Value {
  return l.mul(r, l.mulAdd(l.polynomial(EXPM1_POLYNOMIAL, r), r, l.f32(1)));
}

/** eˣ − 1 = 2ⁿ·(eʳ − 1) + (2ⁿ − 1), the scale 2ⁿ in two halves. All x; error ≤ 2.2 ulp. */
export function expm1(l: Lanes, value: Value): Value {
  const x = clamp(l, value, -18, EXP_MOST);
  const { r, t } = reduceExp(l, x, 2 * EXPONENT_BIAS);
  const [scale1, scale2] = scales(l, t).map((s) => l.keep(s)) as [Value, Value];
  const p = l.mul(expm1Reduced(l, r), scale1);
  // 1/scale2: the biased exponent mirrored.
  const inverse2 = l.op('i32x4_sub', l.i32(254 << 23), scale2);
  return l.mul(l.sub(p, l.sub(inverse2, scale1)), scale2);
}

/** tanh x = sign(x)·E/(E + 4), E = 2(e^(2|x|) − 1). All x; error ≤ 3 ulp. */
export function tanh(l: Lanes, value: Value): Value {
  const x = l.keep(value);
  const magnitude = l.and(x, l.i32(MAGNITUDE));
  // tanh 9.1 rounds to 1.
  const doubled = l.keep(l.mul(l.op('f32x4_pmin', magnitude, l.f32(9.1)), l.f32(2)));
  const { r, t } = reduceExp(l, doubled, EXPONENT_BIAS + 1);
  const twice = l.keep(scale(l, t)); // 2·2ⁿ
  const e = l.keep(l.mulAdd(expm1Reduced(l, r), twice, l.sub(twice, l.f32(2))));
  return l.op('v128_or', l.div(e, l.add(e, l.f32(4))), l.and(x, l.i32(SIGN)));
}

/**
 * e·log 2 + log(1 + f) = (−e)·(−log 2) + f + f²·P(f), from −e. Negated, so that a −0 as f is still −0 at the end where e
 * is 0. The order of operations is that of `threefry.ts`.
 */
function logFromParts(l: Lanes, f: Value, minusE: Value): Value {
  const y = l.mulAdd(l.polynomial(LOG_POLYNOMIAL, f), l.mul(f, f), l.mul(minusE, l.f32(-LN2_LOW)));
  return l.mulAdd(minusE, l.f32(-LN2_HIGH), l.add(f, y));
}

/** −e as an integer, x = 2ᵉ·m with √½ ≤ m < √2. */
function minusExponent(l: Lanes, x: Value): Value {
  return l.keep(l.op('i32x4_neg', l.shift('i32x4_shr_s', l.op('i32x4_sub', x, l.i32(SQRT_HALF_BITS)), 23)));
}

/** 2⁻ᵉ·x by its bits. */
function mantissa(l: Lanes, x: Value, minusE: Value): Value {
  return l.op('i32x4_add', x, l.shift('i32x4_shl', minusE, 23));
}

/** log x for positive normal x only, unfused bit for bit that of `threefry.ts`; error ≤ 1.3 ulp. */
export function logOfNormal(l: Lanes, value: Value): Value {
  const x = l.keep(value);
  const minusE = minusExponent(l, x);
  const f = l.keep(l.sub(mantissa(l, x, minusE), l.f32(1)));
  return logFromParts(l, f, l.keep(l.op('f32x4_convert_i32x4_s', minusE)));
}

/** `fast` where every lane of `mask` is set, else `slow`: the rare arguments cost one test. Only the chosen side is computed. */
function whereAll(l: Lanes, mask: Value, fast: () => Value, slow: () => Value): Value {
  const result = l.f.local(V128);
  const assign = (side: () => Value) => (): void => {
    side().emit();
    l.f.set(result);
  };
  mask.emit();
  l.f.simd('i32x4_bitmask').i32(15).op('i32_eq').if_(assign(fast), assign(slow));
  return l.local(result);
}

/** Where `x` is positive, normal and finite. */
function normal(l: Lanes, x: Value): Value {
  // As integers: FIRST_NORMAL ≤ x < ∞, shifted so that one signed comparison sees both ends.
  const shifted = l.op('i32x4_add', x, l.i32(0x7f800000));
  return l.op('i32x4_lt_s', shifted, l.i32(-0x01000000));
}

/** −∞ where x is at the pole, NaN below it, ∞ and NaN as they are; elsewhere `result`. */
function outsideLogDomain(l: Lanes, x: Value, pole: number, result: Value): Value {
  const atPole = l.op('f32x4_eq', x, l.f32(pole));
  const below = l.op('f32x4_lt', x, l.f32(pole)); // all ones is a NaN
  const special = l.choose(atPole, l.f32(-Infinity), l.op('v128_or', x, below));
  const ordinary = l.and(l.op('f32x4_gt', x, l.f32(pole)), l.op('f32x4_lt', x, l.f32(Infinity)));
  return l.choose(ordinary, result, special);
}

/** log x; −∞ at ±0, NaN below. All x, also denormal; error ≤ 1.3 ulp. */
export function log(l: Lanes, value: Value): Value {
  const x = l.keep(value);
  const general = (): Value => {
    const tiny = l.keep(l.op('f32x4_lt', x, l.f32(FIRST_NORMAL)));
    const scaled = l.keep(l.choose(tiny, l.mul(x, l.f32(2 ** 23)), x));
    const minusE = minusExponent(l, scaled);
    const f = l.keep(l.sub(mantissa(l, scaled, minusE), l.f32(1)));
    const float = l.add(l.op('f32x4_convert_i32x4_s', minusE), l.and(tiny, l.f32(23)));
    return outsideLogDomain(l, x, 0, logFromParts(l, f, l.keep(float)));
  };
  return whereAll(l, normal(l, x), () => logOfNormal(l, x), general);
}

/**
 * log(1 + x); −∞ at −1, NaN below. All x; error ≤ 1.9 ulp. Fused it is x·P(x) on [0, 1], whatever is known of the range.
 */
export function log1p(l: Lanes, value: Value, { low, high }: Range): Value {
  const x = l.keep(value);
  if (!l.fused) return log1pByParts(l, x);
  const short = l.mul(x, l.polynomial(LOG1P_POLYNOMIAL, x));
  if (low >= 0 && high <= 1) return short;
  const kept = l.keep(short);
  const inside = l.keep(l.and(l.op('f32x4_le', l.f32(0), x), l.op('f32x4_le', x, l.f32(1))));
  return whereAll(
    l,
    inside,
    () => kept,
    () => l.choose(inside, kept, log1pByParts(l, x)),
  );
}

/**
 * log(1 + x): with u = 1 + x rounded and c = x − (u − 1) what the rounding lost, u = 2ᵉ·m gives f = (m − 1) + c·2⁻ᵉ.
 */
function log1pByParts(l: Lanes, x: Value): Value {
  const u = l.keep(l.add(x, l.f32(1)));
  const minusE = minusExponent(l, u);
  const ordinary = (): Value => {
    const lost = l.sub(x, l.sub(u, l.f32(1)));
    // 2⁻ᵉ; for the largest e, where nothing is lost any more, 0.
    const biased = l.op('i32x4_add', l.shift('i32x4_shl', minusE, 23), l.i32(127 << 23));
    const scale = l.op('i32x4_max_s', biased, l.i32(0));
    const f = l.keep(l.sub(l.mul(lost, scale), l.sub(l.f32(1), mantissa(l, u, minusE))));
    return logFromParts(l, f, l.keep(l.op('f32x4_convert_i32x4_s', minusE)));
  };
  const result = l.keep(ordinary());
  return whereAll(
    l,
    normal(l, u),
    () => result,
    () => outsideLogDomain(l, x, -1, result),
  );
}

/**
 * erf x = x + x·E(x²) up to 0.9 and sign(x)·(1 − e^(−G(|x|))) past it, G = −log erfc; 1 from 4 on. All x; error ≤ 1.6 ulp.
 */
export function erf(l: Lanes, value: Value): Value {
  const x = l.keep(value);
  const sign = l.keep(l.and(x, l.i32(SIGN)));
  const a = l.keep(l.op('f32x4_pmin', l.and(x, l.i32(MAGNITUDE)), l.f32(4)));
  const small = l.keep(l.mulAdd(x, l.polynomial(ERF_POLYNOMIAL, l.keep(l.mul(x, x))), x));
  const tail = exp(l, l.op('f32x4_neg', l.polynomial(LOG_ERFC_POLYNOMIAL, a)), NOT_POSITIVE);
  const large = l.op('v128_or', l.sub(l.f32(1), tail), sign);
  return l.choose(l.op('f32x4_le', a, l.f32(0.9)), small, large);
}

const NOT_POSITIVE: Range = { low: -Infinity, high: 0 };

/** −1, ±0 or 1; NaN of NaN. */
export function sign(l: Lanes, value: Value): Value {
  const x = l.keep(value);
  const one = l.op('v128_or', l.and(x, l.i32(SIGN)), l.f32(1));
  return l.choose(l.op('f32x4_gt', l.and(x, l.i32(MAGNITUDE)), l.f32(0)), one, x);
}
