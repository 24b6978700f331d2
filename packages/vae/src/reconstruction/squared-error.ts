import { columnwise } from './columnwise.ts';
import { REAL, type ReconstructionDistribution } from './likelihood.ts';

export const squaredErrorLikelihood = /* @__PURE__ */ columnwise('squaredError', {}, () => ({
  normalized: false,
  support: REAL,
  count: 1,
  logProb: (x, y) => x.sub(y).square().neg(),
  rules: [(g, x, y) => g.mul(y.sub(x)).mul(2), (g, x, y) => g.mul(x.sub(y)).mul(2)],
  mean: (y) => y,
  mode: (y) => y,
  sample: (_rng, y) => y,
  baseline: (_mean, variance) => variance.reduce((a, b) => a + b, 0),
}));

/**
 * A plain loss in a distribution's place: the squared error summed over columns. It is a Gaussian of variance ½ but for
 * a constant, so its balance with the KL is sound; it is not a log-density, and likelihoods refuse it.
 */
export function squaredError(): ReconstructionDistribution {
  return squaredErrorLikelihood.make({});
}
