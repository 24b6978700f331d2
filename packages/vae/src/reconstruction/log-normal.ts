import { exp } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { POSITIVE, type ReconstructionDistribution } from './likelihood.ts';

const LIMIT = 15;
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

export const logNormalLikelihood = /* @__PURE__ */ columnwise('logNormal', {}, () => ({
  support: POSITIVE,
  count: 2,
  logProb: (x, mean, v) => {
    const variance = bounded(v, LIMIT);
    const off = x.log().sub(mean).square().mul(variance.neg().exp());
    return off.add(variance).mul(-0.5).sub(x.log()).sub(HALF_LOG_2PI);
  },
  mean: (mean, v) => exp(mean.add(exp(v.clamp(-LIMIT, LIMIT)).mul(0.5))),
  mode: (mean, v) => exp(mean.sub(exp(v.clamp(-LIMIT, LIMIT)))),
  sample: (rng, mean, v) =>
    exp(mean.add(exp(v.clamp(-LIMIT, LIMIT).mul(0.5)).mul(rng.normal(mean.shape, { dtype: mean.dtype })))),
}));

/**
 * Log-normal, for skewed data > 0: log x is normal with mean μ and log-variance v (held to [−15, 15]), so
 * log p = −½log 2π − ½v − (log x − μ)²/(2e^v) − log x. Two parameters per column.
 */
export function logNormal(): ReconstructionDistribution {
  return logNormalLikelihood.make({});
}
