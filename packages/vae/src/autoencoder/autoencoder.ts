import {
  Activation,
  type ActivationName,
  decodeSafetensors,
  encodeSafetensors,
  type Layer,
  Linear,
  Module,
  modelTensors,
  Normaliser,
  type NormaliserConfig,
  readFileBytes,
  Sequential,
  writeFileAtomically,
} from '@latent/nn';
import { Rng, type Tensor, UsageError, ValueError } from '@latent/tensor';
import { type FitOptions, fitModel, type History } from '../model/fit.ts';
import { checkActivation, checkSize, checkSizes, mlp } from '../model/mlp.ts';
import { flatRows, normalisedRows, originalRows, overRows, type Rows } from '../model/rows.ts';
import { distributionFromConfig } from '../reconstruction/from-config.ts';
import {
  checkSupport,
  type DistributionConfig,
  type ReconstructionDistribution,
} from '../reconstruction/reconstruction.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { type Corruption, type CorruptionConfig, corruptionFromConfig, noCorruption } from './corruption.ts';
import { type CodePenalties, checkPenalties, contractivePenalty, sparsityPenalty } from './penalties.ts';
import { pretrainLayers } from './pretrain.ts';
import { TiedLinear } from './tied.ts';

export interface AutoencoderOptions extends CodePenalties {
  /** Columns of a data row. */
  readonly inputSize: number;
  /** Sizes of the encoder's layers; the last is the code. */
  readonly encoder: readonly number[];
  /** Sizes of the decoder's hidden layers, for untied weights; the encoder's without the code, in reverse, by default. */
  readonly decoder?: readonly number[];
  /** Of every hidden layer and the code; 'relu' by default. */
  readonly activation?: ActivationName;
  /** Of the encoder's layers, one or one for each; `activation` by default. */
  readonly encoderActivation?: ActivationName | readonly ActivationName[];
  /** Of the decoder's hidden layers; `activation` by default. */
  readonly decoderActivation?: ActivationName | readonly ActivationName[];
  /**
   * Decode with the encoder's weights, transposed, and biases of their own. By default where it can be: without sizes for
   * the decoder and with one parameter per column.
   */
  readonly tied?: boolean;
  /** What tied decoders' biases start at; 0 by default. */
  readonly visibleBias?: number;
  /** How training inputs are spoiled; not at all by default. */
  readonly corruption?: Corruption;
  /** What is minimised: minus the log-probability of the clean row; squaredError() by default. */
  readonly reconstruction?: ReconstructionDistribution;
  /** Puts columns on a common scale before the model sees them, and back; saved with the model. None by default. */
  readonly normaliser?: Normaliser | null;
  /** Fixes initial weights, shuffling and corruption; 0 by default. */
  readonly seed?: number;
}

export type ResolvedAutoencoderOptions = Required<Omit<AutoencoderOptions, 'activation' | keyof CodePenalties>> &
  CodePenalties;

const FORMAT = 'latent-autoencoder-2';

/**
 * An autoencoder of any depth: undercomplete, denoising (Vincent et al. 2010), sparse or contractive, with tied or untied
 * weights. Corruption and penalties act while training and never at inference; every reported loss is that of the clean
 * row, in nats per row (or in the loss's own unit).
 */
export class Autoencoder extends Module {
  readonly encoder: Sequential;
  readonly decoder: Sequential;
  /** The parameters of the row's distribution. */
  readonly head: Layer;
  /** Draws of training: shuffling and corruption. */
  readonly rng: Rng;
  readonly #options: ResolvedAutoencoderOptions;

  // What is asked of rows of data, as programs.
  readonly #encoded = overRows((x) => ({ codes: this.encoder.forward(x) }));
  readonly #decoded = overRows((z) => ({ rows: this.#restore(z) }));
  readonly #restored = overRows((x) => ({ rows: this.#restore(this.encoder.forward(x)) }));
  readonly #scored = overRows((x) => ({ loss: this.#rowLoss(x, this.encoder.forward(x)) }));

