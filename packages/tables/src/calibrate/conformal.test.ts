import { Rng } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { betaCdf, chiSquaredTail, logGamma } from './beta.ts';
import { Calibration, holm, largestSure, rowsFor } from './conformal.ts';

const normal = (rng: Rng, n: number): number[] => Array.from(rng.normal([n]).data);

describe('p-values', () => {
  it('count the calibration rows that are at least as odd', () => {
    const calibration = new Calibration([3, 1, 2, 2]);
    expect(calibration.pValue(0)).toBe(1);
    expect(calibration.pValue(2)).toBe(4 / 5);
    expect(calibration.pValue(3)).toBe(2 / 5);
    expect(calibration.pValue(4)).toBe(1 / 5);
    expect(calibration.pValue(Number.NaN)).toBe(1 / 5);
    expect(new Calibration([1, Number.NaN]).pValue(5)).toBe(2 / 3);
  });

  it('keep the rate of false alarms, whatever the scores (T1)', () => {
    const [n, m, fits] = [199, 500, 200];
    const alphas = [0.01, 0.05, 0.1, 0.2];
    const rates = alphas.map(() => 0);
    const rng = new Rng(1);
    for (let fit = 0; fit < fits; fit++) {
      const calibration = new Calibration(normal(rng, n));
      const p = calibration.pValues(normal(rng, m));
      alphas.forEach((alpha, a) => {
        rates[a] = (rates[a] as number) + p.filter((value) => value <= alpha).length / m / fits;
      });
    }
    alphas.forEach((alpha, a) => {
      const error = Math.sqrt((alpha * (1 - alpha)) / (n + 2) / fits + (alpha * (1 - alpha)) / (fits * m));
      expect(Math.abs((rates[a] as number) - alpha), `at ${alpha}`).toBeLessThan(4 * error + 1e-9);
    });
  });

  it('have rates that are distributed as Beta(k, n + 1 − k) (T2)', () => {
    const [n, m, fits] = [199, 4000, 200];
    const rng = new Rng(2);
    const k = 10;
    const rates = Array.from({ length: fits }, () => {
      const p = new Calibration(normal(rng, n)).pValues(normal(rng, m));
      return p.filter((value) => value <= k / (n + 1)).length / m;
    }).sort((a, b) => a - b);
    const distance = Math.max(
      ...rates.map((rate, i) => Math.abs((i + 0.5) / fits - betaCdf(rate, k, n + 1 - k)) + 0.5 / fits),
    );
    expect(distance).toBeLessThan(1.95 / Math.sqrt(fits)); // p > 0.001
  });

  it('hold for a model that says nothing, the same of all, or no number (T3)', () => {
    const rng = new Rng(3);
    for (const score of [
      () => 0,
      () => Number.NaN,
      (x: number) => (x > 0 ? Number.NaN : x),
      () => rng.uniform([]).item(),
    ]) {
      let alarms = 0;
      for (let fit = 0; fit < 100; fit++) {
        const calibration = new Calibration(normal(rng, 99).map(score));
        const found = calibration.predict('test', normal(rng, 50).map(score), { falseAlarmRate: 0.05 });
        alarms += found.filter(({ anomaly }) => anomaly).length;
      }
      expect(alarms / 5000).toBeLessThan(0.05 + 4 * Math.sqrt(0.05 / 5000 + (0.05 * 0.95) / 101 / 100));
    }
  });

  it('keep the false discovery rate and find what is planted (T5)', () => {
    const rng = new Rng(4);
    const found: number[] = [];
    for (const shift of [1.5, 3, 5]) {
      let [share, power] = [0, 0];
      for (let draw = 0; draw < 200; draw++) {
        const calibration = new Calibration(normal(rng, 2000));
        const scores = [...normal(rng, 900), ...normal(rng, 100).map((x) => x + shift)];
        const flags = calibration.predict('test', scores, { falseDiscoveryRate: 0.1 }).map(({ anomaly }) => anomaly);
        const all = flags.filter(Boolean).length;
        const wrong = flags.slice(0, 900).filter(Boolean).length;
        share += wrong / Math.max(1, all) / 200;
        power += (all - wrong) / 100 / 200;
      }
      expect(share).toBeLessThan(0.1 + 0.02);
      found.push(power);
    }
    expect(found[0] as number).toBeLessThan(found[1] as number);
    expect(found[1] as number).toBeLessThan(found[2] as number);
    expect(found[2] as number).toBeGreaterThan(0.8);
  });
});

describe('thresholds', () => {
  const calibration = new Calibration(Array.from({ length: 999 }, (_, i) => i));

  it('of a false-alarm rate agree with its predictions', () => {
    const { score } = calibration.threshold('test', { falseAlarmRate: 0.01 });
    const scores = Array.from({ length: 1100 }, (_, i) => i);
    const found = calibration.predict('test', scores, { falseAlarmRate: 0.01 });
    expect(found.map(({ anomaly }) => anomaly)).toEqual(scores.map((s) => s >= score));
  });

  it('refuse a rate that the rows cannot promise, with the number that could', () => {
    expect(() => calibration.predict('predict', [1], { falseAlarmRate: 0.0005 })).toThrow(
      'predict: 999 calibration rows cannot promise a false-alarm rate of 0.0005; it takes 1999, or a rate of 0.00100',
    );
    expect(() => calibration.predict('predict', [1], { falseAlarmRate: 0.001, confidence: 0.95 })).toThrow(
      'it takes 2995',
    );
    expect(() => new Calibration([1, 2]).predict('predict', [1, 2], { falseDiscoveryRate: 0.1 })).toThrow(
      'it takes 9,',
    );
    expect([rowsFor(0.05), rowsFor(0.01), rowsFor(0.001)]).toEqual([19, 99, 999]);
    expect([0.05, 0.01, 0.001].map((rate) => rowsFor(rate, 0.95))).toEqual([59, 299, 2995]);
    expect(largestSure(999, 0.01, 0.95)).toBe(5);
    expect(largestSure(9999, 0.01, 0.95)).toBe(84);
  });

  it('are asked for in one way', () => {
    expect(() => calibration.predict('predict', [1], {} as never)).toThrow('give one of falseAlarmRate');
    expect(() => calibration.predict('predict', [1], { contamination: 0.1, threshold: 3 } as never)).toThrow(
      'got contamination and threshold',
    );
    expect(() => calibration.predict('predict', [1], { falseAlarmRate: 0 })).toThrow('falseAlarmRate must be');
    expect(() => calibration.predict('predict', [1], { falseAlarmRate: 0.1, sure: 1 } as never)).toThrow(
      "no option 'sure'",
    );
    expect(calibration.predict('predict', [5, 6], { threshold: 6 }).map(({ anomaly }) => anomaly)).toEqual([
      false,
      true,
    ]);
    expect(calibration.threshold('t', { contamination: 0.1 }).score).toBe(900);
  });
});

it('Holm steps down', () => {
  expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
});

it('distribution functions agree with closed forms', () => {
  expect(logGamma(5)).toBeCloseTo(Math.log(24), 12);
  expect(betaCdf(0.3, 1, 5)).toBeCloseTo(1 - 0.7 ** 5, 12);
  expect(betaCdf(0.9, 3, 1)).toBeCloseTo(0.9 ** 3, 12);
  expect(chiSquaredTail(3, 2)).toBeCloseTo(Math.exp(-1.5), 12);
  expect(chiSquaredTail(3.841458820694124, 1)).toBeCloseTo(0.05, 9);
});
