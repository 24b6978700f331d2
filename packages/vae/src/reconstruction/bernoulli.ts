import { type Expr, greater, sigmoid } from '@latent/tensor';
import { columnwise } from './columnwise.ts';
import { entropyOf, type ReconstructionDistribution, UNIT } from './likelihood.ts';

export const softplusOf = (l: Expr): Expr => l.max(0).add(l.abs().neg().exp().log1p());

export const bernoulliLikelihood = /* @__PURE__ */ columnwise('bernoulli', {}, () => ({
  support: UNIT,
  count: 1,
  logProb: (x, l) => x.mul(l).sub(softplusOf(l)),
  // The gradient to the logit is x − sigmoid(l): right for |l| = 10⁴.
  rules: [(g, _x, l) => g.mul(l), (g, x, l) => g.mul(x.sub(l.sigmoid()))],
  mean: (l) => sigmoid(l),
  mode: (l) => greater(l, 0),
  // The entropy of the means.
  baseline: (mean) => mean.reduce((sum, p) => sum + entropyOf(p) + entropyOf(1 - p), 0),
  sample: (rng, l) => rng.bernoulli(l.shape, { p: sigmoid(l), dtype: l.dtype }),
}));

/**
 * Bernoulli, from logits: log p(x | l) = x·l − softplus(l). One parameter per column. Data are 0, 1 or between; between,
 * this is the cross-entropy to the grey value, whose floor is the data's own entropy and not 0.
 */
export function bernoulli(): ReconstructionDistribution {
  return bernoulliLikelihood.make({});
}
