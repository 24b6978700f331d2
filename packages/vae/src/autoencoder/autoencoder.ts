import {
  Activation,
  type ActivationName,
  type Batch,
  buildNetwork,
  type Dataset,
  type History,
  type Layer,
  Linear,
  type Parts,
  parseRows,
  type Rows,
  Sequential,
} from '@latent/nn';
import { Rng, step, type Tensor } from '@latent/tensor';
import { registerModel } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import { rowsProgram } from '../model/rows-program.ts';
import { buildHead, decoderActivations } from '../reconstruction/head.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import {
  type AutoencoderOptions,
  describeAutoencoder,
  type ResolvedAutoencoderOptions,
  resolveAutoencoderOptions,
} from './options.ts';
import { contractivePenalty, sparsityPenalty } from './penalties.ts';
import { pretrainLayers } from './pretrain.ts';
import { TiedLinear } from './tied.ts';

/**
 * An autoencoder of any depth: undercomplete, denoising (Vincent et al. 2010), sparse or contractive, with tied or untied
 * weights. Corruption and penalties act while training and never at inference; every reported loss is that of the clean
 * row, in nats per row (or in the loss's own unit).
 */
export class Autoencoder extends Model {
  static readonly modelName: string = 'autoencoder';

  readonly encoder: Layer;
  readonly decoder: Layer;
  /** The parameters of the row's distribution. */
  readonly head: Layer;
  readonly #options: ResolvedAutoencoderOptions;
  readonly #code: readonly number[];

  // What is asked of rows of data, as programs.
  readonly #encoded = rowsProgram(({ near }) => ({ codes: flat(this.encoder.forward(near)) }));
  readonly #decoded = rowsProgram(({ x: z }) => ({ rows: this.#restore(z) }));
  readonly #restored = rowsProgram(({ near }) => ({ rows: this.#restore(this.encoder.forward(near)) }));
  readonly #scored = rowsProgram(({ x, near }) => ({ loss: this.#rowLoss(x, this.encoder.forward(near)) }));

  constructor(options: AutoencoderOptions) {
    const { modelName } = new.target;
    const resolved = resolveAutoencoderOptions(modelName.charAt(0).toUpperCase() + modelName.slice(1), options);
    const { event, tied, reconstruction, encoderActivation, decoderActivation, seed } = resolved;
    const [weights, noise] = new Rng(seed).split(2) as [Rng, Rng];
    super(event, resolved.transform, noise);
    this.#options = resolved;
    const context = { weights, noise };
    const encoder = buildNetwork('encoder', resolved.encoder, event, { ...context, activation: encoderActivation });
    this.encoder = encoder.module;
    this.#code = encoder.shape;
    if (tied) {
      const [head, decoder] = tiedDecoder(this.encoder as Sequential, decoderActivation, resolved.visibleBias);
      this.decoder = decoder;
      this.head = head;
    } else {
      const decoder = buildNetwork('decoder', resolved.decoder, encoder.shape, {
        ...context,
        activation: decoderActivations(resolved.decoder, encoder.shape, event, reconstruction, decoderActivation),
      });
      this.decoder = decoder.module;
      this.head = buildHead(decoder.shape, event, reconstruction, weights);
    }
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'Autoencoder';
  }

