import { generatorCheck } from '@latent/nn';
import { anything, oneOf, optional, Rng, real, type Tensor, ValueError } from '@latent/tensor';
import type { ModelFitOptions } from '../model/model.ts';
import { type DrawOptions, samplesCheck, seedCheck } from '../scores/score.ts';
import type { ConditionOptions, ConditionValue } from './condition.ts';
import type { VaeNumbers } from './core.ts';

/** How a VAE is trained. */
export interface FitOptions extends ModelFitOptions<VaeNumbers> {
  /** Of a model with a condition: the condition of each row; a data set brings its own, by the name `condition`. */
  readonly condition?: ConditionValue;
  readonly validationCondition?: ConditionValue;
}

/** Draws for scores, and the condition of the rows that are scored. */
export interface ScoreOptions extends DrawOptions, ConditionOptions {}

/** Per row, in nats: elbo = −reconstruction − kl. */
export interface ElboParts {
  readonly elbo: Tensor;
  /** −E log p(x | z) over draws of z from q(z | x). */
  readonly reconstruction: Tensor;
  /** KL(q(z | x) ‖ p(z)): exact for N(0, I), else estimated from the draws. */
  readonly kl: Tensor;
}

/** Importance-sampled log p(x), and how far to trust it. */
export interface LikelihoodEstimate {
  /** log p(x) of each row, in nats: [n]. */
  readonly logLikelihood: Tensor;
  /** Of the estimate, from the spread of the weights: [n]. */
  readonly standardError: Tensor;
}

/** How rows are drawn. */
export interface SampleOptions extends ConditionOptions {
  /** The model's seed by default. */
  readonly seed?: number;
  readonly rng?: Rng;
  /** The mean of p(x | z) (default), or a draw from it, which shows the whole spread of the model. */
  readonly output?: 'mean' | 'draw';
  /** Of draws from p(x | z), with `output: 'draw'` alone: below 1 they keep to what is likely, above they spread; 1 by default. */
  readonly temperature?: number;
}

export const conditionOption = { condition: /* @__PURE__ */ anything() };
export const drawChecks = /* @__PURE__ */ Object.assign({}, conditionOption, {
  samples: /* @__PURE__ */ optional(samplesCheck),
  seed: /* @__PURE__ */ optional(seedCheck, 0),
});
const rngCheck = /* @__PURE__ */ optional(generatorCheck);
export const seeded = /* @__PURE__ */ Object.assign({}, conditionOption, {
  seed: /* @__PURE__ */ optional(seedCheck),
  rng: rngCheck,
});
export const sampleChecks = /* @__PURE__ */ Object.assign({}, seeded, {
  output: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('mean', 'draw'), 'mean' as const),
  temperature: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 })),
});
export const pathChecks = /* @__PURE__ */ Object.assign({}, conditionOption, {
  path: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('linear', 'spherical'), 'linear' as const),
});

/** The generator that is asked for, one way or the other. */
export function generatorOf(
  caller: string,
  { seed, rng }: { readonly seed?: number | undefined; readonly rng?: Rng | undefined },
  usual: number,
): Rng {
  if (seed !== undefined && rng !== undefined) throw new ValueError(`${caller}: give a seed or a generator, not both`);
  return rng ?? new Rng(seed ?? usual);
}

/** Throws where a temperature would have nothing to act on: a mean is the same at any. */
export function checkTemperature(caller: string, output: 'mean' | 'draw', temperature: number | undefined): void {
  if (output === 'draw' || temperature === undefined) return;
  throw new ValueError(
    `${caller}: temperature is of draws from p(x | z), got ${temperature} with output 'mean'; add output: 'draw', or leave it out`,
  );
}