  constructor(options: AutoencoderOptions) {
    super();
    const name = new.target.name;
    const resolved = resolve(name, options);
    const { inputSize, encoder, decoder, tied, reconstruction, encoderActivation, decoderActivation, seed } = resolved;
    const [weights, training] = new Rng(seed).split(2);
    this.#options = resolved;
    this.rng = training;
    const plain = { dropout: 0, layerNorm: false };
    this.encoder = mlp(inputSize, encoder, { activation: encoderActivation, ...plain }, weights, training);
    if (tied) {
      const [last, ...hidden] = this.encoder.layers.filter((layer) => layer instanceof Linear);
      const back = (layer: Linear): TiedLinear => new TiedLinear(layer, resolved.visibleBias);
      const activations = hidden.map((_, i) =>
        typeof decoderActivation === 'string' ? decoderActivation : decoderActivation[i],
      );
      this.decoder = new Sequential(
        ...hidden.reverse().flatMap((layer, i) => [back(layer), new Activation(activations[i])]),
      );
      this.head = back(last);
    } else {
      const code = encoder[encoder.length - 1];
      this.decoder = mlp(code, decoder, { activation: decoderActivation, ...plain }, weights, training);
      const decoded = decoder.at(-1) ?? code;
      this.head =
        reconstruction.head?.(decoded, inputSize, weights) ??
        new Linear(decoded, reconstruction.paramCount(inputSize), { rng: weights });
    }
    this.eval(); // `fit` trains
  }

  get options(): ResolvedAutoencoderOptions {
    return this.#options;
  }

  /** In a supervised network an autoencoder is its encoder: x [..., inputSize] → codes. */
  forward(x: Tensor): Tensor {
    return this.encoder.forward(x);
  }

  /** The mean over rows of the loss of restoring x from `input` (x itself by default), without penalties. A scalar. */
  loss(x: Tensor, input: Tensor = x): Tensor {
    return this.#rowLoss(x, this.encoder.forward(input)).mean();
  }

  /** What training minimises for a batch: the loss of the corrupted rows against the clean ones, and the penalties. */
  trainingLoss(x: Tensor, rng: Rng): Tensor {
    const input = this.#options.corruption.apply(x, rng);
    const codes = this.encoder.forward(input);
    const loss = this.#rowLoss(x, codes).mean();
    const penalties = [
      sparsityPenalty(codes, this.#options),
      contractivePenalty((at) => this.encoder.forward(at), input, this.codeSize, rng, this.#options),
    ];
    return penalties.reduce<Tensor>((total, penalty) => (penalty === null ? total : total.add(penalty)), loss);
  }

  /** For a classifier that goes on with what was learned without labels. */
  unsupervisedLoss(x: Tensor, rng: Rng): Tensor {
    return this.trainingLoss(x, rng);
  }

  /** Numbers in a code. */
  get codeSize(): number {
    return this.#options.encoder[this.#options.encoder.length - 1];
  }

  #rowLoss(x: Tensor, codes: Tensor): Tensor {
    return this.#options.reconstruction.logProb(x, this.head.forward(this.decoder.forward(codes))).neg();
  }

  #restore(codes: Tensor): Tensor {
    return this.#options.reconstruction.mean(this.head.forward(this.decoder.forward(codes)));
  }

