import { sampleNormal } from '@latent/autograd';
import {
  decodeSafetensors,
  encodeSafetensors,
  inLayer,
  Linear,
  Module,
  modelTensors,
  readFileBytes,
  type Sequential,
  writeFileAtomically,
} from '@latent/nn';
import { Rng, type Tensor, UsageError, ValueError } from '@latent/tensor';
import { klToStandardNormal } from '../latent/diagonal-normal.ts';
import { type FitOptions, fitModel, type History } from '../model/fit.ts';
import { mlp } from '../model/mlp.ts';
import { flatRows, overRows, type Rows } from '../model/rows.ts';
import { distributionFromConfig } from '../reconstruction/from-config.ts';
import {
  checkSupport,
  type DistributionConfig,
  type ReconstructionDistribution,
} from '../reconstruction/reconstruction.ts';
import { type ResolvedVaeOptions, resolveVaeOptions, type VaeOptions } from './options.ts';

const FORMAT = 'latent-vae-1';

/** Per row, in nats: elbo = −reconstruction − kl. */
export interface ElboParts {
  readonly elbo: Tensor;
  /** −E log p(x | z) over draws of z from q(z | x). */
  readonly reconstruction: Tensor;
  /** KL(q(z | x) ‖ N(0, I)), exact. */
  readonly kl: Tensor;
}

/**
 * A variational autoencoder (Kingma & Welling 2014): an encoder gives each row a Gaussian q(z | x) over codes, a decoder
 * gives each code a distribution p(x | z) over rows, and both learn by raising the evidence lower bound
 * E log p(x | z) − KL(q(z | x) ‖ N(0, I)), in nats per row.
 *
 * ```ts
 * const vae = new Vae({ inputSize: 784, latentSize: 20, encoder: [400], reconstruction: bernoulli() });
 * await vae.fit(images, { epochs: 10 });
 * const { mean } = vae.encode(images);
 * ```
 */
export class Vae extends Module {
  readonly encoder: Sequential;
  /** Heads of q(z | x). */
  readonly mean: Linear;
  readonly logVariance: Linear;
  readonly decoder: Sequential;
  /** The parameters of p(x | z), before any squashing. */
  readonly head: Module & { forward(x: Tensor): Tensor };
  readonly #options: ResolvedVaeOptions;
  /** Draws of training: shuffling and sampling. */
  readonly rng: Rng;

