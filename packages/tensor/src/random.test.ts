import { describe, expect, it } from 'vitest';
import { compile, drawRows, Rng, type Tensor, tensor, useThreads, zeros } from './index.ts';
import { threefry2x32 } from './kernels/random/threefry.ts';

const N = 200_000;

/** Mean and variance of the draws, with the standard error of each. */
function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  const x = Array.from(values);
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return { mean, variance: x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length };
}

describe('Rng', () => {
  it('is Threefry2x32-20, by the test vectors of its authors', () => {
    const hex = (words: readonly number[]): string[] => words.map((w) => w.toString(16).padStart(8, '0'));
    expect(hex(threefry2x32(0, 0, 0, 0))).toEqual(['6b200159', '99ba4efe']);
    const all = 0xffffffff;
    expect(hex(threefry2x32(all, all, all, all))).toEqual(['1cb996fc', 'bb002be7']);
    expect(hex(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3))).toEqual(['c4923a9c', '483df7a0']);
  });

  // Mean, variance and the fourth central moment, which gives the standard error of the variance.
  const draws: [string, (rng: Rng) => ArrayLike<number>, number, number, number][] = [
    ['uniform', (rng) => rng.uniform([N]).data, 1 / 2, 1 / 12, 1 / 80],
    ['normal', (rng) => rng.normal([N]).data, 0, 1, 3],
    ['exponential', (rng) => rng.exponential([N]).data, 1, 1, 9],
    ['gumbel', (rng) => rng.gumbel([N]).data, 0.5772156649, Math.PI ** 2 / 6, (27 / 5) * (Math.PI ** 2 / 6) ** 2],
    ['bernoulli', (rng) => rng.bernoulli([N], { p: 0.3 }).data, 0.3, 0.21, 0.3 * 0.7 * (1 - 3 * 0.21)],
    ['normal with mean and std', (rng) => rng.normal([N], { mean: 2, std: 0.5 }).data, 2, 0.25, 3 / 16],
    ['uniform with bounds', (rng) => rng.uniform([N], { low: -1, high: 3 }).data, 1, 16 / 12, 256 / 80],
  ];
  it.each(draws)(
    '%s has the right mean and variance, within five standard errors',
    (_name, draw, mean, variance, fourth) => {
      const got = moments(draw(new Rng(7)));
      expect(Math.abs(got.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / N));
      expect(Math.abs(got.variance - variance)).toBeLessThan(5 * Math.sqrt((fourth - variance ** 2) / N));
    },
  );

  it('draws anew each time, the same for the same seed, and 0 is a seed', () => {
    const [a, b] = [new Rng(0), new Rng(0)];
    const first = a.normal([5]).toArray();
    expect(first).toEqual(b.normal([5]).toArray());
    expect(a.normal([5]).toArray()).not.toEqual(first);
    expect(new Rng(1).normal([5]).toArray()).not.toEqual(first);
    expect(() => new Rng(-1)).toThrow('Rng: the seed must be a whole number from 0 to 2⁵³ − 1, got -1');
    expect(() => new Rng(0.5)).toThrow('got 0.5');
  });

  it('draws the same numbers in f64 as in f32, and whatever was asked for before', () => {
    expect(Float32Array.from(new Rng(3).normal([9], { dtype: 'f64' }).data)).toEqual(new Rng(3).normal([9]).data);
  });

  it('goes on from a saved state', () => {
    const rng = new Rng(9);
    rng.normal([7]);
    const copy = Rng.fromState(JSON.parse(JSON.stringify(rng.state)));
    expect(copy.uniform([4]).toArray()).toEqual(rng.uniform([4]).toArray());
    expect(copy.permutation(9)).toEqual(rng.permutation(9));
  });

  it('splits into generators that agree with nobody', () => {
    const rng = new Rng(4);
    const parts = [...rng.split(3), rng];
    const draws = parts.map((part) => Array.from(part.uniform([20_000]).data));
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < i; j++) {
        const covariance = draws[i]!.reduce((sum, x, k) => sum + (x - 0.5) * (draws[j]![k]! - 0.5), 0) / 20_000;
        expect(Math.abs(covariance)).toBeLessThan(5 / 12 / Math.sqrt(20_000));
      }
    }
    expect(new Rng(4).split(2)[1]!.uniform([3]).toArray()).toEqual(new Rng(4).split(2)[1]!.uniform([3]).toArray());
  });

  it('permutes: every number once, and every place equally often', () => {
    const counts = Array.from({ length: 5 }, () => new Array<number>(5).fill(0));
    const rng = new Rng(2);
    for (let n = 0; n < 5000; n++) {
      const order = rng.permutation(5);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach((value, place) => {
        counts[place]![value]!++;
      });
    }
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(800));
  });
});

