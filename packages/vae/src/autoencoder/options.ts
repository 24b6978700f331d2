import {
  type ActivationName,
  activationCheck,
  type FittedTransform,
  type LayerSpec,
  mirrored,
  type NetworkSpec,
  networkCheck,
  partOf,
  sameNetwork,
  shapesOf,
  type Transform,
} from '@latent/nn';
import { checkOptions, flag, formatShape, optional, real, type Shape, sizeOf, ValueError } from '@latent/tensor';
import {
  activationsCheck,
  describeNetwork,
  describeRows,
  type EventOptions,
  eventOf,
  type Network,
  networkOption,
  type RowsOptions,
  rowsChecks,
} from '../model/options.ts';
import { askedPerNumber } from '../reconstruction/head.ts';
import { likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import { likelihoodOfSequence, type Sequence } from '../sequence/sequence.ts';
import { type Corruption, corruptions, noCorruption } from './corruption.ts';
import { type CodePenalties, penaltyChecks } from './penalties.ts';

/** What an autoencoder is made of. */
export interface AutoencoderOptions extends CodePenalties, RowsOptions {
  /** The encoder: a list of layers, in which a number is a dense layer, or a module of your own. What comes out is the code. */
  readonly encoder: NetworkSpec;
  /** The decoder before its head, for untied weights; the encoder's layers but the code, mirrored, by default. */
  readonly decoder?: NetworkSpec;
  /** Of every hidden layer and the code; 'relu' by default. */
  readonly activation?: ActivationName;
  /** Of the encoder's layers, one or one for each; `activation` by default. */
  readonly encoderActivation?: ActivationName | readonly ActivationName[];
  /** Of the decoder's hidden layers; `activation` by default. */
  readonly decoderActivation?: ActivationName | readonly ActivationName[];
  /**
   * Decode with the encoder's weights, transposed, and biases of their own. By default where it can be: without a decoder,
   * with dense layers alone, and with one parameter per column.
   */
  readonly tied?: boolean;
  /** What tied decoders' biases start at; 0 by default. */
  readonly visibleBias?: number;
  /** How training inputs are spoiled; not at all by default. */
  readonly corruption?: Corruption;
  /** What is minimised: minus the log-probability of the clean row; squaredError() by default. */
  readonly reconstruction?: ReconstructionDistribution;
}

/** The options with their defaults, and networks as lists of layers. */
export interface ResolvedAutoencoderOptions extends CodePenalties {
  readonly event: Shape;
  /** Numbers of a row. */
  readonly inputSize: number;
  /** What rows are that are sequences; null for rows of one shape. */
  readonly sequence: Sequence | null;
  readonly encoder: Network;
  readonly decoder: Network;
  readonly encoderActivation: ActivationName | readonly ActivationName[];
  readonly decoderActivation: ActivationName | readonly ActivationName[];
  readonly tied: boolean;
  readonly visibleBias: number;
  readonly corruption: Corruption;
  readonly reconstruction: ReconstructionDistribution;
  readonly transform: Transform | FittedTransform | null;
  readonly seed: number;
}

const checks = /* @__PURE__ */ Object.assign({}, rowsChecks, penaltyChecks, {
  encoder: networkOption,
  decoder: /* @__PURE__ */ optional(networkOption),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
  encoderActivation: /* @__PURE__ */ optional(activationsCheck),
  decoderActivation: /* @__PURE__ */ optional(activationsCheck),
  tied: /* @__PURE__ */ optional(/* @__PURE__ */ flag()),
  visibleBias: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 0),
  corruption: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(corruptions, 'masking(0.3)')),
  reconstruction: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(likelihoods, 'bernoulli() or gaussian()')),
});

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveAutoencoderOptions(model: string, options: AutoencoderOptions): ResolvedAutoencoderOptions {
  const checked = checkOptions(model, options, checks);
  const { sequence = null } = checked;
  const event = eventOf(model, checked as EventOptions, sequence);
  const inputSize = sizeOf(event);
  const encoder = networkCheck()(checked.encoder, { caller: model, path: 'encoder' });
  if (Array.isArray(encoder) && encoder.length === 0) {
    throw new ValueError(`${model}: encoder needs at least one layer, the code`);
  }
  const given = checked.reconstruction ?? squaredError();
  const reconstruction = sequence === null ? given : likelihoodOfSequence(model, sequence, given);
  if (checked.decoder === undefined && sequence?.previous) {
    throw new ValueError(
      `${model}: sequence.previous needs a decoder that goes step by step, such as [lstm(64, { returnSequences: true })]`,
    );
  }
  const onePerColumn = reconstruction.paramCount(inputSize) === inputSize && reconstruction.head === undefined;
  const specs = Array.isArray(encoder) ? (encoder as readonly LayerSpec[]) : null;
  const dense = specs?.every((layer) => layer.name === 'dense') ?? false;
  if (checked.decoder === undefined && specs === null) {
    throw new ValueError(`${model}: a module as encoder has no mirror image; give a decoder`);
  }
  const each = askedPerNumber(reconstruction);
  const mirror = specs === null ? null : mirrored(specs, event, each === undefined ? {} : { count: each });
  const tied = checked.tied ?? (checked.decoder === undefined && onePerColumn && dense);
  const decoder =
    checked.decoder === undefined
      ? (mirror as readonly LayerSpec[])
      : networkCheck()(checked.decoder, { caller: model, path: 'decoder' });
  if (tied) refuseTied(model, { dense, onePerColumn, reconstruction, decoder, mirror, event, specs });
  const { activation, sparsity, contractive } = checked;
  return {
    event,
    inputSize,
    sequence,
    encoder,
    decoder,
    encoderActivation: checked.encoderActivation ?? activation,
    decoderActivation: checked.decoderActivation ?? activation,
    tied,
    visibleBias: checked.visibleBias,
    corruption: checked.corruption ?? noCorruption(),
    reconstruction,
    transform: checked.transform,
    seed: checked.seed,
    ...(sparsity !== undefined && { sparsity }),
    ...(contractive !== undefined && { contractive }),
  };
}