  // What is asked of rows of data, as programs.
  readonly #encoded = overRows((x) => {
    const { mean, logVariance } = this.posterior(x);
    return { mean, variance: logVariance.exp() };
  });
  readonly #decoded = overRows((z) => ({ mean: this.#options.reconstruction.mean(this.likelihoodParams(z)) }));
  readonly #drawn = overRows((z, rng: Rng) => ({
    draw: this.#options.reconstruction.sample(this.likelihoodParams(z), rng),
  }));
  readonly #reconstructed = overRows((x) => ({
    mean: this.#options.reconstruction.mean(this.likelihoodParams(this.posterior(x).mean)),
  }));
  readonly #bound = overRows((x, rng: Rng, samples: number) => {
    const { mean, logVariance } = this.posterior(x);
    const kl = klToStandardNormal(mean, logVariance);
    const draws = Array.from({ length: samples }, () =>
      this.#options.reconstruction.logProb(x, this.likelihoodParams(sampleNormal(mean, logVariance, rng))),
    );
    const reconstruction = draws.reduce((total, draw) => total.add(draw)).mul(-1 / samples);
    return { elbo: reconstruction.add(kl).neg(), reconstruction, kl };
  });

  constructor(options: VaeOptions) {
    super();
    const resolved = resolveVaeOptions(options);
    const { inputSize, latentSize, encoder, decoder, activation, reconstruction, seed } = resolved;
    const [weights, training] = new Rng(seed).split(2);
    this.#options = resolved;
    this.rng = training;
    this.encoder = mlp(inputSize, encoder, activation, weights);
    const encoded = encoder.at(-1) ?? inputSize;
    this.mean = new Linear(encoded, latentSize, { rng: weights });
    this.logVariance = new Linear(encoded, latentSize, { rng: weights });
    this.decoder = mlp(latentSize, decoder, activation, weights);
    const decoded = decoder.at(-1) ?? latentSize;
    this.head =
      reconstruction.head?.(decoded, inputSize, weights) ??
      new Linear(decoded, reconstruction.paramCount(inputSize), { rng: weights });
  }

  get options(): ResolvedVaeOptions {
    return this.#options;
  }

  get reconstructionDistribution(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  // The differentiable parts, for training loops of your own.

  /** Mean and log-variance of q(z | x) for x [..., inputSize]. */
  posterior(x: Tensor): { mean: Tensor; logVariance: Tensor } {
    const features = inLayer('encoder', () => this.encoder.forward(x));
    return {
      mean: inLayer('mean', () => this.mean.forward(features)),
      logVariance: inLayer('logVariance', () => this.logVariance.forward(features)),
    };
  }

  /** The parameters of p(x | z), before any squashing, for z [..., latentSize]. */
  likelihoodParams(z: Tensor): Tensor {
    const features = inLayer('decoder', () => this.decoder.forward(z));
    return inLayer('head', () => this.head.forward(features));
  }

  /**
   * The terms of the bound for each row of x [n, inputSize], with one draw of z: reconstruction −log p(x | z) and the
   * closed-form KL, both [n].
   */
  terms(x: Tensor, rng: Rng): { reconstruction: Tensor; kl: Tensor } {
    const { mean, logVariance } = this.posterior(x);
    const params = this.likelihoodParams(sampleNormal(mean, logVariance, rng));
    return {
      reconstruction: this.#options.reconstruction.logProb(x, params).neg(),
      kl: klToStandardNormal(mean, logVariance),
    };
  }

  /** The training loss of a batch: the mean over rows of reconstruction + β·KL, and its parts. Scalars. */
  loss(x: Tensor, rng: Rng): { loss: Tensor; reconstruction: Tensor; kl: Tensor } {
    const terms = this.terms(x, rng);
    const reconstruction = terms.reconstruction.mean();
    const kl = terms.kl.mean();
    return { loss: reconstruction.add(this.#options.beta === 1 ? kl : kl.mul(this.#options.beta)), reconstruction, kl };
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
      width: this.#options.inputSize,
      rng: this.rng,
      options,
      metadata: () => this.#metadata(),
      loss: (batch) => this.loss(batch, this.rng),
      ...(validation && {
        validate: () => {
          const { elbo, reconstruction, kl } = this.#elbo(validation, new Rng(0), 1);
          return { loss: -elbo.mean().item(), reconstruction: reconstruction.mean().item(), kl: kl.mean().item() };
        },
      }),
    });
  }

  /** Mean and variance of q(z | x): both [n, latentSize]. The mean is the code to use as a feature. */
  encode(data: Rows): { mean: Tensor; variance: Tensor } {
    return this.#encoded(this.#rows('Vae.encode', data), this.#options.inputSize);
  }

  /** The mean of p(x | z) for codes z: [n, inputSize]. */
  decode(codes: Rows): Tensor {
    const { latentSize } = this.#options;
    return this.#decoded(flatRows('Vae.decode', codes, latentSize), latentSize).mean;
  }

  /** Each row encoded to the mean of its code and decoded to the mean of its distribution: [n, inputSize]. */
  reconstruct(data: Rows): Tensor {
    return this.#reconstructed(this.#rows('Vae.reconstruct', data), this.#options.inputSize).mean;
  }

  /**
   * `n` rows from the prior: z from N(0, I), decoded to the `mean` of p(x | z) (default), or to a `draw` from it, which
   * shows the whole spread of the model. [n, inputSize]
   */
  sample(
    n: number,
    options: { readonly seed?: number; readonly rng?: Rng; readonly output?: 'mean' | 'draw' } = {},
  ): Tensor {
    if (!Number.isInteger(n) || n < 1) throw new ValueError(`Vae.sample: n must be a whole number ≥ 1, got ${n}`);
    const rng = options.rng ?? new Rng(options.seed ?? this.#options.seed);
    const { latentSize } = this.#options;
    const codes = rng.normal([n, latentSize]).data as Float32Array;
    return options.output === 'draw' ? this.#drawn(codes, latentSize, rng).draw : this.#decoded(codes, latentSize).mean;
  }

  /** `steps` rows on the way from row `a` to row `b`, both included, straight between the means of their codes. */
  interpolate(a: ArrayLike<number>, b: ArrayLike<number>, steps = 10): Tensor {
    if (!Number.isInteger(steps) || steps < 2)
      throw new ValueError(`Vae.interpolate: steps must be a whole number ≥ 2, got ${steps}`);
    const { mean } = this.encode([Float32Array.from(a), Float32Array.from(b)]);
    const [from, to] = mean.toArray() as number[][];
    const path = Array.from({ length: steps }, (_, i) =>
      from.map((start, j) => start + ((to[j] - start) * i) / (steps - 1)),
    );
    return this.decode(path);
  }

  /**
   * The evidence lower bound of each row and its parts, in nats, with β = 1: `samples` draws of z (1), seeded. A low
   * bound marks an unusual row, so `reconstruction + kl` is an anomaly score.
   */
  elbo(data: Rows, options: { readonly seed?: number; readonly samples?: number } = {}): ElboParts {
    return this.#elbo(this.#checked('Vae.elbo', data), new Rng(options.seed ?? 0), options.samples ?? 1);
  }

  #elbo(rows: Float32Array, rng: Rng, samples: number): ElboParts {
    if (!Number.isInteger(samples) || samples < 1)
      throw new ValueError(`Vae.elbo: samples must be a whole number ≥ 1, got ${samples}`);
    return this.#bound(rows, this.#options.inputSize, rng, samples);
  }

  #rows(caller: string, data: Rows): Float32Array {
    return flatRows(caller, data, this.#options.inputSize);
  }

  #checked(caller: string, data: Rows): Float32Array {
    const rows = this.#rows(caller, data);
    checkSupport(this.#options.reconstruction, rows, this.#options.inputSize);
    return rows;
  }

  /** The model as one safetensors file: weights, and its options as JSON in the metadata. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return encodeSafetensors(this.stateDict(), this.#metadata());
  }

  #metadata(): Record<string, string> {
    const { reconstruction, ...options } = this.#options;
    return { format: FORMAT, config: JSON.stringify({ ...options, reconstruction: reconstruction.config() }) };
  }

  /** The model that `toBytes` wrote. Distributions of your own are rebuilt by `distributions`, by name. */
  static fromBytes(bytes: Uint8Array, distributions: Parameters<typeof distributionFromConfig>[1] = {}): Vae {
    const { tensors, metadata } = decodeSafetensors(bytes);
    if (metadata.format !== FORMAT) {
      throw new UsageError(
        `Vae.fromBytes: expected a file of format ${FORMAT}, got ${metadata.format ?? 'one without a format'}`,
      );
    }
    const config = JSON.parse(metadata.config) as Omit<ResolvedVaeOptions, 'reconstruction'> & {
      reconstruction: DistributionConfig;
    };
    const vae = new Vae({ ...config, reconstruction: distributionFromConfig(config.reconstruction, distributions) });
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
