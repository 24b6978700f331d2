import { Rng } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FittedTransform } from './fitted.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { QuantileSketch } from './quantile-sketch.ts';
import { quantile } from './transform.ts';

const thousandths = fc.integer({ min: -1e9, max: 1e9 }).map((x) => x / 1000);
const place = { caller: 'test', path: 'transform' };

describe('Φ and its inverse', () => {
  // By SciPy 1.10 in double precision.
  it.each([
    [-37, 5.7255712225239266e-300],
    [-10, 7.61985302416047e-24],
    [-3.0001, 0.0013494549132607172],
    [-2.9999, 0.001350341282954925],
    [-1, 0.15865525393145707],
    [0.5, 0.6914624612740131],
    [3, 0.9986501019683699],
    [8, 0.9999999999999993],
  ])('Φ(%s) is %s', (x, p) => {
    expect(Math.abs(normalCdf(x) / p - 1)).toBeLessThan(2e-13);
  });

  it.each([
    [1e-300, -37.0470962993612],
    [1e-20, -9.262340089798409],
    [0.01, -2.3263478740408408],
    [0.075, -1.4395314709384563],
    [0.5, 0],
    [0.93, 1.475791028179171],
    [1 - 1e-12, 7.0344869100478356],
  ])('Φ⁻¹(%s) is %s', (p, x) => {
    expect(normalQuantile(p)).toBeCloseTo(x, 12);
  });

  it('ends at ±∞, and each undoes the other', () => {
    expect([normalQuantile(0), normalQuantile(1), normalCdf(-Infinity), normalCdf(Infinity)]).toEqual([
      -Infinity,
      Infinity,
      0,
      1,
    ]);
    fc.assert(
      fc.property(fc.double({ min: -8, max: 5, noNaN: true }), (x) => {
        expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 8);
      }),
    );
  });
});

describe('QuantileSketch', () => {
  const drawn = new Rng(1).normal([300_000]).data;

  it('holds the same whatever the chunks', () => {
    const [whole, parts] = [new QuantileSketch(), new QuantileSketch()];
    whole.add(drawn);
    for (let at = 0, size = 1; at < drawn.length; at += size, size = (size * 7 + 3) % 5000) {
      parts.add(drawn.subarray(at, at + size));
      if (size === 0) size = 1;
    }
    expect(parts.distribution()).toEqual(whole.distribution());
  });

  it('is wrong by less than 0.2 % of ranks after 300,000 values in rising, falling and random order', () => {
    const sorted = Float64Array.from(drawn).sort();
    for (const order of [drawn, sorted, sorted.toReversed()]) {
      const sketch = new QuantileSketch();
      sketch.add(order);
      const { values, weights, total, exact } = sketch.distribution();
      expect([total, exact]).toEqual([300_000, false]);
      expect(values.length).toBeLessThan(60_000);
      let [below, worst, at] = [0, 0, 0];
      values.forEach((value, i) => {
        below += weights[i] as number;
        while (at < sorted.length && (sorted[at] as number) <= value) at++;
        worst = Math.max(worst, Math.abs(below - at) / total);
      });
      expect(below).toBe(total);
      expect(worst).toBeLessThan(0.002);
    }
  });

  it('counts exactly while values are few, and keeps shares when they become many', () => {
    const sketch = new QuantileSketch();
    const coarse = Float64Array.from({ length: 50_000 }, (_, i) => i % 100);
    sketch.add(coarse);
    const { values, weights, exact } = sketch.distribution();
    expect([exact, values.length, weights.every((w) => w === 500)]).toEqual([true, 100, true]);
    sketch.add(drawn.subarray(0, 5000).map((x) => 1000 + x));
    const after = sketch.distribution();
    const small = after.weights.reduce((sum, w, i) => sum + ((after.values[i] as number) < 100 ? w : 0), 0);
    expect(after.exact).toBe(false);
    expect(Math.abs(small / after.total - 50 / 55)).toBeLessThan(0.002);
  });
});

describe('quantile', () => {
  it('makes any shape normal, and undoes it', () => {
    const x = new Rng(2).normal([5000]).data.map((z) => Math.exp(2 * z));
    const fitted = quantile().fit(x, { width: 1 });
    const rows = { values: Float64Array.from(x), count: x.length, width: 1 };
    const y = fitted.forward('test', rows);
    const sorted = y.slice().sort();
    sorted.forEach((value, i) => {
      expect(Math.abs(normalCdf(value) - (i + 0.5) / 5000)).toBeLessThan(0.0015);
    });
    const back = fitted.inverse(Float64Array.from(y));
    for (const [i, value] of back.entries()) expect(Math.abs(value / (x[i] as number) - 1)).toBeLessThan(0.01);
  });

  it('rises strictly, has an inverse and a slope, beyond what it saw too', () => {
    fc.assert(
      fc.property(fc.array(thousandths, { minLength: 1, maxLength: 60 }), thousandths, thousandths, (seen, a, b) => {
        const fitted = quantile({ knots: 20 }).fit(seen.map((x) => [x]));
        const again = FittedTransform.fromConfig(JSON.parse(JSON.stringify(fitted.config())), place);
        const at = (x: number): number => {
          const rows = { values: Float64Array.of(x), count: 1, width: 1 };
          expect(again.forward('test', rows)).toEqual(fitted.forward('test', rows));
          return fitted.forward('test', rows)[0] as number;
        };
        if (a < b) expect(at(a)).toBeLessThanOrEqual(at(b));
        expect(Number.isFinite(at(a))).toBe(true);
        const [slope] = fitted.logJacobian('test', { values: Float64Array.of(a), count: 1, width: 1 });
        expect(Number.isFinite(slope)).toBe(true);
      }),
    );
  });

  it('takes the middle of a value that occurs often', () => {
    const fitted = quantile().fit([[0], [0], [0], [1]]);
    const [zero, one] = fitted.forward('test', { values: Float64Array.of(0, 1), count: 2, width: 1 });
    expect(zero).toBeCloseTo(normalQuantile(3 / 8), 6);
    expect(one).toBeCloseTo(normalQuantile(7 / 8), 6);
  });

  it('refuses files with knots out of order', () => {
    const { of } = quantile()
      .fit([[1], [2]])
      .config();
    for (const numbers of [[1, 2, 0.3, 1, 0.6], [1, 1, 0.6, 2, 0.3], [0, 1, 0.5], [1, 1, 1], [1], [1, 1]]) {
      expect(() => FittedTransform.fromConfig({ of, columns: [[numbers]] }, place)).toThrow('does not fit quantile');
    }
  });
});
