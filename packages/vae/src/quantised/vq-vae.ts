import {
  type Batch,
  buildNetwork,
  type Dataset,
  dataset,
  type FlatRows,
  fit,
  type History,
  inLayer,
  type Layer,
  Linear,
  type Parts,
  parseRows,
  type Rows,
  type TrainingOptions,
  trainingChecks,
} from '@latent/nn';
import {
  checkNames,
  checkOptions,
  full,
  gather,
  optional,
  Rng,
  real,
  refuseSurplus,
  type Shape,
  sizeOf,
  type Tensor,
  UsageError,
  whole,
  zeros,
} from '@latent/tensor';
import { baselineOf } from '../model/baseline.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import { type ReadyRows, rowsProgram } from '../model/rows-program.ts';
import { buildHead, decoderActivations } from '../reconstruction/head.ts';
import type { Head, ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { seedCheck } from '../scores/score.ts';
import { CodePrior } from './code-prior.ts';
import { Codebook } from './codebook.ts';
import { describeVqVae, type ResolvedVqVaeOptions, resolveVqVaeOptions, type VqVaeOptions } from './options.ts';

/** What a VQ-VAE reports beside its loss: −log p(x | codes) and ‖z − e‖² per row, and how many codes are in use, e^entropy. */
export type VqVaeNumbers = 'reconstruction' | 'commitment' | 'perplexity';

/** A bound in nats per row: −log p(x) ≤ reconstruction + codes. */
export interface CodeBound {
  readonly bound: Tensor;
  /** −log p(x | codes). */
  readonly reconstruction: Tensor;
  /** −log p(codes), by the prior. */
  readonly codes: Tensor;
}

const sampleChecks = {
  seed: /* @__PURE__ */ optional(seedCheck, 0),
  temperature: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1),
};

/**
 * A VQ-VAE (van den Oord et al. 2017): an encoder makes vectors, each is replaced by the nearest of K learned codes, and a decoder
 * restores the row from these. So a row becomes whole numbers, and a prior over them, trained afterwards by `fitPrior`, makes new
 * rows.
 *
 * ```ts
 * const model = new VqVae({ event: [28, 28, 1], encoder: [conv2d(32, { kernel: 3, stride: 2 })], codes: 128, reconstruction: bernoulli() });
 * await model.fit(images, { epochs: 10 });
 * await model.fitPrior(images, { epochs: 10 });
 * model.sample(16);
 * ```
 */
export class VqVae extends Model<VqVaeNumbers> {
  static readonly modelName: string = /* @__PURE__ */ knownAs(VqVae, 'vqVae');

  readonly encoder: Layer;
  /** From what the encoder makes to vectors, and from codes' vectors to what the decoder takes. */
  readonly toCodes: Linear;
  readonly fromCodes: Linear;
  readonly codebook: Codebook;
  readonly decoder: Layer;
  readonly head: Head;
  readonly prior: CodePrior;
  /** The shape of what the encoder makes of a row. */
  readonly #encoded: Shape;
  /** Codes of a row, in their shape: [height, width], [steps] or [places]. */
  readonly #places: Shape;
  readonly #options: ResolvedVqVaeOptions;

  readonly #indices = rowsProgram(({ near }) => ({ codes: this.#nearest(near) }));
  readonly #decoded = rowsProgram(({ x }) => ({ rows: this.#means(x) }));
  readonly #restored = rowsProgram(({ near }) => ({ rows: this.#means(this.#nearest(near)) }));
  readonly #errors = rowsProgram(({ x, near }) => ({ error: this.#rowLoss(x, this.#vectorsOf(this.#nearest(near))) }));
  readonly #codeCosts = rowsProgram(({ near }) => ({ codes: this.prior.logProb(this.#nearest(near)).neg() }));

