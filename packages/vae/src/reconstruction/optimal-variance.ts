import { noGrad } from '@latent/autograd';
import type { Module } from '@latent/nn';
import { concat, overwrite, type Tensor, UsageError } from '@latent/tensor';
import { matchRows, type ReconstructionDistribution } from './reconstruction.ts';

/** Weight of a batch in the variance that the model keeps. */
const WEIGHT = 0.1;

/**
 * The Gaussian whose variance is not learned but known: σ² = mean of (x − μ)² over the rows and columns at hand maximises
 * their density, and its own gradient is 0 there (Rybkin et al. 2021). So it is where gradients are taken; elsewhere it
 * is the running mean that the model's head keeps, so that a row's density does not depend on its neighbours.
 */
export function optimalVariance(gaussian: ReconstructionDistribution, floor: number): ReconstructionDistribution {
  let kept: Tensor | null = null;
  const fitted = (x: Tensor, params: Tensor): Tensor => {
    if (params.node === null) return params;
    const rows = matchRows(gaussian, x, params);
    const mean = gaussian.mean(params);
    const logVariance = noGrad(() => {
      const error = rows.sub(mean).square().mean();
      if (kept !== null) {
        const running = kept
          .detach()
          .exp()
          .mul(1 - WEIGHT)
          .add(error.mul(WEIGHT));
        overwrite(kept, running.log());
      }
      return error.maximum(Math.exp(floor)).log();
    });
    return concat([mean, logVariance.detach().broadcastTo(mean.shape)], -1);
  };
  return {
    ...gaussian,
    logProb: (x, params) => gaussian.logProb(x, fitted(x, params)),
    logProbPerColumn: (x, params) => gaussian.logProbPerColumn(x, fitted(x, params)),
    head(inFeatures, dataSize, rng) {
      if (kept !== null) {
        throw new UsageError(
          "gaussian: variance 'optimal' is kept for one model, got a second; make another with gaussian({ variance: 'optimal' })",
        );
      }
      const head = gaussian.head?.(inFeatures, dataSize, rng) as Module & {
        logVariance: Tensor;
        forward(x: Tensor): Tensor;
      };
      kept = head.logVariance;
      return head;
    },
  };
}