  /** Trains on rows of `inputSize` values, corrupting each batch anew. The caller's arrays are not changed. */
  async fit(data: Rows, options: FitOptions = {}): Promise<History> {
    const { inputSize } = this.#options;
    const rows = this.#checked('fit', data);
    const validation = options.validationData && this.#checked('fit validationData', options.validationData);
    return fitModel({
      model: this,
      rows,
      width: inputSize,
      rng: this.rng,
      options,
      metadata: () => this.#metadata(),
      loss: (batch) => ({ loss: this.trainingLoss(batch, this.rng) }),
      ...(validation && { validate: () => ({ loss: this.#scored(validation, inputSize).loss.mean().item() }) }),
    });
  }

  /**
   * Greedy layer-wise pretraining (Bengio et al. 2007; Vincent et al. 2010): layer by layer a shallow autoencoder with this
   * one's corruption and penalties learns the activations of the layers below, and its weights are taken over. `fit`
   * afterwards trains all together. Returns a history for each layer.
   */
  async pretrain(data: Rows, options: FitOptions = {}): Promise<History[]> {
    return pretrainLayers(this, this.#checked('pretrain', data), options, (shallow) => new Autoencoder(shallow));
  }

  /** Codes: [n, codeSize]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.#rows('encode', data), this.#options.inputSize).codes;
  }

  /** Codes back to rows: [n, inputSize]. */
  decode(codes: Rows): Tensor {
    const rows = flatRows(`${this.constructor.name}.decode`, codes, this.codeSize);
    return originalRows(this.#decoded(rows, this.codeSize).rows, this.#options.normaliser);
  }

  /** Rows restored; the input is not corrupted further. [n, inputSize] */
  reconstruct(data: Rows): Tensor {
    const { rows } = this.#restored(this.#rows('reconstruct', data), this.#options.inputSize);
    return originalRows(rows, this.#options.normaliser);
  }

  /** The loss of each row against itself, uncorrupted: an anomaly score. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#scored(this.#checked('reconstructionError', data), this.#options.inputSize).loss;
  }

  #rows(caller: string, data: Rows): Float32Array {
    const { inputSize, normaliser } = this.#options;
    return normalisedRows(flatRows(`${this.constructor.name}.${caller}`, data, inputSize), inputSize, normaliser);
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
    const { reconstruction, corruption, normaliser, ...options } = this.#options;
    const config = {
      ...options,
      reconstruction: reconstruction.config(),
      corruption: corruption.config(),
      normaliser: normaliser?.config() ?? null,
    };
    return { format: FORMAT, config: JSON.stringify(config) };
  }

  /** The model that `toBytes` wrote. Distributions of your own are rebuilt by `distributions`, by name. */
  static fromBytes<M extends Autoencoder>(
    this: new (
      options: AutoencoderOptions,
    ) => M,
    bytes: Uint8Array | ArrayBuffer,
    distributions: Parameters<typeof distributionFromConfig>[1] = {},
  ): M {
    const { tensors, metadata } = decodeSafetensors(bytes);
    if (metadata.format !== FORMAT) {
      throw new UsageError(
        `${this.name}.fromBytes: expected a file of format ${FORMAT}, got ${metadata.format ?? 'one without a format'}`,
      );
    }
    const { reconstruction, corruption, normaliser, ...options } = JSON.parse(metadata.config) as Omit<
      ResolvedAutoencoderOptions,
      'reconstruction' | 'corruption' | 'normaliser'
    > & { reconstruction: DistributionConfig; corruption: CorruptionConfig; normaliser: NormaliserConfig | null };
    const model = new this({
      ...options,
      reconstruction: distributionFromConfig(reconstruction, distributions),
      corruption: corruptionFromConfig(corruption),
      normaliser: normaliser && Normaliser.fromConfig(normaliser),
    });
    model.loadStateDict(modelTensors(tensors));
    return model;
  }

  /** Writes the model to a file, whole or not at all. Node only. */
  async save(path: string): Promise<void> {
    await writeFileAtomically(path, this.toBytes());
  }

  /** Reads a model that `save` wrote. Node only. */
  static async load<M extends Autoencoder>(
    this: (new (options: AutoencoderOptions) => M) & { fromBytes: typeof Autoencoder.fromBytes },
    path: string,
    distributions?: Parameters<typeof distributionFromConfig>[1],
  ): Promise<M> {
    const bytes = await readFileBytes(path);
    return this.fromBytes(bytes, distributions) as M;
  }
}

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
function resolve(model: string, options: AutoencoderOptions): ResolvedAutoencoderOptions {
  const {
    inputSize,
    encoder,
    activation = 'relu',
    encoderActivation = activation,
    decoderActivation = activation,
    visibleBias = 0,
    corruption = noCorruption(),
    reconstruction = squaredError(),
    sparsity,
    contractive,
    normaliser = null,
    seed = 0,
  } = options;
  checkSize(model, 'inputSize', inputSize);
  checkSizes(model, 'encoder', encoder);
  if (encoder.length === 0) throw new ValueError(`${model}: encoder needs at least one layer, the code`);
  const onePerColumn = reconstruction.paramCount(inputSize) === inputSize && reconstruction.head === undefined;
  const tied = options.tied ?? (options.decoder === undefined && onePerColumn);
  const mirrored = encoder.slice(0, -1).reverse();
  const decoder = options.decoder ?? mirrored;
  checkSizes(model, 'decoder', decoder);
  if (tied && decoder.join() !== mirrored.join()) {
    throw new ValueError(`${model}: a tied decoder has the encoder's sizes, ${mirrored.join(', ')}; leave decoder out`);
  }
  if (tied && !onePerColumn) {
    throw new ValueError(
      `${model}: tied weights give one parameter per column, but ${reconstruction.name} needs more; set tied: false`,
    );
  }
  checkActivation(model, 'encoderActivation', encoderActivation, encoder.length);
  checkActivation(model, 'decoderActivation', decoderActivation, decoder.length);
  checkPenalties(model, options);
  return {
    inputSize,
    encoder,
    decoder,
    encoderActivation,
    decoderActivation,
    tied,
    visibleBias,
    corruption,
    reconstruction,
    normaliser,
    seed,
    ...(sparsity && { sparsity }),
    ...(contractive && { contractive }),
  };
}
