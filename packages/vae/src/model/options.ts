import {
  type ActivationName,
  activationCheck,
  checkRoomInFile,
  dense,
  FittedTransform,
  type Layer,
  type LayerSpec,
  type NetworkSpec,
  networkCheck,
  partOf,
  type Transform,
  transforms,
} from '@latent/nn';
import {
  type Check,
  isPlainObject,
  list,
  optional,
  type Place,
  type Shape,
  shortText,
  sizeOf,
  ValueError,
  whole,
} from '@latent/tensor';

import {
  describeSequence,
  eventOfSequence,
  type Sequence,
  type SequenceOptions,
  sequenceCheck,
} from '../sequence/sequence.ts';

/** What a model's rows are, one of the two. */
export interface EventOptions {
  /** Columns of a data row; short for `event: [inputSize]`. */
  readonly inputSize?: number;
  /** The shape of a data row: [columns], [height, width, channels]. */
  readonly event?: Shape;
}

/** What models of rows have in common. */
export interface CommonOptions extends EventOptions {
  /**
   * Puts columns on a common scale before the model sees them, and back: learned by the first `fit` (or fitted before), and
   * saved with the model. Scores are densities of the data as given, training losses of the rows on the common scale. None by
   * default.
   */
  readonly transform?: Transform | FittedTransform | null;
  /** Fixes first weights and all draws of training; 0 by default. */
  readonly seed?: number;
}
/** Models whose rows may be sequences. */
export interface RowsOptions extends CommonOptions {
  /**
   * In place of `inputSize` and `event`: rows are sequences of different lengths, or texts, as `{ steps: 140 }` or `{ steps: 16,
   * tokenizer: characters('abc') }`. `reconstruction` is then of a step.
   */
  readonly sequence?: SequenceOptions;
}

/** A network whose numbers have become layers. */
export type Network = readonly LayerSpec[] | Layer;

/** The shape of a row; options give it in one of two ways. */
export function eventOf(caller: string, { inputSize, event }: EventOptions, sequence: Sequence | null = null): Shape {
  if (sequence !== null && (inputSize !== undefined || event !== undefined)) {
    throw new ValueError(`${caller}: sequence says what rows are; leave inputSize and event out`);
  }
  if (sequence !== null) return eventOfSequence(sequence);
  if ((inputSize === undefined) === (event === undefined)) {
    throw new ValueError(
      `${caller}: give the rows' columns as inputSize, or their shape as event${inputSize === undefined ? '' : ', not both'}`,
    );
  }
  const shape = event ?? [inputSize as number];
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw new ValueError(`${caller}: rows of [${shape.join(', ')}] are too large`);
  return shape;
}

/** A check for a transform, fitted or not, or what a file says of one. */
export const transformCheck: Check<Transform | FittedTransform | null> = (value, at) => {
  if (value === undefined || value === null) return null;
  if (value instanceof FittedTransform) return value;
  if (isPlainObject(value) && 'columns' in value && 'of' in value) {
    if (Array.isArray(value.columns)) checkRoomInFile(value.columns.length, `${at.path}.columns`);
    return FittedTransform.fromConfig(value, at);
  }
  return partOf(transforms, 'standardise()')(value, at);
};

/** A check for one activation, or one for each layer. */
export const activationsCheck: Check<ActivationName | readonly ActivationName[]> = (value, at) =>
  Array.isArray(value) ? list(activationCheck)(value, at) : activationCheck(value, at);

/** A check for a network: a list, a module, or what a file says of a list. */
export const networkOption: Check<NetworkSpec> = (value, at) => {
  if (isPlainObject(value) && 'custom' in value) {
    throw new ValueError(
      `${at.caller}: ${at.path} was a module of your own${typeof value.custom === 'string' ? ` (${shortText(value.custom)})` : ''}; give it again, as load(path, { ${at.path}: module })`,
    );
  }
  return Array.isArray(value) ? (value as NetworkSpec) : networkCheck()(value, at);
};

/** A network with its numbers made dense layers of these options. */
export function resolveNetwork(
  spec: NetworkSpec,
  options: { readonly dropout: number; readonly layerNorm: boolean },
  at: Place,
): Network {
  if (!Array.isArray(spec)) return networkCheck()(spec, at);
  const { dropout, layerNorm } = options;
  const plain = dropout === 0 && !layerNorm;
  const made = spec.map((layer: unknown) =>
    !plain && typeof layer === 'number' && Number.isSafeInteger(layer) && layer > 0
      ? dense(layer, { dropout, layerNorm })
      : layer,
  );
  return networkCheck()(made, at);
}

/** A network for a file: a module of the user's is only named. */
export function describeNetwork(network: Network): unknown {
  return Array.isArray(network)
    ? (network as readonly LayerSpec[]).map((layer) => layer.config())
    : { custom: (network as Layer).type };
}

/** The checks of the options that models of rows have in common. */
export const commonChecks = {
  inputSize: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  event: /* @__PURE__ */ optional(/* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1 }), { min: 1, max: 8 })),
  transform: transformCheck,
  seed: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0),
};

/** The same of those whose rows may be sequences. */
export const rowsChecks = /* @__PURE__ */ Object.assign({}, commonChecks, {
  sequence: /* @__PURE__ */ optional(sequenceCheck),
});

/** What rows are, for the file. */
export function describeRows(event: Shape, sequence: Sequence | null): Readonly<Record<string, unknown>> {
  return sequence === null ? { event } : { sequence: describeSequence(sequence) };
}
