import { sampleNormal } from '@latent/autograd';
import {
  decodeSafetensors,
  encodeSafetensors,
  modelTensors,
  Normaliser,
  type NormaliserConfig,
  readFileBytes,
  writeFileAtomically,
} from '@latent/nn';
import { Rng, step, type Tensor, tensor, UsageError, ValueError } from '@latent/tensor';
import { type FitOptions, fitModel, type History } from '../model/fit.ts';
import { flatRows, normalisedRows, originalRows, overRows, type Rows } from '../model/rows.ts';
import { objectiveFromConfig } from '../objectives/from-config.ts';
import type { Objective } from '../objectives/objective.ts';
import { distributionFromConfig } from '../reconstruction/from-config.ts';
import { checkSupport, type DistributionConfig } from '../reconstruction/reconstruction.ts';
import { VaeCore } from './core.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { type ImputeOptions, impute } from './impute.ts';
import { interpolateCodes } from './interpolate.ts';
import { estimateLogLikelihood, type LikelihoodEstimate, logWeights } from './log-likelihood.ts';
import type { ResolvedVaeOptions } from './options.ts';

const FORMAT = 'latent-vae-2';

/** Per row, in nats: elbo = −reconstruction − kl. */
export interface ElboParts {
  readonly elbo: Tensor;
  /** −E log p(x | z) over draws of z from q(z | x). */
  readonly reconstruction: Tensor;
  /** KL(q(z | x) ‖ p(z)): exact for N(0, I), else estimated from the draws. */
  readonly kl: Tensor;
}

