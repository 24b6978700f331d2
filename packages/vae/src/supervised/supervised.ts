import {
  type ActivationName,
  activationCheck,
  buildNetwork,
  type FittedTransform,
  inLayer,
  type Layer,
  Module,
  type NetworkSpec,
  networkCheck,
  probedShape,
  type Transform,
} from '@latent/nn';
import {
  type Check,
  flag,
  isPlainObject,
  optional,
  type Place,
  Rng,
  real,
  refuse,
  type Shape,
  shortText,
  sizeOf,
  type Tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { knownModel } from '../model/file-header.ts';
import { Model } from '../model/model.ts';
import {
  type CommonOptions,
  commonChecks,
  describeNetwork,
  type EventOptions,
  eventOf,
  type Network,
} from '../model/options.ts';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';

/** A layer that may have learned without labels. */
export interface Encoder extends Layer {
  /** What it minimises without labels, for a batch. */
  unsupervisedLoss?(x: Tensor, rng: Rng): Tensor;
}

/** Options of models that predict. */
export interface SupervisedOptions extends CommonOptions {
  /**
   * What makes features of rows: an autoencoder (its codes) or a VAE (its posterior mean), whose rows' shape and transform
   * are then this model's too; a list of layers; or any module.
   */
  readonly encoder: Encoder | NetworkSpec;
  /** Numbers that the encoder makes of a row; found by trying it. */
  readonly features?: number;
  /** Of the encoder's layers that name none; 'relu' by default. */
  readonly activation?: ActivationName;
  /**
   * Also go on with what the encoder learned without labels, its own loss times this; 0 (default) tunes the encoder for the
   * labels alone and leaves its decoder as it is.
   */
  readonly jointly?: number;
  /** Leave the encoder as it is and train the head alone; false by default. */
  readonly freezeEncoder?: boolean;
}

/** An encoder, given or described by a file. */
const encoderCheck: Check<Encoder | Network> = (value, at) => {
  if (value instanceof Module) {
    return typeof (value as Partial<Encoder> & Module).forward === 'function'
      ? (value as Encoder)
      : refuse(at, 'a module with forward(x)', value);
  }
  if (isPlainObject(value) && 'custom' in value) {
    throw new ValueError(
      `${at.caller}: ${at.path} was a module of your own${typeof value.custom === 'string' ? ` (${shortText(value.custom)})` : ''}; give it again, as load(path, { encoder: module })`,
    );
  }
  return isPlainObject(value) && 'model' in value ? modelOfFile(value, at) : networkCheck()(value, at);
};

/** Encoders that are models with encoders may go this deep in a file. */
const DEEPEST = 4;
let depth = 0;

function modelOfFile({ model, config, learned }: Record<string, unknown>, at: Place): Encoder {
  const caller = `${at.caller}: ${at.path}`;
  if (typeof model !== 'string') return refuse({ caller, path: 'model' }, 'the name of a model', model);
  const type = knownModel(caller, model);
  if (depth >= DEEPEST) throw new ValueError(`${caller}: models within models go ${DEEPEST} levels at most`);
  depth++;
  try {
    const made = new type(config as never);
    if (isPlainObject(learned)) made.restoreLearned(caller, learned);
    return made as unknown as Encoder;
  } finally {
    depth--;
  }
}

export const supervisedChecks = /* @__PURE__ */ Object.assign({}, commonChecks, {
  encoder: encoderCheck,
  features: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
  jointly: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 0),
  freezeEncoder: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
});

/** What the options of a model that predicts come to. */
interface Resolved {
  readonly event: Shape;
  readonly transform: Transform | FittedTransform | null;
  readonly encoder: Encoder;
  /** For the file. */
  readonly description: () => unknown;
  readonly features: number;
  readonly jointly: number;
  readonly freezeEncoder: boolean;
  readonly activation: ActivationName;
  readonly seed: number;
  readonly weights: Rng;
  readonly noise: Rng;
}

type CheckedSupervised = {
  readonly [K in keyof typeof supervisedChecks]: (typeof supervisedChecks)[K] extends Check<infer T> ? T : never;
};

