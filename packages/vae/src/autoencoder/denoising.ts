import {
  type ActivationName,
  decodeSafetensors,
  encodeSafetensors,
  Linear,
  Module,
  modelTensors,
  readFileBytes,
  type Sequential,
  writeFileAtomically,
} from '@latent/nn';
import { Rng, type Tensor, UsageError, ValueError } from '@latent/tensor';
import { type FitOptions, fitModel, type History } from '../model/fit.ts';
import { checkSize, checkSizes, mlp } from '../model/mlp.ts';
import { flatRows, overRows, type Rows } from '../model/rows.ts';
import { distributionFromConfig } from '../reconstruction/from-config.ts';
import {
  checkSupport,
  type DistributionConfig,
  type ReconstructionDistribution,
} from '../reconstruction/reconstruction.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { type Corruption, corruptionFromConfig, masking } from './corruption.ts';

export interface DenoisingAutoencoderOptions {
  /** Columns of a data row. */
  readonly inputSize: number;
  /** Sizes of the encoder's layers; the last is the code. */
  readonly encoder: readonly number[];
  /** Sizes of the decoder's hidden layers; the encoder's without the code, in reverse, by default. */
  readonly decoder?: readonly number[];
  /** Of every layer but the last of the decoder; 'relu' by default. */
  readonly activation?: ActivationName;
  /** How training inputs are spoiled; masking(0.3) by default. */
  readonly corruption?: Corruption;
  /** What is minimised: minus the log-probability of the clean row; squaredError() by default. */
  readonly reconstruction?: ReconstructionDistribution;
  /** Fixes initial weights, shuffling and corruption; 0 by default. */
  readonly seed?: number;
}

const FORMAT = 'latent-denoising-autoencoder-1';

/**
 * A denoising autoencoder (Vincent et al. 2008, 2010): it learns to restore clean rows from corrupted ones. Corruption
 * acts while training and never at inference, and every reported loss is against the clean row, in nats per row (or in
 * the loss's own unit).
 */
export class DenoisingAutoencoder extends Module {
  readonly encoder: Sequential;
  readonly decoder: Sequential;
  readonly head: Module & { forward(x: Tensor): Tensor };
  readonly #options: Required<DenoisingAutoencoderOptions>;
  readonly rng: Rng;