/** Draws and their seed. */
export interface DrawOptions {
  /** Draws of z for each row; 1 by default. */
  readonly samples?: number;
  /** 0 by default. */
  readonly seed?: number;
}

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
  readonly #encoded = overRows((x) => {
    const { mean, logVariance } = this.posterior(x);
    return { mean, variance: logVariance.exp() };
  });
  readonly #drawnCodes = overRows((x, rng: Rng) => {
    const { mean, logVariance } = this.posterior(x);
    return { codes: sampleNormal(mean, logVariance, rng) };
  });
  readonly #params = overRows((z) => ({ params: this.likelihoodParams(z) }));
  readonly #decoded = overRows((z) => ({ mean: this.reconstructionDistribution.mean(this.likelihoodParams(z)) }));
  readonly #reconstructed = overRows((x) => {
    const params = this.likelihoodParams(this.posterior(x).mean);
    return { mean: this.reconstructionDistribution.mean(params), error: this.conditionalLogProbOf(x, params).neg() };
  });
  readonly #bound = overRows((x, rng: Rng, samples: number) => {
    const { terms, kl } = this.#draws(x, rng, samples, (params) => this.conditionalLogProbOf(x, params));
    const reconstruction = terms.neg();
    return { elbo: terms.sub(kl), reconstruction, kl };
  });
  readonly #byColumn = overRows((x, rng: Rng, samples: number) => {
    const { terms, kl } = this.#draws(x, rng, samples, (params) => this.columnTerms(x, params));
    return { columns: terms.neg(), kl };
  });
  readonly #weights = overRows((x, rng: Rng, draws: number) => ({ weights: logWeights(this, x, rng, draws) }));
  readonly #densities = overRows((x, rng: Rng, samples: number) => {
    const { mean, logVariance } = this.posterior(x);
    const draws = Array.from({ length: samples }, () =>
      this.conditionalLogProb(x, sampleNormal(mean, logVariance, rng)),
    );
    const largest = draws.reduce((a, b) => a.maximum(b));
    const total = draws.map((draw) => draw.sub(largest).exp()).reduce((a, b) => a.add(b));
    return {
      mean: draws.reduce((a, b) => a.add(b)).mul(1 / samples),
      averaged: total.log().add(largest).sub(Math.log(samples)),
    };
  });

  /** Means over draws of z of what `read` makes of the likelihood's parameters, and of the KL. */
  #draws(x: Tensor, rng: Rng, samples: number, read: (params: Tensor) => Tensor): { terms: Tensor; kl: Tensor } {
    const { mean, logVariance } = this.posterior(x);
    const draws = Array.from({ length: samples }, () => sampleNormal(mean, logVariance, rng));
    const average = (terms: Tensor[]): Tensor => terms.reduce((a, b) => a.add(b)).mul(1 / samples);
    // The exact KL is the same for every draw.
    const kls = (this.prior === null ? [mean] : draws).map((z) => this.klOf(mean, logVariance, z));
    return {
      terms: average(draws.map((z) => read(this.likelihoodParams(z)))),
      kl: this.prior === null ? kls[0] : average(kls),
    };
  }

  /**
   * Trains on rows of `inputSize` values. Data outside the distribution's support is refused with its row and column.
   * Returns the history: for each epoch the mean loss and its parts, and the validation's where there is some.
   */
  async fit(data: Rows, options: FitOptions = {}): Promise<History> {
    const rows = this.#checked('Vae.fit', data);
    const validation = options.validationData && this.#checked('Vae.fit validationData', options.validationData);
    return fitModel({
      model: this,
      rows,
      width: this.options.inputSize,
      rng: this.rng,
      options,
      metadata: () => this.#metadata(),
      loss: (batch) => ({ ...this.loss(batch, this.rng) }),
      onEpochStart: (epoch) => this.setEpoch(epoch),
      ...(validation && {
        validate: () => {
          const { elbo, reconstruction, kl } = this.#bound(validation, this.options.inputSize, new Rng(0), 1);
          return { loss: -elbo.mean().item(), reconstruction: reconstruction.mean().item(), kl: kl.mean().item() };
        },
      }),
    });
  }

  /** `fit` under the name of the reference system: unsupervised training, before a network is tuned for a task. */
  pretrain(data: Rows, options: FitOptions = {}): Promise<History> {
    return this.fit(data, options);
  }

  /** Mean and variance of q(z | x): both [n, latentSize]. The mean is the code to use as a feature. */
  encode(data: Rows): { mean: Tensor; variance: Tensor } {
    return this.#encoded(this.#rows('Vae.encode', data), this.options.inputSize);
  }

  /** A draw of z from q(z | x) for each row: [n, latentSize]. */
  samplePosterior(data: Rows, options: { readonly seed?: number } = {}): Tensor {
    return this.#drawnCodes(this.#rows('Vae.samplePosterior', data), this.options.inputSize, new Rng(options.seed ?? 0))
      .codes;
  }

  /** The mean of p(x | z) for codes z: [n, inputSize]. */
  decode(codes: Rows): Tensor {
    return this.#original(this.#decoded(this.#codes('Vae.decode', codes), this.options.latentSize).mean);
  }

  /** `decode` under the name of the reference system. */
  generateAtMeanGivenZ(codes: Rows): Tensor {
    return this.decode(codes);
  }

  /** A draw from p(x | z) for each code z: [n, inputSize]. */
  generateRandomGivenZ(codes: Rows, options: { readonly seed?: number; readonly rng?: Rng } = {}): Tensor {
    const { params } = this.#params(this.#codes('Vae.generateRandomGivenZ', codes), this.options.latentSize);
    const rng = options.rng ?? new Rng(options.seed ?? 0);
    return this.#original(step(() => this.reconstructionDistribution.sample(params, rng)));
  }

  /** Each row encoded to the mean of its code and decoded to the mean of its distribution: [n, inputSize]. */
  reconstruct(data: Rows): Tensor {
    return this.#original(this.#reconstructed(this.#rows('Vae.reconstruct', data), this.options.inputSize).mean);
  }

  /** −log p(x | z) of each row with z the mean of its code: without draws, so the same every time. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#reconstructed(this.#checked('Vae.reconstructionError', data), this.options.inputSize).error;
  }

  /**
   * `n` rows from the prior: z from p(z), decoded to the `mean` of p(x | z) (default), or to a `draw` from it, which
   * shows the whole spread of the model. [n, inputSize]
   */
  sample(
    n: number,
    options: { readonly seed?: number; readonly rng?: Rng; readonly output?: 'mean' | 'draw' } = {},
  ): Tensor {
    if (!Number.isInteger(n) || n < 1) throw new ValueError(`Vae.sample: n must be a whole number ≥ 1, got ${n}`);
    const rng = options.rng ?? new Rng(options.seed ?? this.options.seed);
    const codes =
      this.prior === null ? rng.normal([n, this.options.latentSize]) : step(() => this.prior?.sample(n, rng) as Tensor);
    return options.output === 'draw' ? this.generateRandomGivenZ(codes, { rng }) : this.decode(codes);
  }

  /**
   * `steps` rows on the way from row `a` to row `b`, both included, between the means of their codes: straight
   * (`linear`, default) or along the sphere (`spherical`), which keeps the codes' length typical.
   */
  interpolate(
    a: ArrayLike<number>,
    b: ArrayLike<number>,
    steps = 10,
    options: { readonly path?: 'linear' | 'spherical' } = {},
  ): Tensor {
    if (!Number.isInteger(steps) || steps < 2)
      throw new ValueError(`Vae.interpolate: steps must be a whole number ≥ 2, got ${steps}`);
    const { mean } = this.encode([Float32Array.from(a), Float32Array.from(b)]);
    const [from, to] = mean.toArray() as number[][];
    return this.decode(interpolateCodes(from, to, steps, options.path ?? 'linear'));
  }

  /** The row's code with one latent moved to each of the values, decoded: [values, inputSize]. */
  traverse(row: ArrayLike<number>, latent: number, values: readonly number[] = [-3, -2, -1, 0, 1, 2, 3]): Tensor {
    const { latentSize } = this.options;
    if (!Number.isInteger(latent) || latent < 0 || latent >= latentSize) {
      throw new ValueError(`Vae.traverse: latent must be a whole number from 0 to ${latentSize - 1}, got ${latent}`);
    }
    const [code] = this.encode([Float32Array.from(row)]).mean.toArray() as number[][];
    return this.decode(values.map((value) => code.map((z, j) => (j === latent ? value : z))));
  }

  /**
   * The evidence lower bound of each row and its parts, in nats, with β = 1: `samples` draws of z (1), seeded. A low
   * bound marks an unusual row, so `reconstruction + kl` is an anomaly score.
   */
  elbo(data: Rows, options: DrawOptions = {}): ElboParts {
    const { samples = 1, seed = 0 } = options;
    checkSamples('Vae.elbo', samples);
    const rows = this.#checked('Vae.elbo', data);
    const parts = this.#bound(rows, this.options.inputSize, new Rng(seed), samples);
    const jacobian = this.#logJacobian(rows)?.sum({ axis: 1 });
    if (jacobian === undefined) return parts;
    return { elbo: parts.elbo.add(jacobian), reconstruction: parts.reconstruction.sub(jacobian), kl: parts.kl };
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
    const { samples = 1, seed = 0 } = options;
    checkSamples('Vae.contributions', samples);
    const rows = this.#checked('Vae.contributions', data);
    const { columns: scaled, kl } = this.#byColumn(rows, this.options.inputSize, new Rng(seed), samples);
    const jacobian = this.#logJacobian(rows);
    return step(() => {
      const columns = jacobian === null ? scaled : scaled.sub(jacobian);
      return { score: columns.sum({ axis: -1 }).add(kl), columns, kl };
    });
  }

  /** The mean over draws of z from q(z | x) of log p(x | z), the KL left out: not log p(x), and not the bound. [n] */
  reconstructionLogProbability(data: Rows, options: DrawOptions = {}): Tensor {
    return this.#density('Vae.reconstructionLogProbability', data, options).mean;
  }

  /** The log of the mean over draws of p(x | z), the reconstruction probability of An & Cho (2015). [n] */
  logReconstructionProbability(data: Rows, options: DrawOptions = {}): Tensor {
    return this.#density('Vae.logReconstructionProbability', data, options).averaged;
  }

  /**
   * log p(x) of each row by importance sampling with `samples` draws (100; Burda et al. 2015), which is a lower bound in
   * expectation and rises to the truth, and its standard error. [n] each.
   */
  logLikelihood(data: Rows, options: DrawOptions = {}): LikelihoodEstimate {
    const rows = this.#checked('Vae.logLikelihood', data);
    const { logLikelihood, standardError } = estimateLogLikelihood(
      this.#weights,
      rows,
      this.options.inputSize,
      options,
    );
    const jacobian = this.#logJacobian(rows);
    return {
      logLikelihood: jacobian === null ? logLikelihood : logLikelihood.add(jacobian.sum({ axis: 1 })),
      standardError,
    };
  }

  /** Which latents are in use, how many nats each carries, and whether the model does better than none. */
  diagnose(data: Rows): Promise<Diagnosis> {
    return diagnose(this, this.#checked('Vae.diagnose', data));
  }

  /**
   * Rows with their holes filled: by the mean of what is missing given what is observed, estimated with importance weights
   * (Mattei & Frellsen 2019), or by draws from it. Needs a model made with `missing: true`.
   */
  impute(data: Rows, options: ImputeOptions = {}): Tensor[] {
    if (!this.options.missing) throw new UsageError('Vae.impute: make the model with { missing: true }');
    return impute(this, this.#checked('Vae.impute', data), options).map((table) => this.#original(table));
  }

  /** What turns densities on the normaliser's scale into those of the data: [n, inputSize]; null where there is nothing. */
  #logJacobian(rows: Float32Array): Tensor | null {
    const { normaliser, inputSize } = this.options;
    if (normaliser === null || !this.reconstructionDistribution.normalized) return null;
    return tensor(normaliser.logJacobian(rows), { shape: [rows.length / inputSize, inputSize] });
  }

  #density(caller: string, data: Rows, { samples = 1, seed = 0 }: DrawOptions) {
    checkSamples(caller, samples);
    if (!this.reconstructionDistribution.normalized) {
      throw new UsageError(`${caller}: ${this.reconstructionDistribution.name} is a plain loss, not a distribution`);
    }
    const rows = this.#checked(caller, data);
    const { mean, averaged } = this.#densities(rows, this.options.inputSize, new Rng(seed), samples);
    const jacobian = this.#logJacobian(rows)?.sum({ axis: 1 });
    return jacobian === undefined ? { mean, averaged } : { mean: mean.add(jacobian), averaged: averaged.add(jacobian) };
  }

  #codes(caller: string, codes: Rows): Float32Array {
    return flatRows(caller, codes, this.options.latentSize);
  }

  #rows(caller: string, data: Rows): Float32Array {
    const { inputSize, normaliser } = this.options;
    return normalisedRows(flatRows(caller, data, inputSize), inputSize, normaliser);
  }

  #original(rows: Tensor): Tensor {
    return originalRows(rows, this.options.normaliser);
  }

  #checked(caller: string, data: Rows): Float32Array {
    const rows = this.#rows(caller, data);
    checkSupport(this.reconstructionDistribution, rows, this.options.inputSize, this.options.missing);
    return rows;
  }

  /** The model as one safetensors file: weights, and its options as JSON in the metadata. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return encodeSafetensors(this.stateDict(), this.#metadata());
  }

  #metadata(): Record<string, string> {
    const { reconstruction, objective, normaliser, ...options } = this.options;
    const config = {
      ...options,
      reconstruction: reconstruction.config(),
      objective: objective.config(),
      normaliser: normaliser?.config() ?? null,
    };
    return { format: FORMAT, config: JSON.stringify(config) };
  }

  /** The model that `toBytes` wrote. Distributions of your own are rebuilt by `distributions`, by name. */
  static fromBytes(
    bytes: Uint8Array | ArrayBuffer,
    distributions: Parameters<typeof distributionFromConfig>[1] = {},
  ): Vae {
    const { tensors, metadata } = decodeSafetensors(bytes);
    if (metadata.format !== FORMAT) {
      throw new UsageError(
        `Vae.fromBytes: expected a file of format ${FORMAT}, got ${metadata.format ?? 'one without a format'}`,
      );
    }
    const config = JSON.parse(metadata.config) as Omit<
      ResolvedVaeOptions,
      'reconstruction' | 'objective' | 'normaliser'
    > & {
      reconstruction: DistributionConfig;
      objective: ReturnType<Objective['config']>;
      normaliser: NormaliserConfig | null;
    };
    const vae = new Vae({
      ...config,
      reconstruction: distributionFromConfig(config.reconstruction, distributions),
      objective: objectiveFromConfig(config.objective),
      normaliser: config.normaliser && Normaliser.fromConfig(config.normaliser),
    });
    vae.loadStateDict(modelTensors(tensors));
    return vae;
  }

  /** Writes the model to a file, whole or not at all. Node only. */
  async save(path: string): Promise<void> {
    await writeFileAtomically(path, this.toBytes());
  }

  /** Reads a model that `save` wrote. Node only. */
  static async load(path: string, distributions?: Parameters<typeof distributionFromConfig>[1]): Promise<Vae> {
    return Vae.fromBytes(await readFileBytes(path), distributions);
  }
}

export function checkSamples(caller: string, samples: number): void {
  if (!Number.isInteger(samples) || samples < 1)
    throw new ValueError(`${caller}: samples must be a whole number ≥ 1, got ${samples}`);
}
