/** Standard distributions: uniform on [0, 1), normal, exponential of rate 1, Gumbel. */
export type RandomKind = 'uniform' | 'normal' | 'exponential' | 'gumbel';

/**
 * Threefry2x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a bijection
 * of a 64-bit counter under a 64-bit key, and the draws made from its two words. A draw depends on its key and counter
 * alone, never on what was drawn before.
 *
 * The draws must be the same on every machine and in every kernel set, so they use no `Math.log`: every function here
 * is one fixed sequence of single-precision additions, multiplications, divisions and square roots, which IEEE 754
 * rounds the same everywhere. `wasm.ts` is the same sequence four lanes at a time; change both or neither.
 */
const { fround, sqrt } = Math;

/** The second word of the last `threefry` call. */
let second = 0;

/** One block: returns the first word and leaves the second in `second`. Words are signed 32-bit integers. */
function block(key0: number, key1: number, counter0: number, counter1: number): number {
  const key2 = 0x1bd11bda ^ key0 ^ key1;
  let a = (counter0 + key0) | 0;
  let b = (counter1 + key1) | 0;
  // Each round: a += b; b = rotate(b, r) ^ a. Every four rounds the next two of the three key words are added.
  // biome-ignore-start format: a round is a line
  a = (a + b) | 0;
  b = ((b << 13) | (b >>> 19)) ^ a;
  a = (a + b) | 0;
  b = ((b << 15) | (b >>> 17)) ^ a;
  a = (a + b) | 0;
  b = ((b << 26) | (b >>> 6)) ^ a;
  a = (a + b) | 0;
  b = ((b << 6) | (b >>> 26)) ^ a;
  a = (a + key1) | 0;
  b = (b + key2 + 1) | 0;
  a = (a + b) | 0;
  b = ((b << 17) | (b >>> 15)) ^ a;
  a = (a + b) | 0;
  b = ((b << 29) | (b >>> 3)) ^ a;
  a = (a + b) | 0;
  b = ((b << 16) | (b >>> 16)) ^ a;
  a = (a + b) | 0;
  b = ((b << 24) | (b >>> 8)) ^ a;
  a = (a + key2) | 0;
  b = (b + key0 + 2) | 0;
  a = (a + b) | 0;
  b = ((b << 13) | (b >>> 19)) ^ a;
  a = (a + b) | 0;
  b = ((b << 15) | (b >>> 17)) ^ a;
  a = (a + b) | 0;
  b = ((b << 26) | (b >>> 6)) ^ a;
  a = (a + b) | 0;
  b = ((b << 6) | (b >>> 26)) ^ a;
  a = (a + key0) | 0;
  b = (b + key1 + 3) | 0;
  a = (a + b) | 0;
  b = ((b << 17) | (b >>> 15)) ^ a;
  a = (a + b) | 0;
  b = ((b << 29) | (b >>> 3)) ^ a;
  a = (a + b) | 0;
  b = ((b << 16) | (b >>> 16)) ^ a;
  a = (a + b) | 0;
  b = ((b << 24) | (b >>> 8)) ^ a;
  a = (a + key1) | 0;
  b = (b + key2 + 4) | 0;
  a = (a + b) | 0;
  b = ((b << 13) | (b >>> 19)) ^ a;
  a = (a + b) | 0;
  b = ((b << 15) | (b >>> 17)) ^ a;
  a = (a + b) | 0;
  b = ((b << 26) | (b >>> 6)) ^ a;
  a = (a + b) | 0;
  b = ((b << 6) | (b >>> 26)) ^ a;
  a = (a + key2) | 0;
  b = (b + key0 + 5) | 0;
  // biome-ignore-end format: a round is a line
  second = b;
  return a;
}

/** The two words of a block, as unsigned integers. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const first = block(key0 | 0, key1 | 0, counter0 | 0, counter1 | 0);
  return [first >>> 0, second >>> 0];
}

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);

/**
 * Single-precision coefficients, minimax by Remez exchange:
 * log(1 + f) ≈ f + f²·P(f) on √½ ≤ 1 + f ≤ √2 (relative error 3.2e-8),
 * sin(πr/2) ≈ r·S(r²) (3e-9) and cos(πr/2) ≈ 1 + r²·C(r²) (5e-11) on |r| ≤ ½. Highest power first; evaluated in pairs (Estrin's scheme).
 */
