import { sampleNormal } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import type { RowsFunction } from '../model/rows.ts';
import type { VaeCore } from './core.ts';

export interface LikelihoodEstimate {
  /** log p(x) of each row, in nats: [n]. */
  readonly logLikelihood: Tensor;
  /** Of the estimate, from the spread of the weights: [n]. */
  readonly standardError: Tensor;
}

/** Draws at a time. */
const AT_ONCE = 10;

/** log p(x | z)p(z)/q(z | x) of draws of z: [n, draws]. */
export function logWeights(vae: VaeCore, x: Tensor, rng: Rng, draws: number): Tensor {
  const { mean, logVariance } = vae.posterior(x);
  const shape = [draws, ...mean.shape];
  const [mu, v] = [mean.broadcastTo(shape), logVariance.broadcastTo(shape)];
  const z = sampleNormal(mu, v, rng);
  return vae.logWeight(x, vae.likelihoodParams(z), z, mu, v).transpose();
}

/** log 1/K Σ wₖ for each row, the weights taken in block by block with a running maximum. */
export function estimateLogLikelihood(
  weights: RowsFunction<'weights', [rng: Rng, draws: number]>,
  rows: Float32Array,
  width: number,
  { samples = 100, seed = 0 }: { readonly samples?: number; readonly seed?: number },
): LikelihoodEstimate {
  const n = rows.length / width;
  const rng = new Rng(seed);
  const largest = new Float64Array(n).fill(-Infinity);
  const [sum, squares] = [new Float64Array(n), new Float64Array(n)];
  for (let done = 0; done < samples; done += AT_ONCE) {
    const draws = Math.min(AT_ONCE, samples - done);
    const values = weights(rows, width, rng, draws).weights.data;
    for (let r = 0; r < n; r++) {
      for (let k = 0; k < draws; k++) {
        const value = values[r * draws + k];
        if (value > largest[r]) {
          const shrink = Math.exp(largest[r] - value);
          sum[r] *= shrink;
          squares[r] *= shrink * shrink;
          largest[r] = value;
        }
        const weight = Math.exp(value - largest[r]);
        sum[r] += weight;
        squares[r] += weight * weight;
      }
    }
  }
  const mean = sum.map((total) => total / samples);
  return {
    logLikelihood: tensor(
      Float32Array.from(mean, (value, r) => largest[r] + Math.log(value)),
      { shape: [n] },
    ),
    // By the delta method: the standard error of the mean weight over the mean weight.
    standardError: tensor(
      Float32Array.from(mean, (value, r) =>
        samples === 1 ? Infinity : Math.sqrt(Math.max(0, squares[r] / samples - value * value) / (samples - 1)) / value,
      ),
      { shape: [n] },
    ),
  };
}
