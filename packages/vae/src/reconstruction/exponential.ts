import { apply, type Expr, exp, neg, rowSum } from '@latent/tensor';
import { matchRows, NON_NEGATIVE, type ReconstructionDistribution } from './reconstruction.ts';

/** |log rate| past this is held there, so that rate·x cannot overflow in f32. */
const LIMIT = 15;
const bounded = (gamma: Expr): Expr => gamma.max(-LIMIT).min(LIMIT);

/** Σ γ − x·e^γ. */
const logProbOp = /* @__PURE__ */ rowSum(
  'exponentialLogProb',
  (x: Expr, gamma: Expr) => bounded(gamma).sub(x.mul(bounded(gamma).exp())),
  [
    (g, _x, gamma) => g.mul(bounded(gamma).exp()).neg(),
    (g, x, gamma) => g.sub(g.mul(x).mul(bounded(gamma).exp())).mul(gamma.abs().lt(LIMIT)),
  ],
);

/**
 * Exponential, for waiting times and other data ≥ 0, from the log-rate γ = log λ: log p = γ − x·e^γ, mean e^(−γ). One
 * parameter per column, held to [−15, 15].
 */
export function exponential(): ReconstructionDistribution {
  const distribution: ReconstructionDistribution = {
    name: 'exponential',
    normalized: true,
    paramCount: (dataSize) => dataSize,
    logProb: (x, params) => apply(logProbOp, [matchRows(distribution, x, params), params], undefined),
    sample: (params, rng) =>
      distribution.mean(params.detach()).mul(rng.exponential(params.shape, { dtype: params.dtype })),
    mean: (params) => exp(neg(params.clamp(-LIMIT, LIMIT))),
    support: (dataSize) => new Array(dataSize).fill(NON_NEGATIVE),
    config: () => ({ name: 'exponential' }),
  };
  return distribution;
}
