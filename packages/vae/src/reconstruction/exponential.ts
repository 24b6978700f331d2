import { type Expr, exp, neg } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { NON_NEGATIVE, type ReconstructionDistribution } from './likelihood.ts';

/** |log rate| past this is held there, so that rate·x cannot overflow in f32. */
const LIMIT = 15;
const rate = (gamma: Expr): Expr => bounded(gamma, LIMIT).exp();

export const exponentialLikelihood = /* @__PURE__ */ columnwise('exponential', {}, () => ({
  support: NON_NEGATIVE,
  count: 1,
  logProb: (x, gamma) => bounded(gamma, LIMIT).sub(x.mul(rate(gamma))),
  rules: [
    (g, _x, gamma) => g.mul(rate(gamma)).neg(),
    (g, x, gamma) => g.sub(g.mul(x).mul(rate(gamma))).mul(gamma.abs().lt(LIMIT)),
  ],
  mean: (gamma) => exp(neg(gamma.clamp(-LIMIT, LIMIT))),
  mode: (gamma) => gamma.mul(0),
  sample: (rng, gamma) =>
    exp(neg(gamma.clamp(-LIMIT, LIMIT))).mul(rng.exponential(gamma.shape, { dtype: gamma.dtype })),
}));

/**
 * Exponential, for waiting times and other data ≥ 0, from the log-rate γ = log λ: log p = γ − x·e^γ, mean e^(−γ). One
 * parameter per column, held to [−15, 15].
 */
export function exponential(): ReconstructionDistribution {
  return exponentialLikelihood.make({});
}