describe('drawRows', () => {
  const keys = (n: number, seed = 0): Tensor =>
    tensor(
      Array.from({ length: 2 * n }, (_, i) => (i * 7919 + seed * 104729) % 2 ** 24),
      { shape: [n, 2] },
    );
  const rowOf = (draws: Tensor, sample: number, row: number): unknown =>
    (draws.toArray() as number[][][])[sample]?.[row];

  it.each(['uniform', 'normal', 'exponential', 'gumbel'] as const)(
    'gives %s numbers that depend on key, sample and column alone',
    (kind) => {
      for (const width of [1, 2, 3, 8]) {
        const all = keys(9);
        const draws = drawRows(kind, all, 3, width);
        expect(draws.shape).toEqual([3, 9, width]);
        // Any rows, in any order and number.
        const places = [4, 0, 8, 8, 2];
        const some = drawRows(kind, all.gather(places), 3, width);
        for (const [i, place] of places.entries()) {
          for (let s = 0; s < 3; s++) expect(rowOf(some, s, i)).toEqual(rowOf(draws, s, place));
        }
        // The first samples of more.
        const more = drawRows(kind, all, 5, width);
        expect(more.slice([[0, 3]]).data).toEqual(draws.data);
        // Rows and samples have numbers of their own.
        if (width > 1) expect(new Set((draws.toArray() as number[][][]).flat().map(String)).size).toBe(27);
        expect(drawRows(kind, all.cast('f64'), 3, width).data).toEqual(Float64Array.from(draws.data));
      }
    },
  );

  it("is what a generator with the row's key draws", () => {
    const draws = drawRows(
      'normal',
      tensor([
        [7, 0],
        [123456, 9],
      ]),
      1,
      6,
    );
    expect(rowOf(draws, 0, 0)).toEqual(new Rng(7).normal([6]).toArray());
    expect(rowOf(draws, 0, 1)).toEqual(
      Rng.fromState({ key: [123456, 9], counter: [0, 0] })
        .normal([6])
        .toArray(),
    );
  });

  it('is recorded, the keys an argument, with any number of threads', () => {
    for (const threads of [1, 2, 3]) {
      useThreads(threads);
      const run = compile((k: Tensor) => drawRows('normal', k, 20, 12).sum({ axis: 2 }));
      for (let seed = 0; seed < 3; seed++) {
        expect(run(keys(501, seed)).data).toEqual(drawRows('normal', keys(501, seed), 20, 12).sum({ axis: 2 }).data);
      }
      expect(() => run(tensor(new Float32Array(1002).fill(0.5), { shape: [501, 2] }))).toThrow(
        'drawRows: keys[0, 0] must be a whole number from 0 to 2²⁴ − 1, got 0.5',
      );
    }
    useThreads('auto');
  });

  it('says what is wrong with its arguments', () => {
    expect(() => drawRows('normal', keys(3), 2.5, 1)).toThrow('drawRows: samples must be a whole number ≥ 0, got 2.5');
    expect(() => drawRows('normal', keys(3), 2, -1)).toThrow('drawRows: width must be a whole number ≥ 0, got -1');
    expect(() => drawRows('normall' as never, keys(3), 2, 1)).toThrow("did you mean 'normal'?");
    expect(() => drawRows('normal', zeros([3]), 2, 1)).toThrow('drawRows: keys must be [n, 2], got [3]');
    const bad = tensor([
      [1, 2],
      [3, 2 ** 24],
    ]);
    expect(() => drawRows('normal', bad, 1, 1)).toThrow(
      'drawRows: keys[1, 1] must be a whole number from 0 to 2²⁴ − 1, got 16777216',
    );
    expect(() => drawRows('normal', keys(3), 1e9, 1e9)).toThrow(
      'drawRows: a tensor of [1000000000, 3, 1000000000] is too large',
    );
  });

  it('has the moments of the distribution over rows with neighbouring keys', () => {
    const n = 200_000;
    const k = tensor(
      Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? 5 : i >> 1)),
      { shape: [n, 2] },
    );
    const { mean, variance } = moments(drawRows('normal', k, 1, 1).data);
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });
});