/** Throws where a tied decoder cannot be. */
function refuseTied(
  model: string,
  made: {
    readonly dense: boolean;
    readonly onePerColumn: boolean;
    readonly reconstruction: ReconstructionDistribution;
    readonly decoder: Network;
    readonly mirror: readonly LayerSpec[] | null;
    readonly event: Shape;
    readonly specs: readonly LayerSpec[] | null;
  },
): void {
  const { dense, onePerColumn, reconstruction, decoder, mirror, event, specs } = made;
  if (!dense) throw new ValueError(`${model}: tied weights are of dense layers; set tied: false`);
  if (!onePerColumn) {
    throw new ValueError(
      `${model}: tied weights give one parameter per column, but ${reconstruction.name} needs more; set tied: false`,
    );
  }
  if (Array.isArray(decoder) && mirror !== null && sameNetwork(decoder as readonly LayerSpec[], mirror)) return;
  const sizes = shapesOf('encoder', specs ?? [], event)
    .slice(1, -1)
    .reverse()
    .map((shape) => (shape.length === 1 ? shape[0] : formatShape(shape)));
  throw new ValueError(`${model}: a tied decoder has the encoder's sizes, ${sizes.join(', ')}; leave decoder out`);
}

/** The options as plain data, for the file. */
export function describeAutoencoder(options: ResolvedAutoencoderOptions): Readonly<Record<string, unknown>> {
  const { inputSize: _, event, sequence, encoder, decoder, reconstruction, corruption, transform, ...plain } = options;
  return {
    ...describeRows(event, sequence),
    ...plain,
    encoder: describeNetwork(encoder),
    decoder: describeNetwork(decoder),
    reconstruction: reconstruction.config(),
    corruption: corruption.config(),
    transform: transform?.config() ?? null,
  };
}
