import { exp, type Tensor, where } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma } from './gamma-draws.ts';
import { POSITIVE, type ReconstructionDistribution } from './likelihood.ts';
import { deviance, stirlingError } from './stirling.ts';

const LIMIT = 15;
/** Of log α: past e¹⁰ the spread is under 0.7 % of the mean. */
const MOST = 10;
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
/** The least draw; those of a small α fall below what single precision holds. */
const LEAST = 2 ** -126;

const numbers = (m: Tensor, s: Tensor): [mean: Tensor, shape: Tensor] => [
  exp(m.clamp(-LIMIT, LIMIT)),
  exp(s.clamp(-LIMIT, MOST)),
];

export const gammaLikelihood = /* @__PURE__ */ columnwise('gamma', {}, () => ({
  support: POSITIVE,
  count: 2,
  // The textbook form's terms are large for large α, and cancel. With Stirling's formula for log Γ(α) what is left is
  // ½log α − ½log 2π − log x − δ(α) − α·(eᵈ − 1 − d), d = log(x/μ), δ Stirling's error (Loader 2000).
  logProb: (x, m, s) => {
    const logShape = s.max(-LIMIT).min(MOST);
    const shape = logShape.exp();
    const logX = x.log();
    const d = logX.sub(bounded(m, LIMIT));
    return logShape
      .mul(0.5)
      .sub(HALF_LOG_2PI)
      .sub(logX)
      .sub(stirlingError(shape))
      .sub(shape.mul(deviance(d)));
  },
  mean: (m, s) => numbers(m, s)[0],
  mode: (m, s) => {
    const [mean, shape] = numbers(m, s);
    return where(shape.greater(1), mean.mul(shape.sub(1)).div(shape), 0);
  },
  sample: (rng, m, s) => {
    const [mean, shape] = numbers(m, s);
    return drawGamma(shape, rng).mul(mean).div(shape).maximum(LEAST);
  },
}));

/**
 * Gamma, for skewed data > 0 whose spread grows with their mean (waiting times, amounts), from log mean m (held to [−15, 15])
 * and log shape s (held to [−15, 10]): with μ = e^m and α = e^s,
 * log p = α·log(α/μ) − logΓ(α) + (α − 1)·log x − αx/μ; variance μ²/α (McCullagh & Nelder 1989, chapter 8). The density has no
 * bound at 0 where α < 1; the mode is 0 there. Two parameters per column.
 */
export function gamma(): ReconstructionDistribution {
  return gammaLikelihood.make({});
}
