import { crossEntropy, type Layer, Linear, Module } from '@latent/nn';
import { Rng, softmax, type Tensor, ValueError } from '@latent/tensor';
import { type FitOptions, fitModel, type History } from '../model/fit.ts';
import { flatRows, overRows, type Rows } from '../model/rows.ts';

/** A layer that may have learned without labels. */
export interface Encoder extends Layer {
  /** What it minimises without labels, for a batch. */
  unsupervisedLoss?(x: Tensor, rng: Rng): Tensor;
}

export interface ClassifierOptions {
  /** What makes features of rows: an autoencoder (its codes), a VAE (its posterior mean), or any layer. */
  readonly encoder: Encoder;
  /** Columns of a row, and features that the encoder makes of them. */
  readonly inputSize: number;
  readonly features: number;
  readonly classes: number;
  /**
   * Also go on with what the encoder learned without labels, its own loss times this; 0 (default) tunes the encoder for the
   * labels alone and leaves its decoder as it is.
   */
  readonly jointly?: number;
  /** Leave the encoder as it is and train the head alone; false by default. */
  readonly freezeEncoder?: boolean;
  /** 0 by default. */
  readonly seed?: number;
}

/** A softmax classifier on top of an encoder: what follows pretraining. */
export class Classifier extends Module {
  readonly encoder: Encoder;
  readonly head: Linear;
  readonly rng: Rng;
  readonly #options: ClassifierOptions;
  readonly #probabilities = overRows((x) => ({ p: softmax(this.forward(x)) }));

  constructor(options: ClassifierOptions) {
    super();
    const [weights, training] = new Rng(options.seed ?? 0).split(2);
    if (!Number.isInteger(options.classes) || options.classes < 2) {
      throw new ValueError(`Classifier: classes must be a whole number ≥ 2, got ${options.classes}`);
    }
    this.#options = options;
    this.encoder = options.encoder;
    this.head = new Linear(options.features, options.classes, { rng: weights });
    this.rng = training;
    const { jointly = 0 } = options;
    if (!(jointly >= 0)) throw new ValueError(`Classifier: jointly must be ≥ 0, got ${jointly}`);
    if (jointly > 0 && this.encoder.unsupervisedLoss === undefined) {
      throw new ValueError('Classifier: jointly needs an encoder with a loss of its own, such as a Vae');
    }
    if (options.freezeEncoder) this.encoder.freeze();
    this.eval();
  }

  /** Logits [..., classes]. */
  forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x));
  }

  /** Trains on rows and their classes, whole numbers from 0. */
  async fit(data: Rows, labels: ArrayLike<number>, options: FitOptions = {}): Promise<History> {
    const { inputSize, classes, jointly = 0 } = this.#options;
    const rows = flatRows('Classifier.fit', data, inputSize);
    const n = rows.length / inputSize;
    if (labels.length !== n) throw new ValueError(`Classifier.fit: ${n} rows need ${n} labels, got ${labels.length}`);
    // A row and its class, one-hot, travel together.
    const width = inputSize + classes;
    const both = new Float32Array(n * width);
    for (let r = 0; r < n; r++) {
      if (!Number.isInteger(labels[r]) || labels[r] < 0 || labels[r] >= classes) {
        throw new ValueError(
          `Classifier.fit: label ${r} must be a whole number from 0 to ${classes - 1}, got ${labels[r]}`,
        );
      }
      both.set(rows.subarray(r * inputSize, (r + 1) * inputSize), r * width);
      both[r * width + inputSize + labels[r]] = 1;
    }
    return fitModel({
      model: this,
      rows: both,
      width,
      rng: this.rng,
      options,
      metadata: () => ({ format: 'latent-classifier-1' }),
      loss: (batch) => {
        const x = batch.slice([null, [0, inputSize]]);
        const loss = crossEntropy(this.forward(x), batch.slice([null, [inputSize, width]]));
        const other = jointly > 0 ? this.encoder.unsupervisedLoss?.(x, this.rng) : undefined;
        return { loss: other === undefined ? loss : loss.add(other.mul(jointly)) };
      },
    });
  }

  /** The probability of each class: [n, classes]. */
  predictProbability(data: Rows): Tensor {
    const rows = flatRows('Classifier.predictProbability', data, this.#options.inputSize);
    return this.#probabilities(rows, this.#options.inputSize).p;
  }

  /** The most likely class of each row. */
  predict(data: Rows): number[] {
    return Array.from(this.predictProbability(data).argMax({ axis: 1 }).data);
  }
}
