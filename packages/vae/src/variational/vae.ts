import { noGrad } from '@latent/autograd';
import { type Batch, type Dataset, type History, parseRows, type Row, type Rows, trainingChecks } from '@latent/nn';
import {
  checkNames,
  checkOptions,
  isPlainObject,
  list,
  type Rng,
  real,
  step,
  type Tensor,
  tensor,
  UsageError,
  whole,
} from '@latent/tensor';
import { knownAs } from '../model/file-header.ts';
import { allSteps, type PreparedRows } from '../model/model-rows.ts';
import { type ReadyRows, repeatedBeside, rowsProgram, tensorsBeside } from '../model/rows-program.ts';
import { Scorer } from '../scores/score.ts';
import {
  boundScore,
  contributionsScore,
  densityScore,
  likelihoodScore,
  reconstructionErrorScore,
  stepErrorScore,
} from '../scores/standard.ts';
import { besideRows, type ConditionOptions, conditionRows, conditionToFit } from './condition.ts';
import { VaeCore, type VaeNumbers } from './core.ts';
import { Decoding } from './decoding.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { Encoding } from './encoding.ts';
import { type ImputeOptions, Imputer, imputeChecks } from './impute.ts';
import { interpolateCodes } from './interpolate.ts';
import {
  checkTemperature,
  conditionOption,
  drawChecks,
  type ElboParts,
  type FitOptions,
  generatorOf,
  type LikelihoodEstimate,
  pathChecks,
  type SampleOptions,
  type ScoreOptions,
  sampleChecks,
  seeded,
} from './verb-options.ts';

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
  static override readonly modelName: string = /* @__PURE__ */ knownAs(Vae, 'vae');
  readonly #restored = rowsProgram(({ near, beside = {} }) => {
    const model = this.given({ ...beside, x: near });
    return { mean: this.#decoding.central(model.likelihoodParams(model.posterior(near).mean)) };
  });
  readonly #bound = new Scorer(this, boundScore);
  readonly #contributions = new Scorer(this, contributionsScore);
  readonly #error = new Scorer(this, reconstructionErrorScore);
  readonly #stepError = new Scorer(this, stepErrorScore);
  readonly #density = new Scorer(this, densityScore);
  readonly #likelihood = new Scorer(this, likelihoodScore);
  readonly #imputer = new Imputer(this);
  readonly #encoding = new Encoding(this);
  readonly #decoding = new Decoding(this);

  /**
   * Trains on rows in the model's shape. Data outside the distribution's support is refused with its row and column.
   * Returns the history: for each epoch the mean loss and its parts, and the validation's where there is some. Rejects with a
   * `DivergedError` when the loss is no longer finite.
   */
  async fit(data: Rows | Dataset, options: FitOptions = {}): Promise<History<VaeNumbers>> {
    if (!isPlainObject(options)) return this.fitTo(data, options); // refused there
    checkNames('Vae.fit', options, [
      ...Object.keys(trainingChecks),
      'validationData',
      'condition',
      'validationCondition',
    ]);
    const { condition, validationCondition, ...training } = options;
    const { validationData } = training;
    const rows = conditionToFit('condition', this.options.condition, data, condition);
    const validation =
      validationData === undefined && validationCondition === undefined
        ? {}
        : conditionToFit('validationCondition', this.options.condition, validationData as Rows, validationCondition);
    return this.fitTo(data, training, { rows, validation });
  }

  /** Rows that something is asked of, with their condition. */
  #withCondition<R extends ReadyRows>(method: string, rows: R, condition: unknown): R {
    const beside = besideRows(`Vae.${method}`, this.options.condition, condition, rows.count);
    return beside === undefined ? rows : { ...rows, beside };
  }

  /** `fit` under the name of the reference system: unsupervised training, before a network is tuned for a task. */
  pretrain(data: Rows | Dataset, options: FitOptions = {}): Promise<History<VaeNumbers>> {
    return this.fit(data, options);
  }

  /**
   * Mean and variance of q(z | x): both [n, latentSize]. The mean is the code to use as a feature. Where a flow refines q(z | x), it is
   * what the flow makes of the mean that it begins at, and the variance is that of 64 draws.
   */
  encode(data: Rows, options: ConditionOptions = {}): { mean: Tensor; variance: Tensor } {
    return this.#encoding.moments(this.#coded('encode', data, options));
  }

  /** Rows to be encoded, with their condition; `method` is who asks. */
  #coded(method: string, data: Rows, options: ConditionOptions): PreparedRows {
    const { condition } = checkOptions(`Vae.${method}`, options, conditionOption);
    return this.#withCondition(method, this.prepared(method, data), condition);
  }

  /** Rows to be scored, with their condition. */
  #toScore(method: string, data: Rows, condition: unknown): PreparedRows {
    return this.#withCondition(method, this.toScore(method, data), condition);
  }

  /** A draw of z from q(z | x) for each row: [n, latentSize]. */
  samplePosterior(data: Rows, options: { readonly seed?: number } & ConditionOptions = {}): Tensor {
    const { seed, condition } = checkOptions('Vae.samplePosterior', options, {
      ...conditionOption,
      seed: drawChecks.seed,
    });
    const rows = this.#coded('samplePosterior', data, { condition } as ConditionOptions);
    return this.#encoding.draws(rows, { seed });
  }

  /**
   * The mean of p(x | z) for codes z [n, latentSize]: [n, …event]. Of sequences the likeliest at each step, one after the other where
   * the decoder sees the step before, and NaN past where a row stops.
   */
  decode(codes: Rows, options: ConditionOptions = {}): Tensor {
    return this.#decodedRows('decode', codes, options);
  }

  #decodedRows(method: string, codes: Rows, options: ConditionOptions): Tensor {
    const { condition } = checkOptions(`Vae.${method}`, options, conditionOption);
    const rows = this.#withCondition(method, this.#codes(method, codes), condition);
    return this.#meansOf(method, rows);
  }

  /** The means of p(x | z) for codes, on the scale of the data. */
  #meansOf(method: string, codes: ReadyRows, lengths?: ArrayLike<number>): Tensor {
    return this.restored(method, this.#decoding.means(codes), lengths);
  }

  /** `decode` under the name of the reference system. */
  generateAtMeanGivenZ(codes: Rows, options: ConditionOptions = {}): Tensor {
    return this.#decodedRows('generateAtMeanGivenZ', codes, options);
  }

  /** A draw from p(x | z) for each code z: [n, …event]. */
  generateRandomGivenZ(
    codes: Rows,
    options: { readonly seed?: number; readonly rng?: Rng } & ConditionOptions = {},
  ): Tensor {
    const method = 'generateRandomGivenZ';
    const { condition, ...draws } = checkOptions(`Vae.${method}`, options, seeded);
    const rng = generatorOf(`Vae.${method}`, draws, 0);
    const rows = this.#withCondition(method, this.#codes(method, codes), condition);
    const z = tensor(rows.values, { shape: [rows.count, this.options.latentSize] });
    return this.#drawnRows(method, z, rng, tensorsBeside(rows));
  }

  #drawnRows(method: string, codes: Tensor, rng: Rng, beside: Batch, temperature = 1): Tensor {
    return this.restored(method, this.#decoding.draws(codes, rng, beside, temperature));
  }

  /**
   * Each row encoded to the mean of its code and decoded to the mean of its distribution: [n, …event]. Of sequences as `decode` does,
   * as long as they are, or up to where they stop by themselves.
   */
  reconstruct(data: Rows, options: ConditionOptions = {}): Tensor {
    const rows = this.#coded('reconstruct', data, options);
    const lengths = this.sequence?.stop ? undefined : rows.lengths;
    if (this.previous === null) return this.restored('reconstruct', this.#restored(rows, this.event).mean, lengths);
    const { mean } = this.#encoding.moments(rows);
    const codes = { values: Float32Array.from(mean.data), near: null, count: rows.count };
    return this.#meansOf('reconstruct', { ...codes, ...(rows.beside && { beside: rows.beside }) }, lengths);
  }

  /** −log p(x | z) of each row with z the mean of its code, in nats: without draws, so the same every time. [n] */
  reconstructionError(data: Rows, options: ConditionOptions = {}): Tensor {
    const { condition } = checkOptions('Vae.reconstructionError', options, conditionOption);
    return this.#scored('reconstructionError', this.#error, data, { condition } as ScoreOptions).error;
  }

  /** −log p(xₜ | z) of each step of sequences, as `reconstructionError`, which is their sum: [n, steps], NaN past a row's end. */
  reconstructionErrorPerStep(data: Rows, options: ConditionOptions = {}): Tensor {
    const method = 'reconstructionErrorPerStep';
    if (this.sequence === null) {
      throw new UsageError(`Vae.${method}: rows are no sequences; make the model with { sequence: { steps } }`);
    }
    const { condition } = checkOptions(`Vae.${method}`, options, conditionOption);
    const rows = this.#toScore(method, data, condition);
    const { steps } = this.#stepError.of(`Vae.${method}`, rows, this.logJacobian(rows.raw));
    return this.perStep(steps, rows);
  }

  /**
   * `n` rows from the prior: z from p(z), decoded to the mean of p(x | z), or to a draw from it. Of a model with a condition, its
   * rows are given with `condition`, one for each or one for all. [n, …event]
   */
  sample(n: number, options: SampleOptions = {}): Tensor {
    whole({ min: 1 })(n, { caller: 'Vae.sample', path: 'n' });
    const { output, temperature, condition, ...draws } = checkOptions('Vae.sample', options, sampleChecks);
    checkTemperature('Vae.sample', output, temperature);
    const rng = generatorOf('Vae.sample', draws, this.options.seed);
    const { latentSize } = this.options;
    const beside = tensorsBeside(
      this.#withCondition('sample', { values: new Float32Array(0), near: null, count: n }, condition),
    );
    const codes =
      this.prior === null
        ? rng.normal([n, latentSize])
        : noGrad(() => step(() => this.prior?.sample(n, rng, beside) as Tensor));
    if (output === 'draw') return this.#drawnRows('sample', codes, rng, beside, temperature);
    return this.#decodedRows('sample', codes, (condition === undefined ? {} : { condition }) as ConditionOptions);
  }

  /**
   * `n` rows like each of the given: codes drawn around its own, decoded to the mean of p(x | z), or to a draw from it. They are drawn
   * from N(μ(x), σ²I) with the σ² of an exemplar prior, and from q(z | x) where the prior is another. [rows, n, …event]
   */
  moreLike(data: Rows, n: number, options: SampleOptions = {}): Tensor {
    whole({ min: 1 })(n, { caller: 'Vae.moreLike', path: 'n' });
    const { output, temperature, condition, ...draws } = checkOptions('Vae.moreLike', options, sampleChecks);
    checkTemperature('Vae.moreLike', output, temperature);
    const rng = generatorOf('Vae.moreLike', draws, this.options.seed);
    const rows = this.#coded('moreLike', data, (condition === undefined ? {} : { condition }) as ConditionOptions);
    const codes = this.#encoding.around(rows, n, rng);
    const many: ReadyRows = {
      values: Float32Array.from(codes.data),
      near: null,
      count: rows.count * n,
      ...(rows.beside && { beside: repeatedBeside(rows.beside, rows.count, n) }),
    };
    const made =
      output === 'draw'
        ? this.#drawnRows('moreLike', codes, rng, tensorsBeside(many), temperature)
        : this.#meansOf('moreLike', many);
    return made.reshape([rows.count, n, ...this.event]);
  }

  /**
   * `steps` rows on the way from row `a` to row `b`, both included, between the means of their codes: straight
   * (`linear`, default) or along the sphere (`spherical`), which keeps the codes' length typical.
   */
  interpolate(
    a: Row | string,
    b: Row | string,
    steps = 10,
    options: { readonly path?: 'linear' | 'spherical' } & ConditionOptions = {},
  ): Tensor {
    whole({ min: 2 })(steps, { caller: 'Vae.interpolate', path: 'steps' });
    const { path, condition } = checkOptions('Vae.interpolate', options, pathChecks);
    const given = this.#oneFor('interpolate', condition);
    const { mean } = this.#encoding.moments(this.#coded('interpolate', [a, b] as Rows, given));
    const [from, to] = mean.toArray() as [number[], number[]];
    return this.#decodedRows('interpolate', interpolateCodes(from, to, steps, path), given);
  }

  /** The condition that stands for all rows of a walk between codes. */
  #oneFor(method: string, condition: unknown): ConditionOptions {
    const { condition: spec } = this.options;
    if (spec === null || condition === undefined)
      return condition === undefined ? {} : { condition: condition as number };
    conditionRows(`Vae.${method}`, spec, condition, 1, false);
    return { condition: condition as number };
  }

  /** The row's code with one latent moved to each of the values, decoded: [values, …event]. */
  traverse(
    row: Row | string,
    latent: number,
    values: readonly number[] = [-3, -2, -1, 0, 1, 2, 3],
    options: ConditionOptions = {},
  ): Tensor {
    const { latentSize } = this.options;
    whole({ min: 0, max: latentSize - 1 })(latent, { caller: 'Vae.traverse', path: 'latent' });
    list(real(), { min: 1 })(values, { caller: 'Vae.traverse', path: 'values' });
    const given = this.#oneFor('traverse', checkOptions('Vae.traverse', options, conditionOption).condition);
    const [code] = this.#encoding.moments(this.#coded('traverse', [row] as Rows, given)).mean.toArray() as [number[]];
    const codes = values.map((value) => code.map((z, j) => (j === latent ? value : z)));
    return this.#decodedRows('traverse', codes, given);
  }

  /**
   * The evidence lower bound of each row and its parts, in nats, with β = 1: `samples` draws of z (1), seeded. A low
   * bound marks an unusual row, so `reconstruction + kl` is an anomaly score. A row's score depends on the row, the model, the
   * samples and the seed, and on nothing else. Of values outside the range of the training rows the encoder is shown the end of
   * the range, so a row further out is never less odd; what is scored is the row as it is, and the bound is one.
   */
  elbo(data: Rows, options: ScoreOptions = {}): ElboParts {
    return this.#scored('elbo', this.#bound, data, options);
  }

  /** The bound of each row: [n]. */
  elboPerRow(data: Rows, options: ScoreOptions = {}): Tensor {
    return this.elbo(data, options).elbo;
  }

  /**
   * An anomaly score for each row, −ELBO, and what it is made of: each column's −E log p(x_j | z), and the KL. The columns
   * of a row and its KL add up to its score.
   */
  contributions(data: Rows, options: ScoreOptions = {}): { score: Tensor; columns: Tensor; kl: Tensor } {
    const { columns: given, kl } = this.#scored('contributions', this.#contributions, data, options);
    const columns = this.sequence === null ? given : allSteps(given, this.options.inputSize);
    return { score: step(() => columns.sum({ axis: -1 }).add(kl)), columns, kl };
  }

  /** The mean over draws of z from q(z | x) of log p(x | z), the KL left out: not log p(x), and not the bound. [n] */
  reconstructionLogProbability(data: Rows, options: ScoreOptions = {}): Tensor {
    return this.#scored('reconstructionLogProbability', this.#density, data, options).mean;
  }

  /** The log of the mean over draws of p(x | z), the reconstruction probability of An & Cho (2015). [n] */
  logReconstructionProbability(data: Rows, options: ScoreOptions = {}): Tensor {
    return this.#scored('logReconstructionProbability', this.#density, data, options).averaged;
  }

  /**
   * log p(x) of each row by importance sampling with `samples` draws (100; Burda et al. 2015), which is a lower bound in
   * expectation and rises to the truth, and its standard error. [n] each.
   */
  logLikelihood(data: Rows, options: ScoreOptions = {}): LikelihoodEstimate {
    const { samples = 100, seed, condition } = checkOptions('Vae.logLikelihood', options, drawChecks);
    const rows = this.#toScore('logLikelihood', data, condition);
    const jacobian = this.logJacobian(rows.raw);
    const { logLikelihood, logSquares } = this.#likelihood.of('Vae.logLikelihood', rows, jacobian, { samples, seed });
    // By the delta method: the standard error of the mean weight over the mean weight.
    const standardError = Float32Array.from(logSquares.data, (value) =>
      samples === 1 ? Infinity : Math.sqrt(Math.max(0, Math.expm1(value)) / (samples - 1)),
    );
    return { logLikelihood, standardError: tensor(standardError) };
  }

  /** Which latents are in use, how many nats each carries, and whether the model does better than none. */
  async diagnose(data: Rows, options: ConditionOptions = {}): Promise<Diagnosis> {
    const rows = this.#toScore('diagnose', data, checkOptions('Vae.diagnose', options, conditionOption).condition);
    const jacobian = this.logJacobian(rows.raw);
    const { elbo } = this.#bound.of('Vae.diagnose', rows, jacobian);
    const perRow = jacobian === null ? 0 : jacobian.sum({ axis: 1 }).mean().item();
    const measured = { ...this.#encoding.latents(rows), elbo, jacobian: perRow };
    return diagnose(this, rows, measured);
  }

  /**
   * Rows with their holes filled: by the mean of what is missing given what is observed, estimated with importance weights
   * (Mattei & Frellsen 2019), or by draws from it. What is there stays as it is. Needs a model made with `missing: true`.
   */
  impute(data: Rows, options: ImputeOptions & ConditionOptions = {}): Tensor[] {
    if (!this.options.missing) throw new UsageError('Vae.impute: make the model with { missing: true }');
    const { condition, ...rest } = checkOptions('Vae.impute', options, { ...imputeChecks, ...conditionOption });
    const rows = this.#toScore('impute', data, condition);
    return this.#imputer.tables('Vae.impute', rows, rest).map((table) => {
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
    options: ScoreOptions = {},
  ): Record<K, Tensor> {
    const caller = `Vae.${method}`;
    const { samples = 1, seed, condition } = checkOptions(caller, options, drawChecks);
    const rows = this.#toScore(method, data, condition);
    return scorer.of(caller, rows, this.logJacobian(rows.raw), { samples, seed });
  }

  #codes(method: string, codes: Rows): ReadyRows {
    const { values, count } = parseRows(`Vae.${method}`, codes, [this.options.latentSize]);
    return { values: Float32Array.from(values), near: null, count };
  }
}
