import { type Batch, Module } from '@latent/nn';
import type { Tensor } from '@latent/tensor';
import { normalLogProb } from '../latent/diagonal-normal.ts';
import type { ScoredModel } from '../scores/score.ts';
import type { VaeCore } from '../variational/core.ts';

/** What a draw became: z = f(z₀) [..., rows, latent], and log |det ∂z/∂z₀| [..., rows]. */
export interface Refined {
  readonly z: Tensor;
  readonly logDet: Tensor;
}

/** An invertible map of codes that depends on the row, with the logarithm of how much it stretches volumes. */
export abstract class Flow extends Module {
  /** The map of each row, by what the encoder made of it: features [rows, features]. */
  abstract of(features: Tensor): (z: Tensor) => Refined;

  /**
   * The model as rows of one batch see it where this flow z = f(z₀; x) refines q(z | x). Everything is asked of z₀, which is Gaussian: a
   * row's likelihood is that of f(z₀), and its prior that of f(z₀) times |det ∂f/∂z₀|. The bound E log p(x | z) + log p(z) − log q(z | x)
   * is the same with log q(z | x) = log q(z₀ | x) − log |det|, so objectives, scores and importance weights need not know of flows.
   * The map is that of the rows whose posterior was asked for last.
   */
  through(model: VaeCore, beside: Batch): ScoredModel {
    let map: ((z: Tensor) => Refined) | null = null;
    let last: { readonly from: Tensor; readonly to: Refined } | null = null;
    const through = (z: Tensor): Refined => {
      if (last?.from === z) return last.to;
      if (map === null) throw new Error('Flow.through: ask for the posterior of the rows first');
      const to = map(z);
      last = { from: z, to };
      return to;
    };
    const logPrior = (z: Tensor): Tensor => {
      const { z: code, logDet } = through(z);
      return model.logPrior(code, beside).add(logDet);
    };
    return {
      reconstructionDistribution: model.reconstructionDistribution,
      posterior: (x) => {
        const { features, ...gaussian } = model.heads(x, beside);
        map = this.of(features);
        last = null;
        return gaussian;
      },
      refined: (z) => through(z).z,
      likelihoodParams: (z) => model.likelihoodParams(through(z).z, beside),
      conditionalLogProb: (x, z) => model.conditionalLogProb(x, through(z).z, beside),
      conditionalLogProbOf: (x, params) => model.conditionalLogProbOf(x, params, beside),
      columnTerms: (x, params) => model.columnTerms(x, params, beside),
      stepTerms: (x, params) => model.stepTerms(x, params, beside),
      exactKl: () => null,
      klOf: (mean, logVariance, z) => normalLogProb(z, mean, logVariance).sub(logPrior(z)),
      logWeight: (x, params, z, mean, logVariance) =>
        model
          .conditionalLogProbOf(x, params, beside)
          .add(logPrior(z))
          .sub(normalLogProb(z, mean, logVariance)),
      logPrior,
    };
  }
}
