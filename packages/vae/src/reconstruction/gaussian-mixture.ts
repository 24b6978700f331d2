import { type Expr, exp, type Tensor, ValueError, where } from '@latent/tensor';
import { columnwise } from './columnwise.ts';
import { REAL, type ReconstructionDistribution } from './reconstruction.ts';

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

/**
 * A mixture of K Gaussians, for columns with several peaks: log p = logΣₖ πₖN(x; μₖ, σₖ²), from K logits, K means and K
 * log-variances per column (floored at minStd).
 */
export function gaussianMixture(options: {
  readonly components: number;
  readonly minStd?: number;
}): ReconstructionDistribution {
  const { components: k, minStd = 1e-3 } = options;
  if (!(Number.isInteger(k) && k >= 1 && k <= MOST_COMPONENTS)) {
    throw new ValueError(`gaussianMixture: components must be a whole number from 1 to ${MOST_COMPONENTS}, got ${k}`);
  }
  if (!(minStd > 0)) throw new ValueError(`gaussianMixture: minStd must be > 0, got ${minStd}`);
  const [floor, ceiling] = [2 * Math.log(minStd), 60];
  const shares = (params: readonly Tensor[]): Tensor[] => {
    const logits = params.slice(0, k);
    const largest = logits.reduce((a, b) => a.maximum(b));
    const terms = logits.map((logit) => exp(logit.sub(largest)));
    const total = terms.reduce((a, b) => a.add(b));
    return terms.map((term) => term.div(total));
  };
  /** Of each place, the numbers of the component with the largest score. */
  const choose = (scores: readonly Tensor[], values: readonly Tensor[]): Tensor => {
    let [best, chosen] = [scores[0], values[0]];
    for (let i = 1; i < scores.length; i++) {
      chosen = where(scores[i].greater(best), values[i], chosen);
      best = best.maximum(scores[i]);
    }
    return chosen;
  };
  const std = (v: Tensor): Tensor => exp(v.clamp(floor, ceiling).mul(0.5));
  return columnwise({
    config: { name: 'gaussianMixture', components: k, minStd },
    support: REAL,
    count: 3 * k,
    logProb: (x, ...params) => {
      const logits = params.slice(0, k);
      const densities = logits.map((logit, i) => {
        const [mean, v] = [params[k + i], params[2 * k + i].max(floor).min(ceiling)];
        return logit.sub(x.sub(mean).square().mul(v.neg().exp()).add(v).mul(0.5)).sub(HALF_LOG_2PI);
      });
      return logSumExp(densities).sub(logSumExp(logits));
    },
    mean: (params) =>
      shares(params)
        .map((share, i) => share.mul(params[k + i]))
        .reduce((a, b) => a.add(b)),
    // The centre of the component with the highest peak.
    mode: (params) =>
      choose(
        shares(params).map((share, i) => share.div(std(params[2 * k + i]))),
        params.slice(k, 2 * k),
      ),
    sample: (params, rng) => {
      const [{ shape, dtype }] = params;
      const scores = params.slice(0, k).map((logit) => logit.add(rng.gumbel(shape, { dtype })));
      const mean = choose(scores, params.slice(k, 2 * k));
      return mean.add(std(choose(scores, params.slice(2 * k))).mul(rng.normal(shape, { dtype })));
    },
  });
}
