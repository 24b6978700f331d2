import { exp } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { REAL, type ReconstructionDistribution } from './likelihood.ts';

const LIMIT = 15;

export const laplaceLikelihood = /* @__PURE__ */ columnwise('laplace', {}, () => ({
  support: REAL,
  count: 2,
  logProb: (x, mean, s) =>
    x.sub(mean).abs().mul(bounded(s, LIMIT).neg().exp()).add(bounded(s, LIMIT)).add(Math.LN2).neg(),
  mean: (mean) => mean,
  mode: (mean) => mean,
  sample: (rng, mean, s) => {
    const options = { dtype: mean.dtype };
    const noise = rng.exponential(mean.shape, options).sub(rng.exponential(mean.shape, options));
    return mean.add(exp(s.clamp(-LIMIT, LIMIT)).mul(noise));
  },
}));

/**
 * Laplace, whose centre is a median: log p = −|x − μ|/b − log 2b, from μ and log b (held to [−15, 15]). Two parameters per
 * column.
 */
export function laplace(): ReconstructionDistribution {
  return laplaceLikelihood.make({});
}
