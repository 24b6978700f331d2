import { customGradient, sampleNormal, stopGradient } from '@latent/autograd';
import { logSumExp, oneOf, optional, type Tensor, whole } from '@latent/tensor';
import { normalLogProb } from '../latent/diagonal-normal.ts';
import { type Objective, objectives } from './objective.ts';

/** How tight the importance-weighted bound is, and which gradient it takes. */
export interface IwaeOptions {
  /** Draws K of z for each row; 5 by default. Past some tens the encoder's gradient drowns in noise (Rainforth et al. 2018). */
  readonly samples?: number;
  /**
   * Of the gradient: `standard`; `stl`, which leaves out the part of log q whose expectation is 0 (Roeder et al. 2017);
   * `dreg`, whose encoder gradient is unbiased and does not drown (Tucker et al. 2018).
   */
  readonly estimator?: 'standard' | 'stl' | 'dreg';
}

const checks = {
  samples: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 5),
  estimator: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('standard', 'stl', 'dreg'), 'standard' as const),
};

export const iwaeObjective = /* @__PURE__ */ objectives.known('iwae', {
  options: checks,
  build: ({ samples, estimator }) => ({
    weightAt: null,
    needsExactKl: false,
    needsNormalPosterior: estimator !== 'standard',
    compute(model, x, rng) {
      const posterior = model.posterior(x);
      const shape = [samples, ...posterior.mean.shape];
      const mean = posterior.mean.broadcastTo(shape);
      const logVariance = posterior.logVariance.broadcastTo(shape);
      // Filled in below, read when the gradient passes back through z.
      let weights: Tensor | null = null;
      const drawn = sampleNormal(mean, logVariance, rng);
      const z =
        estimator === 'dreg'
          ? customGradient((value) => ({
              value: value.add(0),
              // The gradient arrives with one factor w̃; the encoder's needs two.
              gradient: (g) => [g.mul((weights as Tensor).reshape([...shape.slice(0, -1), 1]))],
            }))(drawn)
          : drawn;
      const logQ =
        estimator === 'standard'
          ? normalLogProb(z, mean, logVariance)
          : normalLogProb(z, stopGradient(mean), stopGradient(logVariance));
      const likelihood = model.conditionalLogProb(x, z);
      const kl = logQ.sub(model.logPrior(z));
      const logWeights = likelihood.sub(kl);
      const bound = logSumExp(logWeights, { axis: 0 }).sub(Math.log(samples));
      weights = stopGradient(logWeights).softmax(0);
      return { loss: bound.mean().neg(), reconstruction: likelihood.mean().neg(), kl: kl.mean() };
    },
  }),
});

/**
 * Minus the importance-weighted bound (Burda et al. 2015): −E log 1/K Σ wₖ with wₖ = p(x | zₖ)p(zₖ)/q(zₖ | x). It is at
 * least the ELBO and rises to log p(x) with K. The parts reported are means over the draws.
 */
export function iwae(options: IwaeOptions = {}): Objective {
  return iwaeObjective.make(options);
}
