import { gradCheck, gradients, parameter } from '@latent/autograd';
import { tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { categorical } from './categorical.ts';
import { composite } from './composite.ts';
import { negativeBinomial, poisson } from './counts.ts';
import { gaussian } from './gaussian.ts';
import { checkSupport, type ReconstructionDistribution } from './likelihood.ts';
import { studentT } from './student-t.ts';

// Log-probabilities where the textbook forms lose all their digits, in the precision that models have, against plain double
// precision in forms that do not.

/** log Γ(x) − (x − ½)·log x + x for x > 0: 1/(12x) − 1/(360x³) + …, after a shift to where that is exact. */
function stirlingRest(x: number): number {
  let [shifted, z] = [0, x];
  while (z < 20) {
    shifted -= Math.log(z);
    z++;
  }
  const i2 = 1 / (z * z);
  const series =
    (1 / 12 - i2 * (1 / 360 - i2 * (1 / 1260 - i2 * (1 / 1680 - i2 / 1188)))) / z + 0.5 * Math.log(2 * Math.PI);
  return z === x ? series : shifted + (z - 0.5) * Math.log(z) - z + series - ((x - 0.5) * Math.log(x) - x);
}
const logGamma = (x: number): number => (x - 0.5) * Math.log(x) - x + stirlingRest(x);

/** log Γ(a + ½) − log Γ(a), without the difference of large numbers. */
const logGammaStep = (a: number): number =>
  a * Math.log1p(0.5 / a) + 0.5 * Math.log(a) - 0.5 + stirlingRest(a + 0.5) - stirlingRest(a);

const studentReference = (x: number, nu: number): number =>
  logGammaStep(nu / 2) - 0.5 * Math.log(nu * Math.PI) - ((nu + 1) / 2) * Math.log1p((x * x) / nu);

/** k·log(λ/k) − (λ − k) − ½log 2πk − δ(k), whose first two terms are −k·(eᵈ − 1 − d) for d = log(λ/k), by series where that is small. */
const curve = (d: number): number => (Math.abs(d) < 1e-3 ? d * d * (0.5 + d * (1 / 6 + d / 24)) : Math.expm1(d) - d);
function poissonReference(k: number, logRate: number): number {
  if (k === 0) return -Math.exp(logRate);
  return -k * curve(logRate - Math.log(k)) - 0.5 * Math.log(k) - stirlingRest(k);
}
function negativeBinomialReference(k: number, m: number, s: number): number {
  const [mean, r] = [Math.exp(m), Math.exp(s)];
  if (k === 0) return -r * Math.log1p(mean / r);
  // Γ(k + r)/(Γ(r)·k!) as a product where r is small beside k, and by Stirling's formula throughout.
  const e = Math.log1p((k - mean) / (r + mean));
  const sum = k + r;
  const d = e + m - Math.log(k);
  return (
    Math.log(r / sum) +
    0.5 * (Math.log(sum) - Math.log(k) - Math.log(r)) +
    stirlingRest(sum) -
    stirlingRest(r) -
    stirlingRest(k) -
    r * curve(e) -
    k * curve(d)
  );
}

const f32 = (values: readonly number[]): number[] => values.map(Math.fround);
const single = (distribution: ReconstructionDistribution, x: number, params: readonly number[]): number =>
  distribution.logProb(tensor([x]), tensor([...params])).item();
/** An error beside the size of what is compared, and beside 1. */
const off = (got: number, want: number): number => Math.abs(got - want) / Math.max(1, Math.abs(want));

describe('references', () => {
  it('are what they should be, by values known to twelve digits', () => {
    expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 12);
    expect(logGamma(5)).toBeCloseTo(Math.log(24), 12);
    expect(logGamma(100)).toBeCloseTo(359.134205369575, 9);
    expect(logGammaStep(0.5)).toBeCloseTo(-0.5 * Math.log(Math.PI), 12);
    expect(studentReference(1.6, 4)).toBeCloseTo(-1.52442267704 + Math.log(0.5), 9);
    expect(poissonReference(3, Math.log(2.5))).toBeCloseTo(-1.54288727361, 10);
    expect(negativeBinomialReference(4, Math.log(3), Math.log(2))).toBeCloseTo(-2.26644604638, 10);
    // For ν → ∞ a Student-t is a normal, and for r → ∞ a negative binomial a Poisson.
    expect(studentReference(1.3, 1e12)).toBeCloseTo(-0.5 * 1.69 - 0.5 * Math.log(2 * Math.PI), 9);
    expect(negativeBinomialReference(7, 2, 30)).toBeCloseTo(poissonReference(7, 2), 6);
  });
});

