import { noGrad } from '@latent/autograd';
import { type Dataset, generatorCheck, type History, parseRows, type Row, type Rows, scoring } from '@latent/nn';
import {
  checkOptions,
  list,
  oneOf,
  optional,
  Rng,
  real,
  step,
  type Tensor,
  tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { drawn, klPerLatent } from '../latent/diagonal-normal.ts';
import { registerModel } from '../model/file-header.ts';
import { allSteps, type ModelFitOptions } from '../model/model.ts';
import { type ReadyRows, rowsProgram } from '../model/rows-program.ts';
import type { StepwiseDistribution } from '../reconstruction/per-step.ts';
import { type DrawOptions, Scorer, samplesCheck, seedCheck } from '../scores/score.ts';
import {
  boundScore,
  contributionsScore,
  densityScore,
  likelihoodScore,
  reconstructionErrorScore,
  stepErrorScore,
} from '../scores/standard.ts';
import { outputOf, type UnrollOptions, unrolled } from '../sequence/decoder.ts';
import type { PreviousStep } from '../sequence/previous-step.ts';
import type { Sequence } from '../sequence/sequence.ts';
import { VaeCore, type VaeNumbers } from './core.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { type ImputeOptions, Imputer } from './impute.ts';
import { interpolateCodes } from './interpolate.ts';

/** How a VAE is trained. */
export type FitOptions = ModelFitOptions<VaeNumbers>;

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
export interface SampleOptions {
  /** The model's seed by default. */
  readonly seed?: number;
  readonly rng?: Rng;
  /** The mean of p(x | z) (default), or a draw from it, which shows the whole spread of the model. */
  readonly output?: 'mean' | 'draw';
  /** Of draws from p(x | z): below 1 they keep to what is likely, above they spread; 1 by default. */
  readonly temperature?: number;
}

const drawChecks = { samples: /* @__PURE__ */ optional(samplesCheck), seed: /* @__PURE__ */ optional(seedCheck, 0) };
const rngCheck = /* @__PURE__ */ optional(generatorCheck);
const seeded = { seed: /* @__PURE__ */ optional(seedCheck), rng: rngCheck };
const sampleChecks = {
  ...seeded,
  output: /* @__PURE__ */ optional(oneOf('mean', 'draw'), 'mean' as const),
  temperature: /* @__PURE__ */ optional(real({ above: 0 }), 1),
};
const pathChecks = { path: /* @__PURE__ */ optional(oneOf('linear', 'spherical'), 'linear' as const) };

/**
 * A variational autoencoder (Kingma & Welling 2014): an encoder gives each row a Gaussian q(z | x) over codes, a decoder
 * gives each code a distribution p(x | z) over rows, and both learn by raising the evidence lower bound
 * E log p(x | z) − KL(q(z | x) ‖ p(z)), in nats per row.
 *
 * ```ts
 * const vae = new Vae({ inputSize: 784, latentSize: 20, encoder: [400], reconstruction: bernoulli() });
 * await vae.fit(images, { epochs: 10 });
 * const { mean } = vae.encode(images);
 * ```
 */
export class Vae extends VaeCore {
  // What is asked of rows of data, as programs.
  readonly #encoded = rowsProgram(({ near, context }) => {
    const { mean, logVariance } = this.posterior(near, context);
    return { mean, variance: logVariance.exp() };
  });
  readonly #drawnCodes = rowsProgram(({ near, draws, context }) => {
    const { mean, logVariance } = this.posterior(near, context);
    return { codes: drawn(mean, logVariance, draws.normal(1, mean.shape[1] as number).reshape(mean.shape)) };
  });
  readonly #decoded = rowsProgram(({ x: z }) => ({
    mean: this.#central(this.likelihoodParams(z)),
  }));
  readonly #restored = rowsProgram(({ near, context }) => ({
    mean: this.#central(this.likelihoodParams(this.posterior(near, context).mean, context)),
  }));
  readonly #latents = rowsProgram(({ near, context }) => {
    const { mean, logVariance } = this.posterior(near, context);
    return { mean, kl: klPerLatent(mean, logVariance) };
  });
  readonly #bound = new Scorer(this, boundScore);
  readonly #contributions = new Scorer(this, contributionsScore);
  readonly #error = new Scorer(this, reconstructionErrorScore);
  readonly #stepError = new Scorer(this, stepErrorScore);
  readonly #density = new Scorer(this, densityScore);
  readonly #likelihood = new Scorer(this, likelihoodScore);
  readonly #imputer = new Imputer(this);

  /**
   * Trains on rows in the model's shape. Data outside the distribution's support is refused with its row and column.
   * Returns the history: for each epoch the mean loss and its parts, and the validation's where there is some. Rejects with a
   * `DivergedError` when the loss is no longer finite.
   */
  fit(data: Rows | Dataset, options: FitOptions = {}): Promise<History<VaeNumbers>> {
    return this.fitTo(data, options);
  }

  /** `fit` under the name of the reference system: unsupervised training, before a network is tuned for a task. */
  pretrain(data: Rows | Dataset, options: FitOptions = {}): Promise<History<VaeNumbers>> {
    return this.fit(data, options);
  }

  /** Mean and variance of q(z | x): both [n, latentSize]. The mean is the code to use as a feature. */
  encode(data: Rows): { mean: Tensor; variance: Tensor } {
    return this.#encoded(this.prepared('encode', data), this.event);
  }

  /** A draw of z from q(z | x) for each row: [n, latentSize]. */
  samplePosterior(data: Rows, options: { readonly seed?: number } = {}): Tensor {
    const { seed } = checkOptions('Vae.samplePosterior', options, { seed: drawChecks.seed });
    return this.#drawnCodes(this.prepared('samplePosterior', data), this.event, { seed }).codes;
  }

  /** What stands for a row: the mean, and of a sequence the likeliest at each step. */
  #central(params: Tensor): Tensor {
    const { reconstructionDistribution: likelihood } = this;
    return this.sequence === null ? likelihood.mean(params) : likelihood.mode(params);
  }

  /** Rows of a decoder that sees the step before, step by step. */
  #unrolled(previous: PreviousStep, codes: Tensor, options: UnrollOptions): Tensor {
    const { decoder, head, sequence, reconstructionDistribution } = this;
    const model = { decoder, head, previous };
    return unrolled(model, reconstructionDistribution as StepwiseDistribution, sequence as Sequence, codes, options);
  }

  /**
   * The mean of p(x | z) for codes z [n, latentSize]: [n, …event]. Of sequences the likeliest at each step, one after the other where
   * the decoder sees the step before, and NaN past where a row stops.
   */
  decode(codes: Rows): Tensor {
    if (this.previous !== null) {
      const { values, count } = this.#codes('decode', codes);
      return this.#greedy('decode', this.previous, tensor(values, { shape: [count, this.options.latentSize] }));
    }
    return this.restored('decode', this.#decoded(this.#codes('decode', codes), [this.options.latentSize]).mean);
  }

  /** `decode` under the name of the reference system. */
  generateAtMeanGivenZ(codes: Rows): Tensor {
    return this.decode(codes);
  }

  /** A draw from p(x | z) for each code z: [n, …event]. */
  generateRandomGivenZ(codes: Rows, options: { readonly seed?: number; readonly rng?: Rng } = {}): Tensor {
    const rng = generatorOf('Vae.generateRandomGivenZ', checkOptions('Vae.generateRandomGivenZ', options, seeded), 0);
    const { values, count } = this.#codes('generateRandomGivenZ', codes);
    return this.#drawnRows('generateRandomGivenZ', tensor(values, { shape: [count, this.options.latentSize] }), rng);
  }

  #greedy(method: string, previous: PreviousStep, codes: Tensor, lengths?: ArrayLike<number>): Tensor {
    const rows = this.#unrolled(previous, codes, { output: 'mean', temperature: 1, rng: new Rng(0) });
    return this.restored(method, rows, lengths);
  }

  #drawnRows(method: string, codes: Tensor, rng: Rng, temperature = 1): Tensor {
    const options: UnrollOptions = { output: 'draw', temperature, rng };
    const { previous, reconstructionDistribution: likelihood } = this;
    const rows =
      previous === null
        ? noGrad(() => scoring(() => step(() => outputOf(likelihood, this.likelihoodParams(codes), options))))
        : this.#unrolled(previous, codes, options);
    return this.restored(method, rows);
  }

  /**
   * Each row encoded to the mean of its code and decoded to the mean of its distribution: [n, …event]. Of sequences as `decode` does,
   * as long as they are, or up to where they stop by themselves.
   */
  reconstruct(data: Rows): Tensor {
    const rows = this.prepared('reconstruct', data);
    const lengths = this.sequence?.stop ? undefined : rows.lengths;
    if (this.previous !== null) {
      return this.#greedy('reconstruct', this.previous, this.#encoded(rows, this.event).mean, lengths);
    }
    return this.restored('reconstruct', this.#restored(rows, this.event).mean, lengths);
  }

  /** −log p(x | z) of each row with z the mean of its code, in nats: without draws, so the same every time. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#scored('reconstructionError', this.#error, data).error;
  }

  /** −log p(xₜ | z) of each step of sequences, as `reconstructionError`, which is their sum: [n, steps], NaN past a row's end. */
  reconstructionErrorPerStep(data: Rows): Tensor {
    if (this.sequence === null) {
      throw new UsageError(
        'Vae.reconstructionErrorPerStep: rows are no sequences; make the model with { sequence: { steps } }',
      );
    }
    const rows = this.toScore('reconstructionErrorPerStep', data);
    const { steps } = this.#stepError.of('Vae.reconstructionErrorPerStep', rows, this.logJacobian(rows.raw));
    return this.perStep(steps, rows);
  }

  /** `n` rows from the prior: z from p(z), decoded to the mean of p(x | z), or to a draw from it. [n, …event] */
  sample(n: number, options: SampleOptions = {}): Tensor {
    whole({ min: 1 })(n, { caller: 'Vae.sample', path: 'n' });
    const { output, temperature, ...draws } = checkOptions('Vae.sample', options, sampleChecks);
    const rng = generatorOf('Vae.sample', draws, this.options.seed);
    const { latentSize } = this.options;
    const codes = this.prior === null ? rng.normal([n, latentSize]) : step(() => this.prior?.sample(n, rng) as Tensor);
    return output === 'draw' ? this.#drawnRows('sample', codes, rng, temperature) : this.decode(codes);
  }

  /**
   * `steps` rows on the way from row `a` to row `b`, both included, between the means of their codes: straight
   * (`linear`, default) or along the sphere (`spherical`), which keeps the codes' length typical.
   */
  interpolate(
    a: Row | string,
    b: Row | string,
    steps = 10,
    options: { readonly path?: 'linear' | 'spherical' } = {},
  ): Tensor {
    whole({ min: 2 })(steps, { caller: 'Vae.interpolate', path: 'steps' });
    const { path } = checkOptions('Vae.interpolate', options, pathChecks);
    const { mean } = this.#encoded(this.prepared('interpolate', [a, b] as Rows), this.event);
    const [from, to] = mean.toArray() as [number[], number[]];
    return this.decode(interpolateCodes(from, to, steps, path));
  }

  /** The row's code with one latent moved to each of the values, decoded: [values, …event]. */
  traverse(row: Row | string, latent: number, values: readonly number[] = [-3, -2, -1, 0, 1, 2, 3]): Tensor {
    const { latentSize } = this.options;
    whole({ min: 0, max: latentSize - 1 })(latent, { caller: 'Vae.traverse', path: 'latent' });
    list(real(), { min: 1 })(values, { caller: 'Vae.traverse', path: 'values' });
    const [code] = this.#encoded(this.prepared('traverse', [row] as Rows), this.event).mean.toArray() as [number[]];
    return this.decode(values.map((value) => code.map((z, j) => (j === latent ? value : z))));
  }

  /**
   * The evidence lower bound of each row and its parts, in nats, with β = 1: `samples` draws of z (1), seeded. A low
   * bound marks an unusual row, so `reconstruction + kl` is an anomaly score. A row's score depends on the row, the model, the
   * samples and the seed, and on nothing else. Of values outside the range of the training rows the encoder is shown the end of
   * the range, so a row further out is never less odd; what is scored is the row as it is, and the bound is one.
   */
  elbo(data: Rows, options: DrawOptions = {}): ElboParts {
    return this.#scored('elbo', this.#bound, data, options);
  }

  /** The bound of each row: [n]. */
  elboPerRow(data: Rows, options: DrawOptions = {}): Tensor {
    return this.elbo(data, options).elbo;
  }

  /**
   * An anomaly score for each row, −ELBO, and what it is made of: each column's −E log p(x_j | z), and the KL. The columns
   * of a row and its KL add up to its score.
   */
  contributions(data: Rows, options: DrawOptions = {}): { score: Tensor; columns: Tensor; kl: Tensor } {
    const { columns: given, kl } = this.#scored('contributions', this.#contributions, data, options);
    const columns = this.sequence === null ? given : allSteps(given, this.options.inputSize);
    return { score: step(() => columns.sum({ axis: -1 }).add(kl)), columns, kl };
  }

  /** The mean over draws of z from q(z | x) of log p(x | z), the KL left out: not log p(x), and not the bound. [n] */
  reconstructionLogProbability(data: Rows, options: DrawOptions = {}): Tensor {
    return this.#scored('reconstructionLogProbability', this.#density, data, options).mean;
  }

  /** The log of the mean over draws of p(x | z), the reconstruction probability of An & Cho (2015). [n] */
  logReconstructionProbability(data: Rows, options: DrawOptions = {}): Tensor {
    return this.#scored('logReconstructionProbability', this.#density, data, options).averaged;
  }

  /**
   * log p(x) of each row by importance sampling with `samples` draws (100; Burda et al. 2015), which is a lower bound in
   * expectation and rises to the truth, and its standard error. [n] each.
   */
  logLikelihood(data: Rows, options: DrawOptions = {}): LikelihoodEstimate {
    const { samples = 100, seed } = checkOptions('Vae.logLikelihood', options, drawChecks);
    const rows = this.toScore('logLikelihood', data);
    const jacobian = this.logJacobian(rows.raw);
    const { logLikelihood, logSquares } = this.#likelihood.of('Vae.logLikelihood', rows, jacobian, { samples, seed });
    // By the delta method: the standard error of the mean weight over the mean weight.
    const standardError = Float32Array.from(logSquares.data, (value) =>
      samples === 1 ? Infinity : Math.sqrt(Math.max(0, Math.expm1(value)) / (samples - 1)),
    );
    return { logLikelihood, standardError: tensor(standardError) };
  }

  /** Which latents are in use, how many nats each carries, and whether the model does better than none. */
  async diagnose(data: Rows): Promise<Diagnosis> {
    const rows = this.toScore('diagnose', data);
    const jacobian = this.logJacobian(rows.raw);
    const { elbo } = this.#bound.of('Vae.diagnose', rows, jacobian);
    const perRow = jacobian === null ? 0 : jacobian.sum({ axis: 1 }).mean().item();
    const measured = { ...this.#latents(rows, this.event), elbo, jacobian: perRow };
    return diagnose(this, rows, measured);
  }

  /**
   * Rows with their holes filled: by the mean of what is missing given what is observed, estimated with importance weights
   * (Mattei & Frellsen 2019), or by draws from it. What is there stays as it is. Needs a model made with `missing: true`.
   */
  impute(data: Rows, options: ImputeOptions = {}): Tensor[] {
    if (!this.options.missing) throw new UsageError('Vae.impute: make the model with { missing: true }');
    const rows = this.toScore('impute', data);
    return this.#imputer.tables('Vae.impute', rows, options).map((table) => {
      const filled = this.restored('impute', table);
      const values = filled.data;
      const given = rows.raw.values;
      for (let i = 0; i < values.length; i++) if (!Number.isNaN(given[i])) values[i] = given[i] as number;
      return tensor(values, { shape: filled.shape });
    });
  }

  #scored<K extends string>(
    method: string,
    scorer: Scorer<K>,
    data: Rows,
    options: DrawOptions = {},
  ): Record<K, Tensor> {
    const caller = `Vae.${method}`;
    const { samples = 1, seed } = checkOptions(caller, options, drawChecks);
    const rows = this.toScore(method, data);
    return scorer.of(caller, rows, this.logJacobian(rows.raw), { samples, seed });
  }

  #codes(method: string, codes: Rows): ReadyRows {
    const { values, count } = parseRows(`Vae.${method}`, codes, [this.options.latentSize]);
    return { values: Float32Array.from(values), near: null, count };
  }
}

/** The generator that is asked for, one way or the other. */
function generatorOf(
  caller: string,
  { seed, rng }: { readonly seed?: number | undefined; readonly rng?: Rng | undefined },
  usual: number,
): Rng {
  if (seed !== undefined && rng !== undefined) throw new ValueError(`${caller}: give a seed or a generator, not both`);
  return rng ?? new Rng(seed ?? usual);
}

registerModel(Vae);
