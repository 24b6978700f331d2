import { full, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { gradients, parameter, sampleExponential, sampleGumbelSoftmax, sampleLaplace, sampleNormal } from './index.ts';

const N = 400_000;

function meanAndError(values: ArrayLike<number>): { mean: number; error: number } {
  const x = Array.from(values);
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
  return { mean, error: Math.sqrt(variance / x.length) };
}

/** As many as the family has; it looks at no others. */
type Params = readonly [number, number];

interface Family {
  readonly name: string;
  readonly params: readonly number[];
  sample(params: readonly [Tensor, Tensor], rng: Rng): Tensor;
  /** d log p / d param, for the score-function estimator. */
  score(z: number, params: Params): readonly number[];
  /** d E[z²] / d param, exact. */
  gradient(params: Params): readonly number[];
}

const families: readonly Family[] = [
  {
    name: 'normal',
    params: [0.7, -0.6],
    sample: ([mean, logVariance], rng) => sampleNormal(mean, logVariance, rng),
    score: (z, [m, v]) => [(z - m) / Math.exp(v), 0.5 * ((z - m) ** 2 / Math.exp(v) - 1)],
    gradient: ([m, v]) => [2 * m, Math.exp(v)],
  },
  {
    name: 'Laplace',
    params: [0.4, -0.3],
    sample: ([location, logScale], rng) => sampleLaplace(location, logScale, rng),
    score: (z, [m, s]) => [Math.sign(z - m) / Math.exp(s), Math.abs(z - m) / Math.exp(s) - 1],
    gradient: ([m, s]) => [2 * m, 4 * Math.exp(2 * s)],
  },
  {
    name: 'exponential',
    params: [0.5],
    sample: ([logRate], rng) => sampleExponential(logRate, rng),
    score: (z, [g]) => [1 - z * Math.exp(g)],
    gradient: ([g]) => [-4 * Math.exp(-2 * g)],
  },
];

describe.each(families)('a reparameterised draw: $name', ({ params, sample, score, gradient }) => {
  it('has the gradient of the expectation, and so has the score-function estimator, with more noise', () => {
    const scalars = params.map((value) => parameter(value));
    const wide = scalars.map((p) => p.broadcastTo([N])) as unknown as readonly [Tensor, Tensor];
    const z = sample(wide, new Rng(3));
    // Per draw, the gradients to the broadcast parameters are the estimator's terms.
    const terms = gradients(z.square().sum(), wide);
    const draws = Array.from(z.data);
    const given = params as unknown as Params;
    gradient(given).forEach((exact, i) => {
      const pathwise = meanAndError(terms[i]!.data);
      const scoring = meanAndError(draws.map((value) => value ** 2 * score(value, given)[i]!));
      expect(Math.abs(pathwise.mean - exact)).toBeLessThan(5 * pathwise.error + 1e-4);
      expect(Math.abs(scoring.mean - exact)).toBeLessThan(5 * scoring.error + 1e-4);
      expect(pathwise.error).toBeLessThan(scoring.error);
    });
  });

  it('gives the same draw for the same seed', () => {
    const at = params.map((value) => full([6], value)) as unknown as readonly [Tensor, Tensor];
    expect(sample(at, new Rng(8)).toArray()).toEqual(sample(at, new Rng(8)).toArray());
    expect(sample(at, new Rng(8)).toArray()).not.toEqual(sample(at, new Rng(9)).toArray());
  });
});

describe('Gumbel-softmax', () => {
  it('gives rows of probabilities that are near one-hot when cold, with the frequencies of the logits', () => {
    const logits = tensor([0.1, 1.2, -0.7]).broadcastTo([50_000, 3]);
    const draws = sampleGumbelSoftmax(logits, 0.05, new Rng(1));
    for (const total of draws.slice([[0, 100]]).sum({ axis: 1 }).data) expect(total).toBeCloseTo(1, 5);
    const chosen = draws.argMax().data;
    const expected = tensor([0.1, 1.2, -0.7]).softmax().data;
    expected.forEach((p: number, k: number) => {
      const share = chosen.filter((c: number) => c === k).length / 50_000;
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 50_000));
    });
    expect(draws.max({ axis: 1 }).mean().item()).toBeGreaterThan(0.95);
  });
});