describe('Student-t', () => {
  it('is exact in single precision up to ν = 10⁸', () => {
    for (const nu of [1.001, 1.5, 2, 3, 4, 10, 15.9, 16, 16.1, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]) {
      for (const x of [0, 0.3, 1, 3, 10, 50]) {
        const want = studentReference(x, nu);
        const fixed = studentT({ degreesOfFreedom: nu });
        expect(off(single(fixed, x, [0, 0]), studentReference(Math.fround(x), nu)), `ν ${nu}, x ${x}`).toBeLessThan(
          3e-6,
        );
        expect(
          off(fixed.logProb(tensor([x], { dtype: 'f64' }), tensor([0, 0], { dtype: 'f64' })).item(), want),
        ).toBeLessThan(1e-8);
      }
    }
    // Learned, ν = 2 + e^ρ.
    for (const rho of [-20, -5, 0, 3, 6, 20]) {
      const nu = 2 + Math.exp(Math.min(6, Math.max(-15, rho)));
      expect(off(single(studentT(), 1, [0, 0, rho]), studentReference(1, nu))).toBeLessThan(3e-6);
    }
  });
});

describe('Poisson', () => {
  it('is exact in single precision up to counts of e¹⁵', () => {
    for (const k of [0, 1, 2, 3, 7, 8, 9, 20, 100, 1e3, 1e4, 1e5, 1e6, 3_000_000, 3_269_017]) {
      for (const z of [-3, -1, 0, 0.5, 2]) {
        // Rates some standard deviations away, and far away.
        const near = Math.fround(Math.log(Math.max(1e-3, k + z * Math.sqrt(k + 1))));
        for (const gamma of [near, ...f32([-10, 0, 15])]) {
          const rate = Math.min(15, gamma);
          // A rounding of the log-rate itself moves the result by this much.
          const conditioning = Math.abs(k - Math.exp(rate)) * 2 ** -23 * Math.max(1, Math.abs(rate));
          const want = poissonReference(k, rate);
          const error = Math.abs(single(poisson(), k, [gamma]) - want);
          expect(error, `k ${k}, log-rate ${gamma}`).toBeLessThan(
            3e-6 * Math.max(1, Math.abs(want)) + 2 * conditioning,
          );
        }
      }
    }
  });

  it('refuses counts that it cannot model, and says what to do', () => {
    for (const count of [3_269_018, 1e7, 1e15, -1, 1.5, Number.NaN]) {
      expect(() => checkSupport('fit', poisson(), [count], 1)).toThrow(
        `fit: poisson data must be a whole number from 0 to 3,269,017 (larger counts are numbers for gaussian() and a transform), got ${count} at row 0, column 0`,
      );
    }
    expect(() => checkSupport('fit', poisson(), [3_269_017, 0], 1)).not.toThrow();
  });
});

describe('negative binomial', () => {
  it('is exact in single precision over counts, means and dispersions', () => {
    for (const k of [0, 1, 2, 5, 8, 13, 60, 1e3, 1e5, 3_000_000]) {
      // The reference of a large count adds as many logarithms.
      for (const m of f32(k > 1e4 ? [-1, 3, 15] : [-10, -1, 0, 1.1, 3, 8, 15])) {
        for (const s of f32(k > 1e4 ? [-2, 2.1, 7] : [-8, -2, 0, 0.7, 2.1, 4, 6.9, 7])) {
          const want = negativeBinomialReference(k, m, s);
          const [mean, r] = [Math.exp(m), Math.exp(s)];
          const slope =
            Math.abs((r * (k - mean)) / (r + mean)) * Math.max(1, Math.abs(m)) + r * Math.max(1, Math.abs(s));
          const error = Math.abs(single(negativeBinomial(), k, [m, s]) - want);
          expect(error, `k ${k}, m ${m}, s ${s}`).toBeLessThan(3e-6 * Math.max(1, Math.abs(want)) + 2 ** -21 * slope);
        }
      }
    }
  });
});