  // What is asked of rows of data, as programs.
  readonly #encoded = overRows((x) => ({ codes: this.encoder.forward(x) }));
  readonly #decoded = overRows((z) => ({ rows: this.#restore(z) }));
  readonly #restored = overRows((x) => ({ rows: this.#restore(this.encoder.forward(x)) }));
  readonly #scored = overRows((x) => {
    const params = this.head.forward(this.decoder.forward(this.encoder.forward(x)));
    return { loss: this.#options.reconstruction.logProb(x, params).neg() };
  });

  constructor(options: DenoisingAutoencoderOptions) {
    super();
    const {
      inputSize,
      encoder,
      activation = 'relu',
      corruption = masking(0.3),
      reconstruction = squaredError(),
      seed = 0,
    } = options;
    checkSize('DenoisingAutoencoder', 'inputSize', inputSize);
    checkSizes('DenoisingAutoencoder', 'encoder', encoder);
    if (encoder.length === 0) throw new ValueError('DenoisingAutoencoder: encoder needs at least one layer, the code');
    const decoder = options.decoder ?? encoder.slice(0, -1).reverse();
    checkSizes('DenoisingAutoencoder', 'decoder', decoder);
    const [weights, training] = new Rng(seed).split(2);
    this.#options = { inputSize, encoder, decoder, activation, corruption, reconstruction, seed };
    this.rng = training;
    const layers = { activation, dropout: 0, layerNorm: false };
    this.encoder = mlp(inputSize, encoder, layers, weights, training);
    const code = encoder[encoder.length - 1];
    this.decoder = mlp(code, decoder, layers, weights, training);
    const decoded = decoder.at(-1) ?? code;
    this.head =
      reconstruction.head?.(decoded, inputSize, weights) ??
      new Linear(decoded, reconstruction.paramCount(inputSize), { rng: weights });
    this.eval(); // `fit` trains
  }

  get options(): Required<DenoisingAutoencoderOptions> {
    return this.#options;
  }

  /** The mean over rows of the loss of restoring x from `input` (x itself by default). A scalar. */
  loss(x: Tensor, input: Tensor = x): Tensor {
    const params = this.head.forward(this.decoder.forward(this.encoder.forward(input)));
    return this.#options.reconstruction.logProb(x, params).neg().mean();
  }

  /** Trains on rows of `inputSize` values, corrupting each batch anew. The caller's arrays are not changed. */
  async fit(data: Rows, options: FitOptions = {}): Promise<History> {
    const { inputSize, corruption } = this.#options;
    const rows = this.#checked('DenoisingAutoencoder.fit', data);
    const validation =
      options.validationData && this.#checked('DenoisingAutoencoder.fit validationData', options.validationData);
    return fitModel({
      model: this,
      rows,
      width: inputSize,
      rng: this.rng,
      options,
      metadata: () => this.#metadata(),
      loss: (batch) => ({ loss: this.loss(batch, corruption.apply(batch, this.rng)) }),
      ...(validation && { validate: () => ({ loss: this.#rowLosses(validation).mean().item() }) }),
    });
  }

  /** Codes: [n, the encoder's last size]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.#rows('encode', data), this.#options.inputSize).codes;
  }

  /** Codes back to rows: [n, inputSize]. */
  decode(codes: Rows): Tensor {
    const width = this.#options.encoder[this.#options.encoder.length - 1];
    return this.#decoded(flatRows('DenoisingAutoencoder.decode', codes, width), width).rows;
  }

  /** Rows restored; the input is not corrupted further. [n, inputSize] */
  reconstruct(data: Rows): Tensor {
    return this.#restored(this.#rows('reconstruct', data), this.#options.inputSize).rows;
  }

  /** The loss of each row against itself, uncorrupted: an anomaly score. [n] */
  reconstructionError(data: Rows): Tensor {
    return this.#rowLosses(this.#checked('DenoisingAutoencoder.reconstructionError', data));
  }

  #restore(codes: Tensor): Tensor {
    return this.#options.reconstruction.mean(this.head.forward(this.decoder.forward(codes)));
  }

  #rowLosses(rows: Float32Array): Tensor {
    return this.#scored(rows, this.#options.inputSize).loss;
  }

  #rows(caller: string, data: Rows): Float32Array {
    return flatRows(`DenoisingAutoencoder.${caller}`, data, this.#options.inputSize);
  }

  #checked(caller: string, data: Rows): Float32Array {
    const rows = flatRows(caller, data, this.#options.inputSize);
    checkSupport(this.#options.reconstruction, rows, this.#options.inputSize);
    return rows;
  }

  /** The model as one safetensors file: weights, and its options as JSON in the metadata. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return encodeSafetensors(this.stateDict(), this.#metadata());
  }

  #metadata(): Record<string, string> {
    const { reconstruction, corruption, ...options } = this.#options;
    const config = { ...options, reconstruction: reconstruction.config(), corruption: corruption.config() };
    return { format: FORMAT, config: JSON.stringify(config) };
  }

  /** The model that `toBytes` wrote. */
  static fromBytes(
    bytes: Uint8Array,
    distributions: Parameters<typeof distributionFromConfig>[1] = {},
  ): DenoisingAutoencoder {
    const { tensors, metadata } = decodeSafetensors(bytes);
    if (metadata.format !== FORMAT) {
      throw new UsageError(
        `DenoisingAutoencoder.fromBytes: expected a file of format ${FORMAT}, got ${metadata.format ?? 'one without a format'}`,
      );
    }
    const { reconstruction, corruption, ...options } = JSON.parse(metadata.config) as Required<
      Omit<DenoisingAutoencoderOptions, 'reconstruction' | 'corruption'>
    > & {
      reconstruction: DistributionConfig;
      corruption: { name: string; amount: number };
    };
    const model = new DenoisingAutoencoder({
      ...options,
      reconstruction: distributionFromConfig(reconstruction, distributions),
      corruption: corruptionFromConfig(corruption),
    });
    model.loadStateDict(modelTensors(tensors));
    return model;
  }

  /** Writes the model to a file, whole or not at all. Node only. */
  async save(path: string): Promise<void> {
    await writeFileAtomically(path, this.toBytes());
  }

  /** Reads a model that `save` wrote. Node only. */
  static async load(
    path: string,
    distributions?: Parameters<typeof distributionFromConfig>[1],
  ): Promise<DenoisingAutoencoder> {
    return DenoisingAutoencoder.fromBytes(await readFileBytes(path), distributions);
  }
}
