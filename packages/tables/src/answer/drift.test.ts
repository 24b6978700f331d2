import { Rng } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { column, Schema, TableModel } from '../index.ts';
import { chiSquared, fisher, kolmogorovSmirnov, mmdTest, wasserstein } from './drift.ts';

const f64 = (values: ArrayLike<number>): Float64Array => Float64Array.from(values);

describe('tests of two samples', () => {
  it('agree with closed forms', () => {
    // Two samples that do not overlap: 2/C(n + m, n).
    expect(kolmogorovSmirnov(f64([1, 2, 3]), f64([4, 5, 6]))).toEqual({
      statistic: 1,
      pValue: expect.closeTo(2 / 20, 12),
    });
    expect(kolmogorovSmirnov(f64([1, 2]), f64([1, 2]))).toEqual({ statistic: 0, pValue: 1 });
    // The asymptotic value of D·√(nm/(n + m)) = 1.3581 is 5 %.
    const n = 20_000;
    const shift = Math.round((1.3581 / Math.sqrt(n / 2)) * n);
    const a = f64(Array.from({ length: n }, (_, i) => i));
    expect(
      kolmogorovSmirnov(
        a,
        a.map((x) => x + shift),
      ).pValue,
    ).toBeCloseTo(0.05, 2);
    // A lady tasting tea (Fisher 1935).
    expect(fisher(3, 1, 1, 3)).toBeCloseTo(34 / 70, 12);
    expect(fisher(0, 10, 0, 5)).toBe(1);
    expect(chiSquared(f64([10, 20]), f64([20, 10])).statistic).toBeCloseTo(20 / 3, 10);
    expect(chiSquared(f64([100, 1, 1, 1]), f64([100, 0, 1, 2])).pValue).toBe(1);
    expect(wasserstein(f64([0, 1, 2, 3]), f64([1, 2, 3, 4]))).toBeCloseTo(1 / Math.sqrt(1.25), 12);
    expect(wasserstein(f64([0, 1]), f64([0, 0, 1, 1]))).toBe(0);
  });

  it('have uniform p-values where nothing differs', () => {
    const rng = new Rng(1);
    const low = { ks: 0, mmd: 0 };
    for (let i = 0; i < 200; i++) {
      const draws = rng.normal([200]).data;
      if (kolmogorovSmirnov(f64(draws.slice(0, 120)), f64(draws.slice(120))).pValue <= 0.1) low.ks++;
      if (i < 60 && mmdTest(Float32Array.from(draws.slice(0, 80)), 20, 20, 2, i).pValue <= 0.1) low.mmd++;
    }
    expect(low.ks / 200).toBeLessThan(0.1 + 4 * Math.sqrt(0.09 / 200));
    expect(low.mmd / 60).toBeLessThan(0.1 + 4 * Math.sqrt(0.09 / 60));
  });
});

describe('a drift report', () => {
  type Numbers = Record<string, number>;
  const schema = new Schema<Numbers>(
    Array.from({ length: 10 }, (_, c) => ({
      name: `x${c}`,
      kind: column.numeric(),
      holes: 0,
      distinct: 0,
      example: '',
      why: 'declared',
    })),
  );
  /** Ten columns in pairs that hang together by ρ. */
  const rows = (n: number, seed: number, rho = 0.8): Numbers[] => {
    const draws = new Rng(seed).normal([n, 10]).data;
    return Array.from({ length: n }, (_, r) =>
      Object.fromEntries(
        Array.from({ length: 10 }, (_, c) => {
          const [own, mate] = [draws[10 * r + c] as number, draws[10 * r + c - (c % 2)] as number];
          return [`x${c}`, c % 2 === 0 ? own : rho * mate + Math.sqrt(1 - rho * rho) * own];
        }),
      ),
    );
  };
  const fitted = TableModel.fit(rows(2500, 1), {
    schema,
    hidden: [32],
    latentSize: 6,
    epochs: 25,
    draws: 4,
    seed: 1,
    calibration: 0.4,
  });

  it('finds none where there is none, a shift of half a deviation, and a change of correlation alone', async () => {
    const model = await fitted;
    let [false_, shifts, silent, seen] = [0, 0, 0, 0];
    const rounds = 8;
    for (let i = 0; i < rounds; i++) {
      if (model.drift(rows(300, 100 + i), { alpha: 0.05, seed: i }).drift) false_++;
      const moved = model.drift(rows(500, 200 + i).map((row) => ({ ...row, x3: (row.x3 as number) + 0.5 })));
      if (moved.columns.find((found) => found.column === 'x3')?.drift === true) shifts++;
      const loose = model.drift(rows(500, 300 + i, 0));
      if (!loose.columns.some(({ drift }) => drift)) silent++;
      if (loose.scores.drift || loose.codes.drift) seen++;
    }
    expect(false_ / rounds).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / rounds));
    expect(shifts / rounds).toBeGreaterThanOrEqual(0.95);
    expect(silent / rounds).toBeGreaterThanOrEqual(0.8);
    expect(seen / rounds).toBeGreaterThanOrEqual(0.95);
  });
});