  constructor(options: VqVaeOptions) {
    const resolved = resolveVqVaeOptions(options);
    const { event, codes, codeSize, reconstruction, activation, seed } = resolved;
    const [weights, noise, reviving, ofPrior] = new Rng(seed).split(4) as [Rng, Rng, Rng, Rng];
    super(event, resolved.transform, noise);
    refuseSurplus(VqVae, 'encode decode reconstruct reconstructionError codeBound', nameOf);
    this.#options = resolved;
    const encoder = buildNetwork('encoder', resolved.encoder, event, { weights, noise, activation });
    this.encoder = encoder.module;
    this.#encoded = encoder.shape;
    const line = encoder.shape.length === 1;
    this.#places = line ? [resolved.places ?? 8] : encoder.shape.slice(0, -1);
    const places = sizeOf(this.#places);
    const channels = encoder.shape.at(-1) as number;
    // Of a line all numbers make all vectors; of places each its own.
    const [made, vectors] = line ? [channels, places * codeSize] : [channels, codeSize];
    this.toCodes = new Linear(made, vectors, { rng: weights });
    this.fromCodes = new Linear(vectors, made, { rng: weights });
    const { decay, deadBelow } = resolved;
    this.codebook = new Codebook({ codes, codeSize, decay, deadBelow, rng: reviving });
    const decoder = buildNetwork('decoder', resolved.decoder, encoder.shape, {
      ...{ weights, noise },
      activation: decoderActivations(resolved.decoder, encoder.shape, event, reconstruction, activation),
    });
    this.decoder = decoder.module;
    this.head = buildHead(decoder.shape, event, reconstruction, weights);
    this.prior = new CodePrior(codes, places, resolved.prior, ofPrior);
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'VqVae';
  }

  get options(): ResolvedVqVaeOptions {
    return this.#options;
  }

  /** Codes of a row, in their shape. */
  get places(): Shape {
    return this.#places;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return describeVqVae(this.#options);
  }

  /** A codebook that goes on learning is another than the prior has seen. */
  protected override takeRows(_caller: string, _rows: FlatRows | null): { undo(): void } {
    const before = this.prior.trained.item();
    this.prior.trained.assign(0);
    return { undo: () => this.prior.trained.assign(before) };
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override baseline(rows: FlatRows): number | undefined {
    return baselineOf(this.#options.reconstruction, rows);
  }

  /** The vectors of rows before they become codes: x [rows, …event] → [rows·places, codeSize]. */
  vectors(x: Tensor): Tensor {
    const features = inLayer('encoder', () => this.encoder.forward(x));
    const vectors = inLayer('toCodes', () => this.toCodes.forward(features));
    return vectors.reshape([(x.shape[0] as number) * sizeOf(this.#places), this.#options.codeSize]);
  }

  /** The parameters of p(x | codes) for the codes' vectors [rows·places, codeSize]. */
  likelihoodParams(vectors: Tensor): Tensor {
    const { codeSize } = this.#options;
    const rows = (vectors.shape[0] as number) / sizeOf(this.#places);
    const line = this.#encoded.length === 1;
    const shaped = vectors.reshape(line ? [rows, sizeOf(this.#places) * codeSize] : [rows, ...this.#places, codeSize]);
    const made = inLayer('fromCodes', () => this.fromCodes.forward(shaped));
    const features = inLayer('decoder', () => this.decoder.forward(made));
    return inLayer('head', () => this.head.forward(features));
  }

  #nearest(x: Tensor): Tensor {
    return this.codebook.nearest(this.vectors(x)).reshape([x.shape[0] as number, sizeOf(this.#places)]);
  }

  #vectorsOf(codes: Tensor): Tensor {
    return gather(this.codebook.codes, codes.reshape([codes.size]));
  }

  #means(codes: Tensor): Tensor {
    return this.#options.reconstruction.mean(this.likelihoodParams(this.#vectorsOf(codes)));
  }

  #rowLoss(x: Tensor, vectors: Tensor): Tensor {
    const { reconstruction } = this.#options;
    const params = this.likelihoodParams(vectors);
    const rows = x.reshape([x.shape[0] as number, sizeOf(this.event)]);
    const taught = this.training ? reconstruction.whileTraining?.(rows, params, this.head) : undefined;
    return reconstruction.logProb(rows, taught ?? params).neg();
  }

  parts({ x }: Batch): Parts<VqVaeNumbers> {
    const rows = x as Tensor;
    const { codes, commitment: distances, perplexity } = this.codebook.forward(this.vectors(rows));
    const reconstruction = this.#rowLoss(rows, codes).mean();
    const commitment = distances.mean().mul(sizeOf(this.#places));
    const loss = reconstruction.add(commitment.mul(this.#options.commitment));
    return { loss, reconstruction, commitment, perplexity };
  }

  /** Trains encoder, codebook and decoder on rows in the model's shape; the prior is trained by `fitPrior`. */
  fit(data: Rows | Dataset, options: ModelFitOptions<VqVaeNumbers> = {}): Promise<History<VqVaeNumbers>> {
    return this.fitTo(data, options);
  }

  /** Trains the prior on the codes of rows, after `fit`; `validationData` are rows too. The loss is −log p(codes), in nats per row. */
  async fitPrior(data: Rows, options: TrainingOptions & { readonly validationData?: Rows } = {}): Promise<History> {
    const caller = 'VqVae.fitPrior';
    checkNames(caller, options, [...Object.keys(trainingChecks), 'validationData']);
    const { validationData, ...training } = options;
    const codesOf = (rows: Rows): Dataset => dataset({ codes: this.#codesOf('fitPrior', rows) });
    const history = await fit(this.prior, codesOf(data), {
      ...training,
      rng: this.rng,
      ...(validationData !== undefined && { validation: codesOf(validationData) }),
    });
    this.prior.trained.assign(1);
    return history;
  }

  /** [rows, places]. */
  #codesOf(method: string, data: Rows): Tensor {
    return this.#indices(this.#trainedRows(method, this.prepared(method, data)), this.event).codes;
  }

  /** Rows for a codebook that has learned; before, all codes are alike. */
  #trainedRows<T>(method: string, rows: T): T {
    if (this.seenRange === null) {
      if (this.transformToLearn !== null) this.restored(method, zeros([1, sizeOf(this.event)])); // says so itself
      throw new UsageError(`VqVae.${method}: the codebook is made of rows; call fit before`);
    }
    return rows;
  }

  /** The codes of each row, whole numbers below `codes`: [n, …places]. */
  encode(data: Rows): Tensor {
    const codes = this.#codesOf('encode', data);
    return codes.reshape([codes.shape[0] as number, ...this.#places]);
  }

  /** Codes back to rows, the mean of p(x | codes): [n, …places] → [n, …event]. */
  decode(codes: Rows): Tensor {
    const { codes: most } = this.#options;
    const width = sizeOf(this.#places);
    const { values, count } = parseRows('VqVae.decode', codes, this.#places);
    const check = whole({ min: 0, max: most - 1 });
    values.forEach((value, i) => {
      check(value, { caller: 'VqVae.decode', path: `row ${Math.floor(i / width)}, place ${i % width}` });
    });
    return this.#rowsOf('decode', { values: Float32Array.from(values), near: null, count });
  }

  #rowsOf(method: string, codes: ReadyRows): Tensor {
    const ready = this.#trainedRows(method, codes);
    return this.restored(method, this.#decoded(ready, [sizeOf(this.#places)]).rows);
  }

  /** Each row through its codes and back: [n, …event]. */
  reconstruct(data: Rows): Tensor {
    const rows = this.#trainedRows('reconstruct', this.prepared('reconstruct', data));
    return this.restored('reconstruct', this.#restored(rows, this.event).rows);
  }

  /** −log p(x | codes) of each row, in nats of the data as given: an anomaly score. [n] */
  reconstructionError(data: Rows): Tensor {
    const rows = this.#trainedRows('reconstructionError', this.toScore('reconstructionError', data));
    const { error } = this.#errors(rows, this.event);
    const jacobian = this.logJacobian(rows.raw);
    return jacobian === null ? error : error.sub(jacobian.sum({ axis: 1 }));
  }

  /**
   * −log p(x) ≤ −log p(x | codes) − log p(codes) of each row, in nats of the data as given. Before `fitPrior` all codes are as likely,
   * and a row's cost places·log K. [n] each
   */
  codeBound(data: Rows): CodeBound {
    const { reconstruction: likelihood } = this.#options;
    if (!likelihood.normalized) {
      throw new UsageError(`VqVae.codeBound: ${likelihood.name} is a plain loss, not a distribution`);
    }
    const rows = this.#trainedRows('codeBound', this.toScore('codeBound', data));
    const { error } = this.#errors(rows, this.event);
    const jacobian = this.logJacobian(rows.raw);
    const reconstruction = jacobian === null ? error : error.sub(jacobian.sum({ axis: 1 }));
    const trained = this.prior.trained.item() === 1;
    const codes = trained
      ? this.#codeCosts(rows, this.event).codes
      : full([rows.count], sizeOf(this.#places) * Math.log(this.#options.codes));
    return { bound: reconstruction.add(codes), reconstruction, codes };
  }

  /** `n` rows of codes drawn from the prior, decoded: [n, …event]. A temperature below 1 makes likely codes likelier. */
  sample(n: number, options: { readonly seed?: number; readonly temperature?: number } = {}): Tensor {
    whole({ min: 1 })(n, { caller: 'VqVae.sample', path: 'n' });
    const { seed, temperature } = checkOptions('VqVae.sample', options, sampleChecks);
    this.#trainedRows('sample', null);
    if (this.prior.trained.item() !== 1) {
      throw new UsageError(
        'VqVae.sample: new rows need codes that go together, which the prior learns; call fitPrior first',
      );
    }
    const codes = this.prior.sample(n, new Rng(seed), temperature);
    return this.#rowsOf('sample', { values: Float32Array.from(codes.data), near: null, count: n });
  }
}
