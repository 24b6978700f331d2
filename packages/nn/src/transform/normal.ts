import { refuse } from '@latent/tensor';

/** Polynomials of Wichura's algorithm AS 241, PPND16 (Applied Statistics 37, 1988), the constant first. */
const MIDDLE = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
] as const;
const NEAR = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
] as const;
const FAR = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
] as const;

type Ratio = readonly [readonly number[], readonly number[]];

function ratioAt([over, under]: Ratio, x: number): number {
  const at = (coefficients: readonly number[]): number => coefficients.reduceRight((sum, c) => sum * x + c, 0);
  return at(over) / at(under);
}

/** Φ⁻¹(p), the p-quantile of N(0, 1), to 16 digits; ±∞ at 0 and 1. */
export function normalQuantile(p: number): number {
  if (!(typeof p === 'number' && p >= 0 && p <= 1)) {
    refuse({ caller: 'normalQuantile', path: 'p' }, 'a number from 0 to 1', p);
  }
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratioAt(MIDDLE, 0.180625 - q * q);
  const tail = q < 0 ? p : 1 - p;
  if (tail <= 0) return q < 0 ? -Infinity : Infinity;
  const r = Math.sqrt(-Math.log(tail));
  const x = r <= 5 ? ratioAt(NEAR, r - 1.6) : ratioAt(FAR, r - 5);
  return q < 0 ? -x : x;
}

/**
 * Φ(x), the distribution function of N(0, 1), to 14 digits, also of the far lower tail: by its power series (Marsaglia 2004)
 * where |x| is small, and by the continued fraction of Mills' ratio past that.
 */
export function normalCdf(x: number): number {
  if (typeof x !== 'number') refuse({ caller: 'normalCdf', path: 'x' }, 'a number', x);
  if (Number.isNaN(x)) return Number.NaN;
  if (Math.abs(x) < 3) {
    let [sum, term] = [x, x];
    for (let i = 3; sum + term !== sum; i += 2) {
      term *= (x * x) / i;
      sum += term;
    }
    return 0.5 + sum * normalDensity(x);
  }
  const t = Math.abs(x);
  let fraction = t;
  for (let i = TERMS; i >= 1; i--) fraction = t + i / fraction;
  const tail = normalDensity(t) / fraction;
  return x < 0 ? tail : 1 - tail;
}

/** Of the continued fraction, from |x| = 3 on. */
const TERMS = 60;

/** The density of N(0, 1). */
export function normalDensity(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}
