import { apply, constant, type Expr, rowSum, sigmoid } from '@latent/tensor';
import { matchRows, type ReconstructionDistribution, UNIT } from './reconstruction.ts';

const softplus = (l: Expr): Expr => l.max(0).add(l.abs().neg().exp().log1p());
const sigmoidOf = (l: Expr): Expr => constant(1).div(l.neg().exp().add(1));

/** Σ x·l − softplus(l), whose gradient to the logit is x − sigmoid(l): right for |l| = 10⁴. */
const logProbOp = /* @__PURE__ */ rowSum('bernoulliLogProb', (x: Expr, l: Expr) => x.mul(l).sub(softplus(l)), [
  (g, _x, l) => g.mul(l),
  (g, x, l) => g.mul(x.sub(sigmoidOf(l))),
]);

/**
 * Bernoulli, from logits: log p(x | l) = x·l − softplus(l). One parameter per column. Data are 0, 1 or between; between,
 * this is the cross-entropy to the grey value, whose floor is the data's own entropy and not 0.
 */
export function bernoulli(): ReconstructionDistribution {
  const distribution: ReconstructionDistribution = {
    name: 'bernoulli',
    normalized: true,
    paramCount: (dataSize) => dataSize,
    logProb: (x, params) => apply(logProbOp, [matchRows(distribution, x, params), params], undefined),
    sample: (params, rng) => rng.bernoulli(params.shape, { p: sigmoid(params).detach(), dtype: params.dtype }),
    mean: (params) => sigmoid(params),
    support: (dataSize) => new Array(dataSize).fill(UNIT),
    config: () => ({ name: 'bernoulli' }),
  };
  return distribution;
}