export const LOG_POLYNOMIAL = [
  0.08700660616159439, -0.1426752805709839, 0.14914709329605103, -0.16577577590942383, 0.19963069260120392,
  -0.2500133812427521, 0.3333390951156616, -0.5,
] as const;
export const SIN_HALF_PI_POLYNOMIAL = [
  -0.00460165785625577, 0.07968003302812576, -0.6459634900093079, 1.5707963705062866,
] as const;
export const COS_HALF_PI_POLYNOMIAL = [
  0.0009040216100402176, -0.02086028829216957, 0.25366923213005066, -1.2337005138397217,
] as const;
/** log 2 = LN2_HIGH + LN2_LOW; the high part has 15 significant bits, so its product with an exponent is exact. */
export const LN2_HIGH = 22713 / 32768;
export const LN2_LOW = fround(Math.LN2 - LN2_HIGH);
/** The bits of √½, where the mantissa's interval begins. */
export const SQRT_HALF_BITS = 0x3f3504f3;

const [L0, L1, L2, L3, L4, L5, L6, L7] = LOG_POLYNOMIAL;
const [S0, S1, S2, S3] = SIN_HALF_PI_POLYNOMIAL;
const [C0, C1, C2, C3] = COS_HALF_PI_POLYNOMIAL;

/** log x for positive normal single-precision x, to about 1 ulp: x = 2ᵉ(1 + f), log x = e·log 2 + log(1 + f). */
function log(x: number): number {
  real[0] = x;
  const e = (bits[0]! - SQRT_HALF_BITS) >> 23;
  bits[0]! -= e << 23;
  const f = fround(real[0] - 1);
  const z = fround(f * f);
  const p01 = fround(fround(fround(fround(L0 * f) + L1) * z) + fround(fround(L2 * f) + L3));
  const p23 = fround(fround(fround(fround(L4 * f) + L5) * z) + fround(fround(L6 * f) + L7));
  const p = fround(fround(p01 * fround(z * z)) + p23);
  const y = fround(fround(p * z) + fround(e * LN2_LOW));
  return fround(fround(f + y) + fround(e * LN2_HIGH));
}

/** −log u, u = (top 24 bits + 1)·2⁻²⁴ in (0, 1]. */
function exponential(word: number): number {
  return fround(0 - log(((word >>> 8) + 1) * 2 ** -24));
}

/** −log(−log u), u = (top 23 bits + ½)·2⁻²³ strictly inside (0, 1). */
function gumbel(word: number): number {
  return fround(0 - log(fround(0 - log(((word >>> 9) + 0.5) * 2 ** -23))));
}

/** The top 24 bits as a number in [0, 1). */
function uniform(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/** The second normal of the last `normal` call. */
let sine = 0;

/**
 * Box–Muller: √(−2 log u₁)·cos 2πu₂ (returned) and ·sin 2πu₂ (left in `sine`). With 4u₂ = q + r, q the nearest integer,
 * 2πu₂ is q quarter turns and πr/2 more, so no argument reduction is inexact.
 */
function normal(word0: number, word1: number): number {
  const e = exponential(word0);
  const radius = fround(sqrt(fround(e + e)));
  const t = (word1 >>> 8) * 2 ** -22;
  const q = Math.floor(t + 0.5);
  const r = t - q;
  const z = fround(r * r);
  const zz = fround(z * z);
  const evenS = fround(fround(S2 * z) + S3);
  const evenC = fround(fround(C2 * z) + C3);
  let s = fround(r * fround(fround(fround(fround(S0 * z) + S1) * zz) + evenS));
  let c = fround(1 + fround(z * fround(fround(fround(fround(C0 * z) + C1) * zz) + evenC)));
  if ((q & 1) !== 0) {
    const swap = s;
    s = c;
    c = -swap;
  }
  if ((q & 2) !== 0) {
    s = -s;
    c = -c;
  }
  sine = fround(radius * s);
  return fround(radius * c);
}

/**
 * Standard draws into `out[offset … offset + count)`: element 2i comes from the first and 2i + 1 from the second word
 * of the block with counter + i, or both from its pair of words for the normal.
 *
 * uniform [0, 1) in steps of 2⁻²⁴ · normal (|z| ≤ 5.77) · exponential −log u (0 … 16.64) · gumbel −log(−log u)
 * (−2.77 … 16.64). A Float64Array gets the same single-precision numbers.
 */
export function fillRandom(
  kind: RandomKind,
  out: Float32Array | Float64Array,
  offset: number,
  count: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const low = counter0 >>> 0;
  for (let i = 0; i < count; i += 2) {
    const sum = low + (i >>> 1);
    const first = block(key0, key1, sum | 0, (counter1 + (sum >= 2 ** 32 ? 1 : 0)) | 0);
    const word1 = second;
    const o = offset + i;
    if (kind === 'normal') {
      out[o] = normal(first, word1);
      if (i + 1 < count) out[o + 1] = sine;
    } else {
      const draw = kind === 'uniform' ? uniform : kind === 'exponential' ? exponential : gumbel;
      out[o] = draw(first);
      if (i + 1 < count) out[o + 1] = draw(word1);
    }
  }
}