  get options(): ResolvedAutoencoderOptions {
    return this.#options;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return describeAutoencoder(this.#options);
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  /** In a supervised network an autoencoder is its encoder: x [rows, …event] → codes. */
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
      sparsityPenalty(flat(codes), this.#options),
      contractivePenalty((at) => flat(this.encoder.forward(at)), input, this.codeSize, rng, this.#options),
    ];
    return penalties.reduce<Tensor>((total, penalty) => (penalty === null ? total : total.add(penalty)), loss);
  }

  parts({ x }: Batch, rng: Rng): Parts {
    return { loss: this.trainingLoss(x as Tensor, rng) };
  }

  /** Of held-out rows, uncorrupted and without penalties. */
  evaluate({ x }: Batch): Parts {
    return { loss: this.loss(x as Tensor) };
  }

  /** For a classifier that goes on with what was learned without labels. */
  unsupervisedLoss(x: Tensor, rng: Rng): Tensor {
    return this.trainingLoss(x, rng);
  }

  /** Numbers in a code. */
  get codeSize(): number {
    return this.#code.reduce((a, b) => a * b, 1);
  }

  /** The parameters of the rows' distribution, before any squashing, for codes [rows, codeSize]. */
  likelihoodParams(codes: Tensor): Tensor {
    const rows = codes.shape[0] ?? 0;
    const shaped = codes.shape.length === this.#code.length + 1 ? codes : codes.reshape([rows, ...this.#code]);
    return this.head.forward(this.decoder.forward(shaped));
  }

  #rowLoss(x: Tensor, codes: Tensor): Tensor {
    const { reconstruction } = this.#options;
    const params = this.likelihoodParams(codes);
    const taught = this.training ? reconstruction.whileTraining?.(flat(x), params, this.head) : undefined;
    return reconstruction.logProb(flat(x), taught ?? params).neg();
  }

  #restore(codes: Tensor): Tensor {
    return this.#options.reconstruction.mean(this.likelihoodParams(codes));
  }

  /** Trains on rows in the model's shape, corrupting each batch anew. The caller's arrays are not changed. */
  fit(data: Rows | Dataset, options: ModelFitOptions = {}): Promise<History> {
    return this.fitTo(data, options);
  }

  /**
   * Greedy layer-wise pretraining (Bengio et al. 2007; Vincent et al. 2010): layer by layer a shallow autoencoder with this
   * one's corruption and penalties learns the activations of the layers below, and its weights are taken over. `fit`
   * afterwards trains all together. For encoders of dense layers. Returns a history for each layer.
   */
  async pretrain(data: Rows, options: ModelFitOptions = {}): Promise<History[]> {
    return pretrainLayers(this, data, options, (shallow) => new Autoencoder(shallow));
  }

  /** Codes: [n, codeSize]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.prepared('encode', data), this.event).codes;
  }

  /** Codes back to rows: [n, …event]. */
  decode(codes: Rows): Tensor {
    const { values, count } = parseRows('Autoencoder.decode', codes, [this.codeSize]);
    const ready = { values: Float32Array.from(values), near: null, count };
    return this.restored('decode', this.#decoded(ready, [this.codeSize]).rows);
  }

  /** Rows restored; the input is not corrupted further. [n, …event] */
  reconstruct(data: Rows): Tensor {
    return this.restored('reconstruct', this.#restored(this.prepared('reconstruct', data), this.event).rows);
  }

  /**
   * The loss of each row against itself, uncorrupted, on the scale of the data: an anomaly score. Of values outside the range of
   * the training rows the encoder is shown the end of the range. [n]
   */
  reconstructionError(data: Rows): Tensor {
    const rows = this.toScore('reconstructionError', data);
    const { loss } = this.#scored(rows, this.event);
    const jacobian = this.logJacobian(rows.raw);
    return jacobian === null ? loss : step(() => loss.sub(jacobian.sum({ axis: 1 })));
  }
}

/** A tied decoder's head and the layers before it. */
function tiedDecoder(
  encoder: Sequential,
  activation: ActivationName | readonly ActivationName[],
  visibleBias: number,
): [head: TiedLinear, decoder: Sequential] {
  const [last, ...hidden] = encoder.layers.filter((layer) => layer instanceof Linear) as [Linear, ...Linear[]];
  const activations = hidden.map((_, i) =>
    typeof activation === 'string' ? activation : (activation[i] as ActivationName),
  );
  const back = hidden
    .reverse()
    .flatMap((layer, i) => [new TiedLinear(layer, visibleBias), new Activation(activations[i] as ActivationName)]);
  return [new TiedLinear(last, visibleBias), new Sequential(...back)];
}

/** Rows as lines of numbers. */
function flat(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : x.reshape([x.shape[0] ?? 0, x.shape[0] ? x.size / x.shape[0] : 0]);
}

registerModel(Autoencoder);
