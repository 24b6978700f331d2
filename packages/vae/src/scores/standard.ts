import type { Tensor } from '@latent/tensor';
import { logSumExp } from '@latent/tensor';
import { drawn } from '../latent/diagonal-normal.ts';
import type { RowInputs } from '../model/rows-program.ts';
import type { Score, ScoredModel } from './score.ts';

/** What q(z | x) says of each row, and draws from it: [samples, rows, latent], or [rows, latent] for one. */
function posteriorDraws(model: ScoredModel, { near, draws }: RowInputs, samples: number) {
  const { mean, logVariance } = model.posterior(near);
  const latent = mean.shape[1] as number;
  const noise = draws.normal(samples, latent);
  const z = drawn(mean, logVariance, samples === 1 ? noise.reshape(mean.shape) : noise);
  const all = (x: Tensor): Tensor => (samples === 1 ? x : x.broadcastTo(z.shape));
  return { mean, logVariance, z, mu: all(mean), v: all(logVariance) };
}

/** The mean over draws, where there are several. */
function overDraws(x: Tensor, samples: number): Tensor {
  return samples === 1 ? x : x.mean({ axis: 0 });
}

/** The KL of each row: exact, else the mean over draws. */
function klOfDraws(model: ScoredModel, rows: ReturnType<typeof posteriorDraws>, samples: number): Tensor {
  const { mean, logVariance, z, mu, v } = rows;
  return model.exactKl(mean, logVariance) ?? overDraws(model.klOf(mu, v, z), samples);
}

/** The evidence lower bound with β = 1 and its parts. */
export const boundScore: Score<'elbo' | 'reconstruction' | 'kl'> = {
  name: 'elbo',
  density: false,
  outputs: { elbo: { jacobian: 'add' }, reconstruction: { jacobian: 'subtract' }, kl: {} },
  compute(model, rows, samples) {
    const posterior = posteriorDraws(model, rows, samples);
    const kl = klOfDraws(model, posterior, samples);
    const likelihood = overDraws(model.conditionalLogProb(rows.x, posterior.z), samples);
    return { elbo: likelihood.sub(kl), reconstruction: likelihood.neg(), kl };
  },
};

/** The columns' shares of minus the bound. */
export const contributionsScore: Score<'columns' | 'kl'> = {
  name: 'contributions',
  density: false,
  outputs: { columns: { jacobian: 'subtract', per: 'column' }, kl: {} },
  compute(model, rows, samples) {
    const posterior = posteriorDraws(model, rows, samples);
    const terms = model.columnTerms(rows.x, model.likelihoodParams(posterior.z));
    return { columns: overDraws(terms, samples).neg(), kl: klOfDraws(model, posterior, samples) };
  },
};

/** −log p(x | z) at the mean of the code. */
export const reconstructionErrorScore: Score<'error'> = {
  name: 'reconstructionError',
  density: false,
  outputs: { error: { jacobian: 'subtract' } },
  compute: (model, { x, near }) => ({ error: model.conditionalLogProb(x, model.posterior(near).mean).neg() }),
};

/** The same by step, of sequences: [rows, steps]. */
export const stepErrorScore: Score<'steps'> = {
  name: 'reconstructionErrorPerStep',
  density: false,
  outputs: { steps: { jacobian: 'subtract', per: 'step' } },
  compute(model, { x, near }) {
    return { steps: model.stepTerms(x, model.likelihoodParams(model.posterior(near).mean)).neg() };
  },
};

/** Mean over draws of log p(x | z), and the logarithm of the mean of p(x | z). */
export const densityScore: Score<'mean' | 'averaged'> = {
  name: 'reconstructionLogProbability',
  density: true,
  outputs: { mean: { jacobian: 'add' }, averaged: { jacobian: 'add', blocks: 'logMean' } },
  compute(model, rows, samples) {
    const { z } = posteriorDraws(model, rows, samples);
    const terms = model.conditionalLogProb(rows.x, z);
    if (samples === 1) return { mean: terms, averaged: terms };
    return { mean: terms.mean({ axis: 0 }), averaged: logSumExp(terms, { axis: 0 }).sub(Math.log(samples)) };
  },
};

/** log of the mean over draws of w = p(x | z)p(z)/q(z | x), and of (w/mean)² for its error. */
export const likelihoodScore: Score<'logLikelihood' | 'logSquares'> = {
  name: 'logLikelihood',
  density: true,
  outputs: {
    logLikelihood: { jacobian: 'add', blocks: 'logMean' },
    logSquares: { blocks: 'logMean', relativeTo: 'logLikelihood' },
  },
  compute(model, rows, samples) {
    const { z, mu, v } = posteriorDraws(model, rows, samples);
    const weights = model.logWeight(rows.x, model.likelihoodParams(z), z, mu, v);
    if (samples === 1) return { logLikelihood: weights, logSquares: weights.mul(0) };
    const logCount = Math.log(samples);
    const logLikelihood = logSumExp(weights, { axis: 0 }).sub(logCount);
    const logSquares = logSumExp(weights.sub(logLikelihood).mul(2), { axis: 0 }).sub(logCount);
    return { logLikelihood, logSquares };
  },
};