export function resolveSupervised(model: string, checked: CheckedSupervised): Resolved {
  const { encoder: given, jointly, freezeEncoder, activation, seed } = checked;
  const [weights, noise] = new Rng(seed).split(2) as [Rng, Rng];
  const pretrained = given instanceof Model ? given : null;
  const own = { inputSize: checked.inputSize, event: checked.event };
  const unsaid = own.inputSize === undefined && own.event === undefined;
  const event = pretrained !== null && unsaid ? pretrained.event : eventOf(model, own as EventOptions);
  if (pretrained !== null && sizeOf(pretrained.event) !== sizeOf(event)) {
    throw new ValueError(
      `${model}: the encoder takes rows of [${pretrained.event.join(', ')}], but inputSize or event says [${event.join(', ')}]; leave it out`,
    );
  }
  if (pretrained !== null && pretrained.sequence !== null) {
    throw new ValueError(
      `${model}: the encoder's rows are sequences, which ${model} does not take; give it their codes: encoder.encode(rows)`,
    );
  }
  if (pretrained !== null && checked.transform !== null) {
    throw new ValueError(`${model}: the encoder brings its own transform; leave it out`);
  }
  const built =
    given instanceof Module ? null : buildNetwork('encoder', given as Network, event, { weights, noise, activation });
  const encoder = (built?.module ?? given) as Encoder;
  const features = built === null ? sizeOf(probedShape(`${model}: encoder`, encoder, event)) : sizeOf(built.shape);
  if (checked.features !== undefined && checked.features !== features) {
    throw new ValueError(`${model}: features is ${checked.features}, but the encoder makes ${features} of a row`);
  }
  if (jointly > 0 && encoder.unsupervisedLoss === undefined) {
    throw new ValueError(`${model}: jointly needs an encoder with a loss of its own, such as a Vae`);
  }
  if (freezeEncoder) encoder.freeze();
  return {
    event,
    transform: pretrained === null ? checked.transform : (pretrained.transform ?? pretrained.transformToLearn),
    encoder,
    description: () => describeEncoder(given),
    features,
    jointly,
    freezeEncoder,
    activation,
    seed,
    weights,
    noise,
  };
}

function describeEncoder(encoder: Encoder | Network): unknown {
  if (!(encoder instanceof Model)) return describeNetwork(encoder as Network);
  const { model, config = '{}', learned = '{}' } = encoder.metadata();
  return { model, config: JSON.parse(config) as unknown, learned: JSON.parse(learned) as unknown };
}

/** A model that predicts: features from an encoder, and a head on top. */
export abstract class Supervised<N extends string> extends Model<N> {
  readonly encoder: Encoder;
  readonly #resolved: Resolved;

  constructor(resolved: Resolved) {
    super(resolved.event, resolved.transform, resolved.noise);
    this.#resolved = resolved;
    this.encoder = resolved.encoder;
  }

  protected override likelihood(): ReconstructionDistribution | null {
    return null;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    const { event, description, jointly, freezeEncoder, activation, seed, encoder } = this.#resolved;
    const transform = encoder instanceof Model ? null : ((this.transform ?? this.transformToLearn)?.config() ?? null);
    return { event, transform, encoder: description(), jointly, freezeEncoder, activation, seed };
  }

  /** A pretrained encoder knows the scales that it was trained on, also where it was trained after this model was made. */
  protected override get lent(): FittedTransform | null {
    const encoder: unknown = this.encoder;
    return encoder instanceof Model ? encoder.transform : null;
  }

  /** The features of rows: [rows, features]. */
  protected featuresOf(x: Tensor): Tensor {
    const made = inLayer('encoder', () => this.encoder.forward(x));
    return made.shape.length === 2 ? made : made.reshape([x.shape[0] ?? 0, this.#resolved.features]);
  }

  /** A loss with the encoder's own, where the two are trained jointly. */
  protected jointLoss(loss: Tensor, x: Tensor, rng: Rng): Tensor {
    const { jointly } = this.#resolved;
    const other = jointly > 0 && this.training ? this.encoder.unsupervisedLoss?.(x, rng) : undefined;
    return other === undefined ? loss : loss.add(other.mul(jointly));
  }
}
