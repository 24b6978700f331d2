import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { klToStandardNormal } from '../latent/diagonal-normal.ts';
import { gaussian } from '../reconstruction/gaussian.ts';

// A model with a known answer: p(z) = N(0, 1), p(x | z) = N(z, 1), so p(x) = N(0, 2) and p(z | x) = N(x/2, 1/2).
const X = 2;
const LOG_P = -0.5 * Math.log(4 * Math.PI) - X ** 2 / 4;
const likelihood = gaussian();
const f64 = { dtype: 'f64' } as const;

/** log p(x | z) of the toy for draws z [n, 1]. */
function logLikelihood(z: Tensor): Tensor {
  const x = tensor([X], f64).broadcastTo(z.shape);
  return likelihood.logProb(x, tensor([1, 0], { ...f64, shape: [1, 2] }).mul(z));
}

/** log p(x | z) + log p(z) − log q(z), for q = N(mean, e^logVariance). */
function logWeights(n: number, mean: number, logVariance: number, seed: number): Tensor {
  const noise = new Rng(seed).normal([n, 1], f64);
  const z = noise.mul(Math.exp(0.5 * logVariance)).add(mean);
  const prior = z.square().mul(-0.5).reshape([n]);
  const q = noise
    .square()
    .mul(-0.5)
    .sub(0.5 * logVariance)
    .reshape([n]);
  return logLikelihood(z).add(prior).sub(q);
}

describe('the evidence lower bound', () => {
  it('is the log-evidence exactly, with no variance, when q is the posterior', () => {
    const weights = logWeights(1000, 1, Math.log(0.5), 1);
    for (const value of weights.data) expect(value).toBeCloseTo(LOG_P, 12);
    expect(LOG_P).toBeCloseTo(-2.26551212348, 10);
  });

  it('is below it for every other q, by the KL from q to the posterior', () => {
    const posteriors: [mean: number, variance: number][] = [
      [0, 1],
      [0.5, 0.3],
      [2, 2],
    ];
    for (const [mean, variance] of posteriors) {
      const n = 200_000;
      const [m, v] = [tensor([mean], f64), tensor([Math.log(variance)], f64)];
      const z = new Rng(7).normal([n, 1], f64).mul(Math.sqrt(variance)).add(mean);
      const draws = logLikelihood(z);
      const elbo = draws.mean().item() - klToStandardNormal(m, v).item();
      const gap = 0.5 * (variance / 0.5 + (mean - 1) ** 2 / 0.5 - 1 - Math.log(variance / 0.5));
      const error = Math.sqrt(draws.variance().item() / n);
      expect(elbo).toBeLessThan(LOG_P + 3 * error);
      expect(Math.abs(elbo - (LOG_P - gap))).toBeLessThan(5 * error);
    }
  });

  it('rises to it with the number of draws that are averaged inside the logarithm', () => {
    // With q = p(z); the bounds for K draws by two million simulations elsewhere.
    const known: [number, number][] = [
      [1, -3.4189385332],
      [2, -2.758],
      [5, -2.422],
      [10, -2.335],
      [50, -2.278],
      [500, -2.268],
    ];
    let last = -Infinity;
    for (const [k, want] of known) {
      const weights = logWeights(100_000, 0, 0, 3).reshape([100_000 / k, k]);
      const bounds = weights.logSumExp({ axis: 1 }).sub(Math.log(k));
      const error = Math.sqrt(bounds.variance().item() / bounds.size);
      const bound = bounds.mean().item();
      expect(Math.abs(bound - want)).toBeLessThan(5 * error + 2e-3);
      expect(bound).toBeGreaterThan(last);
      last = bound;
    }
  });
});
