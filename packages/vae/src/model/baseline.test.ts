import { standardise } from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { categorical } from '../reconstruction/categorical.ts';
import { composite } from '../reconstruction/composite.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { laplace } from '../reconstruction/laplace.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { Vae } from '../variational/vae.ts';
import { baselineOf } from './baseline.ts';

const rows = new Rng(1).uniform([50, 3], { low: 99, high: 101 });
const ones = new Rng(2).bernoulli([50, 3], { p: 0.3 });
const groups = tensor(
  Array.from({ length: 50 }, (_, r) => [0, 1, 2].map((c) => Number(r % 3 === c || (r > 40 && c === 2 && r % 3 === 2)))),
);
const flat = (x: typeof rows) => ({ values: x.data, count: 50, width: 3 });

describe('the loss of saying the same of every row', () => {
  // Against the likelihood itself, at the parameters that are best, and at others near them.
  const cases = [
    ['squaredError', squaredError(), rows, (means: number[]) => means],
    ['gaussian', gaussian(), rows, (means: number[], spread: number[]) => [...means, ...spread.map(Math.log)]],
    [
      'a shared variance',
      gaussian({ variance: 'shared' }),
      rows,
      (means: number[], spread: number[]) => [
        ...means,
        ...spread.map(() => Math.log(spread.reduce((a, b) => a + b) / 3)),
      ],
    ],
    [
      'a fixed variance',
      gaussian({ variance: 0.7 }),
      rows,
      (means: number[]) => [...means, ...means.map(() => Math.log(0.7))],
    ],
    ['bernoulli', bernoulli(), ones, (means: number[]) => means.map((p) => Math.log(p / (1 - p)))],
    ['categorical', categorical(), groups, (means: number[]) => means.map(Math.log)],
  ] as const;

  it.each(cases)('is that of %s at its best', (_name, likelihood, x, best) => {
    const means = x.mean({ axis: 0 }).toArray() as number[];
    const spread = x.sub(tensor(means)).square().mean({ axis: 0 }).toArray() as number[];
    const params = tensor([(best as (m: number[], v: number[]) => number[])(means, spread)]);
    const loss = -likelihood
      .logProb(x, params.broadcastTo([50, params.shape[1]!]))
      .mean()
      .item();
    expect(baselineOf(likelihood, flat(x))).toBeCloseTo(loss, 3);
  });

  it('adds up over parts, and is unknown where means and variances do not say it, or rows have holes', () => {
    const both = composite([
      [1, gaussian()],
      [2, squaredError()],
    ]);
    const of = (from: number, to: number) => ({ ...flat(rows.slice([null, [from, to]])), width: to - from });
    expect(baselineOf(both, flat(rows))).toBeCloseTo(
      baselineOf(gaussian(), of(0, 1))! + baselineOf(squaredError(), of(1, 3))!,
      6,
    );
    expect(baselineOf(laplace(), flat(rows))).toBe(undefined);
    const torn = Float32Array.from(rows.data, (value, i) => (i === 4 ? Number.NaN : value));
    expect(baselineOf(gaussian(), { ...flat(rows), values: torn })).toBe(undefined);
  });

  it('stands in the history of a run, on the scale of its losses', async () => {
    const run = { epochs: 1, onWarning: () => {} };
    const plain = new Autoencoder({ inputSize: 3, encoder: [2] });
    const { baseline } = await plain.fit(rows, run);
    expect(baseline).toBeCloseTo(baselineOf(squaredError(), flat(rows))!, 6);
    const scaled = new Autoencoder({ inputSize: 3, encoder: [2], transform: standardise() });
    expect((await scaled.fit(rows, run)).baseline).toBeCloseTo(3, 4);
    const vae = new Vae({ inputSize: 3, latentSize: 1, reconstruction: gaussian(), transform: standardise() });
    expect((await vae.fit(rows, run)).baseline).toBeCloseTo(1.5 * (Math.log(2 * Math.PI) + 1), 3);
    expect((await new Vae({ inputSize: 3, latentSize: 1, reconstruction: laplace() }).fit(rows, run)).baseline).toBe(
      undefined,
    );
  });
});
