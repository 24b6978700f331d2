import { type Expr, exp, type Tensor, where, whole } from '@latent/tensor';
import { columnwise } from './columnwise.ts';
import { minStdCheck } from './gaussian.ts';
import { REAL, type ReconstructionDistribution } from './likelihood.ts';

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
/** A formula of more operands than this is not compiled to SIMD. */
const MOST_COMPONENTS = 6;

function logSumExp(terms: readonly Expr[]): Expr {
  const largest = terms.reduce((a, b) => a.max(b));
  return terms
    .map((term) => term.sub(largest).exp())
    .reduce((a, b) => a.add(b))
    .log()
    .add(largest);
}

/** The numbers of each component, of K logits, K means and K log-variances. */
function components<T>(k: number, params: readonly T[]): { logit: T; mean: T; v: T }[] {
  return Array.from({ length: k }, (_, i) => ({
    logit: params[i] as T,
    mean: params[k + i] as T,
    v: params[2 * k + i] as T,
  }));
}

/** Of each place, the value whose score is the largest. */
function choose(scores: readonly Tensor[], values: readonly Tensor[]): Tensor {
  let [best, chosen] = [scores[0] as Tensor, values[0] as Tensor];
  for (const [i, score] of scores.entries()) {
    if (i === 0) continue;
    chosen = where(score.greater(best), values[i] as Tensor, chosen);
    best = best.maximum(score);
  }
  return chosen;
}

const checks = { components: /* @__PURE__ */ whole({ min: 1, max: MOST_COMPONENTS }), minStd: minStdCheck };

export const gaussianMixtureLikelihood = /* @__PURE__ */ columnwise(
  'gaussianMixture',
  checks,
  ({ components: k, minStd }) => {
    const [floor, ceiling] = [2 * Math.log(minStd), 60];
    const std = (v: Tensor): Tensor => exp(v.clamp(floor, ceiling).mul(0.5));
    const shares = (parts: readonly { readonly logit: Tensor }[]): Tensor[] => {
      const largest = parts.map(({ logit }) => logit).reduce((a, b) => a.maximum(b));
      const terms = parts.map(({ logit }) => exp(logit.sub(largest)));
      const total = terms.reduce((a, b) => a.add(b));
      return terms.map((term) => term.div(total));
    };
    return {
      support: REAL,
      count: 3 * k,
      logProb: (x: Expr, ...params: Expr[]) => {
        const parts = components(k, params);
        const densities = parts.map(({ logit, mean, v }) => {
          const held = v.max(floor).min(ceiling);
          return logit.sub(x.sub(mean).square().mul(held.neg().exp()).add(held).mul(0.5)).sub(HALF_LOG_2PI);
        });
        return logSumExp(densities).sub(logSumExp(parts.map(({ logit }) => logit)));
      },
      mean: (...params: Tensor[]) => {
        const parts = components(k, params);
        return shares(parts)
          .map((share, i) => share.mul(parts[i]?.mean as Tensor))
          .reduce((a, b) => a.add(b));
      },
      tempered: (temperature, ...params) =>
        params.map((param, i) =>
          i < k ? param.div(temperature) : i < 2 * k ? param : param.clamp(floor, ceiling).add(Math.log(temperature)),
        ),
      // The centre of the component with the highest peak.
      mode: (...params: Tensor[]) => {
        const parts = components(k, params);
        return choose(
          shares(parts).map((share, i) => share.div(std(parts[i]?.v as Tensor))),
          parts.map(({ mean }) => mean),
        );
      },
      sample: (rng, ...params) => {
        const parts = components(k, params);
        const { shape, dtype } = params[0] as Tensor;
        const scores = parts.map(({ logit }) => logit.add(rng.gumbel(shape, { dtype })));
        const mean = choose(
          scores,
          parts.map((part) => part.mean),
        );
        const v = choose(
          scores,
          parts.map((part) => part.v),
        );
        return mean.add(std(v).mul(rng.normal(shape, { dtype })));
      },
    };
  },
);

/**
 * A mixture of K Gaussians, for columns with several peaks: log p = logΣₖ πₖN(x; μₖ, σₖ²), from K logits, K means and K
 * log-variances per column (floored at minStd).
 */
export function gaussianMixture(options: {
  readonly components: number;
  readonly minStd?: number;
}): ReconstructionDistribution {
  return gaussianMixtureLikelihood.make(options);
}