describe('gradients', () => {
  const f64 = { dtype: 'f64' } as const;
  it.each([
    ['poisson', poisson(), [0, 1, 7, 400], [[-2], [0.3], [2], [6]]],
    [
      'negativeBinomial',
      negativeBinomial(),
      [0, 1, 7, 400],
      [
        [-2, 1],
        [0.3, -1],
        [2, 5],
        [6, 2],
      ],
    ],
    [
      'studentT',
      studentT(),
      [0, 1, -7, 40],
      [
        [0.3, -1, 1],
        [1, 0.4, 3],
        [-2, 2, -2],
        [3, 1, 5],
      ],
    ],
  ] as [string, ReconstructionDistribution, number[], number[][]][])(
    'of %s are those of its formula at small and large counts',
    (_name, distribution, xs, params) => {
      xs.forEach((x, i) => {
        const check = gradCheck((p) => distribution.logProb(tensor([x], f64), p), [tensor(params[i]!, f64)]);
        expect(check).toBeLessThan(1e-6);
      });
    },
  );

  it('are finite in single precision wherever values are', () => {
    const grid = [-30, -8, -1, 0, 1, 5, 8, 14, 30];
    for (const [distribution, xs, count] of [
      [poisson(), [0, 1, 10, 3e6], 1],
      [negativeBinomial(), [0, 1, 10, 3e6], 2],
      [studentT(), [0, 1e-20, 1, 1e12], 3],
    ] as [ReconstructionDistribution, number[], number][]) {
      for (const x of xs) {
        for (const a of grid) {
          for (const b of grid) {
            const p = parameter([a, b, -b].slice(0, count));
            const [gradient] = gradients(distribution.logProb(tensor([x]), p), [p]);
            expect([...gradient!.data].every(Number.isFinite), `${distribution.name} ${x} ${a} ${b}`).toBe(true);
          }
        }
      }
    }
  });
});

describe('one category', () => {
  const rows = (...values: number[][]): number[] => values.flat();
  const of = composite([
    [1, gaussian()],
    [3, categorical()],
    [2, categorical(2)],
  ]);
  it('is one 1 and the rest 0, in each group of columns', () => {
    const check =
      (values: number[], holes = false) =>
      () =>
        checkSupport('fit', of, values, 6, holes);
    expect(check(rows([0.5, 0, 1, 0, 1, 0], [7, 1, 0, 0, 0, 1]))).not.toThrow();
    const cases: [number[], string][] = [
      [
        [1, 0, 0, 0, 1, 0],
        'columns 1 to 3 are one category, so exactly one of them is 1 and the rest are 0, got 0 ones at row 0',
      ],
      [
        [1, 1, 1, 0, 1, 0],
        'columns 1 to 3 are one category, so exactly one of them is 1 and the rest are 0, got 2 ones at row 0',
      ],
      [
        [1, 0, 1, 0, 1, 1],
        'columns 4 to 5 are one category, so exactly one of them is 1 and the rest are 0, got 2 ones at row 0',
      ],
      [[1, 0, 0.5, 0.5, 1, 0], 'composite data must be 0 or 1, got 0.5 at row 0, column 2'],
      [
        rows([1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 0, 0]),
        'columns 4 to 5 are one category, so exactly one of them is 1 and the rest are 0, got 0 ones at row 1',
      ],
    ];
    for (const [values, message] of cases) expect(check(values)).toThrow(`fit: ${message}`);
  });

  it('may be missing as a whole, where values may be missing', () => {
    const hole = Number.NaN;
    expect(() => checkSupport('fit', of, [hole, hole, hole, hole, 1, 0], 6, true)).not.toThrow();
    expect(() => checkSupport('fit', of, [1, hole, 1, 0, 1, 0], 6, true)).toThrow(
      'columns 1 to 3 are one category, so exactly one of them is 1 and the rest are 0, got 1 of 3 missing at row 0',
    );
    expect(() => checkSupport('fit', of, [1, hole, hole, hole, 1, 0], 6, false)).toThrow(
      'got NaN at row 0, column 1; for rows with holes make the model with { missing: true }',
    );
  });

  it('is checked in its width where that is said', () => {
    expect(() => categorical(4).paramCount(3)).toThrow('categorical: expected 4 one-hot columns, got 3');
  });
});
