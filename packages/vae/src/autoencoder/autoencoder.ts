import {
  Activation,
  type ActivationName,
  type Batch,
  buildNetwork,
  type Context,
  type Dataset,
  decodesAnySteps,
  encodesAnySteps,
  type FlatRows,
  type History,
  type Layer,
  Linear,
  type Parts,
  parseRows,
  type Rows,
  Sequential,
  withinLengths,
} from '@latent/nn';
import { Rng, refuseSurplus, step, type Tensor, tensor, UsageError, where } from '@latent/tensor';
import { baselineOf } from '../model/baseline.ts';
import { knownAs, nameOf } from '../model/file-header.ts';
import { Model, type ModelFitOptions } from '../model/model.ts';
import { rowsProgram } from '../model/rows-program.ts';
import { buildHead, decoderActivations, makesSteps } from '../reconstruction/head.ts';
import type { Head, ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import type { StepwiseDistribution } from '../reconstruction/per-step.ts';
import { contextOf } from '../sequence/context.ts';
import { checkStepwise, type Given, parametersOf, unrolled } from '../sequence/decoder.ts';
import { PreviousStep } from '../sequence/previous-step.ts';
import type { Sequence } from '../sequence/sequence.ts';
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
  static readonly modelName: string = /* @__PURE__ */ knownAs(Autoencoder, 'autoencoder');

  readonly encoder: Layer;
  readonly decoder: Layer;
  /** The parameters of the row's distribution. */
  readonly head: Head;
  /** Where the decoder of a sequence sees the step before; else null. */
  readonly previous: PreviousStep | null;
  readonly #options: ResolvedAutoencoderOptions;
  readonly #code: readonly number[];
  readonly #anySteps: boolean;

  // What is asked of rows of data, as programs.
  readonly #encoded = rowsProgram(({ near, beside }) => ({ codes: flat(this.#encode(near, beside)) }));
  readonly #decoded = rowsProgram(({ x: z }) => ({ rows: this.#restore(z) }));
  readonly #restored = rowsProgram(({ near, beside }) => ({
    rows: this.#restore(this.#encode(near, beside), contextOf({ ...beside, x: near })),
  }));
  readonly #scored = rowsProgram(({ x, near, beside }) => ({
    loss: this.#rowLoss(x, this.#encode(near, beside), contextOf({ ...beside, x })),
  }));
  readonly #scoredSteps = rowsProgram(({ x, near, beside }) => ({
    steps: this.#stepLosses(x, this.#encode(near, beside), contextOf({ ...beside, x })),
  }));

  constructor(options: AutoencoderOptions) {
    const { modelName } = new.target;
    const resolved = resolveAutoencoderOptions(modelName.charAt(0).toUpperCase() + modelName.slice(1), options);
    const { event, tied, reconstruction, encoderActivation, decoderActivation, seed, sequence } = resolved;
    const [weights, noise] = new Rng(seed).split(2) as [Rng, Rng];
    super(event, resolved.transform, noise, sequence);
    refuseSurplus(
      Autoencoder,
      'encode decode reconstruct reconstructionError reconstructionErrorPerStep metadata',
      nameOf,
    );
    this.#options = resolved;
    const context = { weights, noise };
    const encoder = buildNetwork('encoder', resolved.encoder, event, { ...context, activation: encoderActivation });
    this.encoder = encoder.module;
    this.#code = encoder.shape;
    this.previous = sequence?.previous ? new PreviousStep(sequence, context) : null;
    const code = this.previous === null ? encoder.shape : [event[0] as number, this.codeSize + this.previous.width];
    this.#anySteps =
      sequence !== null && encodesAnySteps(resolved.encoder, event) && decodesAnySteps(resolved.decoder, code);
    if (tied) {
      const [head, decoder] = tiedDecoder(this.encoder as Sequential, decoderActivation, resolved.visibleBias);
      this.decoder = decoder;
      this.head = head;
    } else {
      const decoder = buildNetwork('decoder', resolved.decoder, code, {
        ...context,
        activation: decoderActivations(resolved.decoder, code, event, reconstruction, decoderActivation),
      });
      this.decoder = decoder.module;
      const steps = makesSteps(decoder.shape, event);
      this.#anySteps &&= steps;
      if (this.previous !== null) checkStepwise(modelName, this.decoder, code, steps);
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

  protected override baseline(rows: FlatRows): number | undefined {
    return baselineOf(this.#options.reconstruction, rows);
  }

  /** A code that has room for the whole row can copy it, odd rows as well as others, unless something else holds it back. */
  protected override caveats(): readonly string[] {
    const { inputSize, corruption, sparsity, contractive } = this.#options;
    const held = corruption.name !== 'noCorruption' || sparsity !== undefined || contractive !== undefined;
    if (held || this.codeSize < inputSize) return [];
    return [
      `the code has ${this.codeSize} numbers, and a row has ${inputSize}: rows can be copied without learning what they have in common; take a smaller code, corruption or sparsity`,
    ];
  }

  protected override get anySteps(): boolean {
    return this.#anySteps;
  }

  /** In a supervised network an autoencoder is its encoder: x [rows, …event] → codes. */
  forward(x: Tensor): Tensor {
    return this.encoder.forward(x);
  }

  /**
   * The mean over rows of the loss of restoring x from `input` (x itself by default), without penalties. A scalar. Of sequences
   * `context` has the lengths.
   */
  loss(x: Tensor, input: Tensor = x, context: Context = {}): Tensor {
    return this.#rowLoss(x, this.encoder.forward(input, context), context).mean();
  }

  /** What training minimises for a batch: the loss of the corrupted rows against the clean ones, and the penalties. */
  trainingLoss(x: Tensor, rng: Rng, context: Context = {}): Tensor {
    const input = this.#options.corruption.apply(x, rng);
    const codes = this.encoder.forward(input, context);
    const loss = this.#rowLoss(x, codes, context).mean();
    const codesOf = (at: Tensor): Tensor => flat(this.encoder.forward(at, context));
    const penalties = [
      sparsityPenalty(flat(codes), this.#options),
      contractivePenalty(codesOf, input, this.codeSize, rng, this.#options),
    ];
    return penalties.reduce<Tensor>((total, penalty) => (penalty === null ? total : total.add(penalty)), loss);
  }

  parts(batch: Batch, rng: Rng): Parts {
    return { loss: this.trainingLoss(batch.x as Tensor, rng, contextOf(batch)) };
  }

  /** Of held-out rows, uncorrupted and without penalties. */
  evaluate(batch: Batch): Parts {
    const x = batch.x as Tensor;
    return { loss: this.loss(x, x, contextOf(batch)) };
  }

  /** For a classifier that goes on with what was learned without labels. */
  unsupervisedLoss(x: Tensor, rng: Rng): Tensor {
    return this.trainingLoss(x, rng);
  }

  /** Numbers in a code. */
  get codeSize(): number {
    return this.#code.reduce((a, b) => a * b, 1);
  }

  /**
   * The parameters of the rows' distribution, before any squashing, for codes [rows, codeSize]. A decoder that sees the step before
   * needs the rows, `given.x`.
   */
  likelihoodParams(codes: Tensor, given: Given = {}): Tensor {
    const rows = codes.shape[0] ?? 0;
    const shape = this.previous === null ? this.#code : [this.codeSize];
    const shaped = codes.shape.length === shape.length + 1 ? codes : codes.reshape([rows, ...shape]);
    return parametersOf(this, shaped, given);
  }

  /** Codes of rows with what stands beside them. */
  #encode(x: Tensor, beside: Batch = {}): Tensor {
    return this.encoder.forward(x, contextOf({ ...beside, x }));
  }

  #rowLoss(x: Tensor, codes: Tensor, context: Context = {}): Tensor {
    if (context.lengths !== undefined) return this.#stepLosses(x, codes, context).sum({ axis: -1 });
    const { reconstruction } = this.#options;
    const params = this.likelihoodParams(codes, { ...context, x });
    const taught = this.training ? reconstruction.whileTraining?.(flat(x), params, this.head) : undefined;
    return reconstruction.logProb(flat(x), taught ?? params).neg();
  }

  /** The loss of each step of sequences, 0 past a row's end: [rows, steps]. */
  #stepLosses(x: Tensor, codes: Tensor, context: Context = {}): Tensor {
    const likelihood = this.#options.reconstruction as StepwiseDistribution;
    const losses = likelihood.logProbPerStep(flat(x), this.likelihoodParams(codes, { ...context, x })).neg();
    const { lengths } = context;
    return lengths === undefined ? losses : where(withinLengths(lengths, losses.shape[1] as number), losses, 0);
  }

  #restore(codes: Tensor, context: Context = {}): Tensor {
    const { reconstruction } = this.#options;
    const params = this.likelihoodParams(codes, context);
    return this.sequence === null ? reconstruction.mean(params) : reconstruction.mode(params);
  }

  /** Rows of codes by a decoder that sees the step before, the likeliest at each step. */
  #unrolled(previous: PreviousStep, codes: Tensor): Tensor {
    const { decoder, head, sequence } = this;
    return unrolled(
      { decoder, head, previous },
      this.#options.reconstruction as StepwiseDistribution,
      sequence as Sequence,
      codes,
      { output: 'mean', temperature: 1, rng: new Rng(0) },
    );
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
    return pretrainLayers(this, data, options, (shallow) => new OneLayer(shallow));
  }

  /** Codes: [n, codeSize]. */
  encode(data: Rows): Tensor {
    return this.#encoded(this.prepared('encode', data), this.event).codes;
  }

  /** Codes back to rows: [n, …event]. Of sequences the likeliest at each step, NaN past where a row stops. */
  decode(codes: Rows): Tensor {
    const { values, count } = parseRows('Autoencoder.decode', codes, [this.codeSize]);
    if (this.previous !== null) {
      const z = tensor(Float32Array.from(values), { shape: [count, this.codeSize] });
      return this.restored('decode', this.#unrolled(this.previous, z));
    }
    const ready = { values: Float32Array.from(values), near: null, count };
    return this.restored('decode', this.#decoded(ready, [this.codeSize]).rows);
  }

  /** Rows restored; the input is not corrupted further. [n, …event] */
  reconstruct(data: Rows): Tensor {
    const rows = this.prepared('reconstruct', data);
    const lengths = this.sequence?.stop ? undefined : rows.lengths;
    const made =
      this.previous === null
        ? this.#restored(rows, this.event).rows
        : this.#unrolled(this.previous, this.#encoded(rows, this.event).codes);
    return this.restored('reconstruct', made, lengths);
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

  /** The loss of each step of sequences, which `reconstructionError` is the sum of: [n, steps], NaN past a row's end. */
  reconstructionErrorPerStep(data: Rows): Tensor {
    const { sequence } = this;
    if (sequence === null) {
      throw new UsageError(
        'Autoencoder.reconstructionErrorPerStep: rows are no sequences; make the model with { sequence: { steps } }',
      );
    }
    const rows = this.toScore('reconstructionErrorPerStep', data);
    const losses = this.perStep(this.#scoredSteps(rows, this.event).steps, rows);
    const jacobian = this.logJacobian(rows.raw);
    if (jacobian === null) return losses;
    const { steps, features } = sequence;
    return step(() => losses.sub(jacobian.reshape([rows.count, steps, features]).sum({ axis: -1 })));
  }
}

/** A layer that is pretrained by itself: one that widens is no code, whatever it has room for. */
class OneLayer extends Autoencoder {
  protected override caveats(): readonly string[] {
    return [];
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
