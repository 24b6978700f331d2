import { sampleNormal } from '@latent/autograd';
import { Rng, type Tensor, tensor, ValueError } from '@latent/tensor';
import { overRows } from '../model/rows.ts';
import type { VaeCore } from './core.ts';

export interface ImputeOptions {
  /** `mean` (default): the expected value of each hole; `draws`: values drawn together, as real rows have them. */
  readonly kind?: 'mean' | 'draws';
  /** Tables to make with `draws`, for multiple imputation; 1 by default. */
  readonly count?: number;
  /** Importance samples; 100 by default. */
  readonly samples?: number;
  readonly seed?: number;
}

/**
 * E[x_missing | x_observed] ≈ Σ w̃ₗ E[x_missing | zₗ] with w̃ the normalised p(x_observed | z)p(z)/q(z | x); a drawn table
 * takes one zₗ for each row with probability w̃ₗ and draws from p(x | zₗ) (Mattei & Frellsen 2019).
 */
export function impute(vae: VaeCore, rows: Float32Array, options: ImputeOptions): Tensor[] {
  const { kind = 'mean', count = 1, samples = 100, seed = 0 } = options;
  for (const [name, value] of Object.entries({ count, samples })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ValueError(`Vae.impute: ${name} must be a whole number ≥ 1, got ${value}`);
    }
  }
  const width = vae.options.inputSize;
  const n = rows.length / width;
  const [rng, choices] = new Rng(seed).split(2);
  const draw = overRows((x, generator: Rng) => {
    const { mean, logVariance } = vae.posterior(x);
    const z = sampleNormal(mean, logVariance, generator);
    const params = vae.likelihoodParams(z);
    const weights = vae.logWeight(x, params, z, mean, logVariance);
    return { weights, params, mean: vae.reconstructionDistribution.mean(params) };
  });
  const tables = Array.from({ length: kind === 'mean' ? 1 : count }, () => new Float64Array(rows.length));
  const largest = new Float64Array(n).fill(-Infinity);
  const total = new Float64Array(n);
  for (let l = 0; l < samples; l++) {
    const { weights, params, mean } = draw(rows, width, rng);
    const logWeights = weights.data;
    const values = (kind === 'mean' ? mean : vae.reconstructionDistribution.sample(params, rng)).data;
    const chances = kind === 'mean' ? null : choices.uniform([tables.length, n]).data;
    for (let r = 0; r < n; r++) {
      const rescale = logWeights[r] > largest[r] ? Math.exp(largest[r] - logWeights[r]) : 1;
      largest[r] = Math.max(largest[r], logWeights[r]);
      const weight = Math.exp(logWeights[r] - largest[r]);
      total[r] = total[r] * rescale + weight;
      for (const [t, table] of tables.entries()) {
        // A running weighted mean; or the new value takes the old one's place with the probability of its share.
        const share = weight / total[r];
        if (chances !== null && chances[t * n + r] >= share) continue;
        for (let c = 0; c < width; c++) {
          const i = r * width + c;
          table[i] = chances === null ? table[i] + share * (values[i] - table[i]) : values[i];
        }
      }
    }
  }
  return tables.map((table) =>
    tensor(
      Float32Array.from(rows, (value, i) => (Number.isNaN(value) ? table[i] : value)),
      { shape: [n, width] },
    ),
  );
}
