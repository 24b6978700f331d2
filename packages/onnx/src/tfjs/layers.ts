import {
  type ActivationName,
  activation,
  alphaDropout,
  dropout,
  flatten,
  type LayerSpec,
  layerNorm,
  noise,
  reshape,
  softmax,
} from '@latent/nn';
import { formatShape, ones, type Shape, sizeOf, type Tensor, ValueError, zeros } from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import { type FoundLayer, foundDense } from '../network/found.ts';
import { CALLER } from './weights.ts';

/** What a rule may ask. */
export interface TfjsLayer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Of the rows that go in. */
  readonly shape: Shape;
  /** A weight of the layer by the last part of its name (`kernel`). */
  weight(name: string): Tensor;
}

/** How a layer of TensorFlow.js becomes layers of ours; throws where it cannot. */
export type TfjsRule = (layer: TfjsLayer) => readonly FoundLayer[];

/** Activations that are ours, by the names they have there. */
const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  linear: 'identity',
  relu: 'relu',
  elu: 'elu',
  selu: 'selu',
  gelu: 'gelu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softplus: 'softplus',
  swish: 'silu',
  silu: 'silu',
  mish: 'mish',
};

/** A layer without numbers. */
const plain = (name: string, spec: LayerSpec): FoundLayer => ({ name, spec, tensors: [] });

/** The layer that does an activation by its name there; none for a linear one. */
function activated(name: string, value: unknown): FoundLayer[] {
  const known = typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
  if (value === 'softmax') return [plain(name, softmax())];
  if (known === undefined) {
    throw new ValueError(
      `${CALLER}: layer '${name}' has the activation ${inShort(value)}; ours are softmax, ${Object.keys(ACTIVATIONS).join(', ')}`,
    );
  }
  return known === 'identity' ? [] : [plain(name, activation(known))];
}

/** Throws unless an option has the only value that layers of ours have. */
function only({ name, config }: TfjsLayer, option: string, value: unknown): void {
  const given = config[option];
  if (given !== undefined && given !== null && given !== value) {
    throw new ValueError(`${CALLER}: layer '${name}' has ${option} ${inShort(given)}; ours has ${inShort(value)}`);
  }
}

/** A share or a deviation of a layer. */
function amount({ name, config }: TfjsLayer, option: string): number {
  const value = config[option];
  if (typeof value !== 'number') throw new ValueError(`${CALLER}: layer '${name}' has no ${option}`);
  return value;
}

/** Layers by their class names. Convolutional, recurrent and normalising layers join here when there are such. */
export const TFJS_LAYERS: Readonly<Record<string, TfjsRule>> = {
  InputLayer: () => [],
  Dense(layer) {
    const { name, config, shape, weight } = layer;
    if (shape.length !== 1) {
      throw new ValueError(
        `${CALLER}: layer '${name}' works along the last axis of rows of ${formatShape(shape)}, and ours on whole rows; flatten them before`,
      );
    }
    const bias = config.use_bias === false ? null : weight('bias');
    // [in, out] there.
    return [foundDense(name, weight('kernel').transpose(), bias), ...activated(name, config.activation ?? 'linear')];
  },
  Activation: ({ name, config }) => activated(name, config.activation),
  ReLU(layer) {
    for (const [option, value] of [
      ['max_value', undefined],
      ['negative_slope', 0],
      ['threshold', 0],
    ] as const) {
      only(layer, option, value);
    }
    return activated(layer.name, 'relu');
  },
  LeakyReLU(layer) {
    // 0.3 is the default there, and is always written.
    only(layer, 'alpha', 0.01);
    return [plain(layer.name, activation('leakyRelu'))];
  },
  ELU(layer) {
    only(layer, 'alpha', 1);
    return activated(layer.name, 'elu');
  },
  Softmax(layer) {
    only(layer, 'axis', -1);
    return activated(layer.name, 'softmax');
  },
  Dropout: (layer) => [plain(layer.name, dropout(amount(layer, 'rate')))],
  AlphaDropout: (layer) => [plain(layer.name, alphaDropout(amount(layer, 'rate')))],
  GaussianNoise: (layer) => [plain(layer.name, noise(amount(layer, 'stddev')))],
  Flatten: ({ name, shape }) => (shape.length === 1 ? [] : [plain(name, flatten())]),
  Reshape({ name, config, shape }) {
    const given = config.target_shape;
    const sizes = Array.isArray(given) ? (given as unknown[]).map((size) => (size === null ? -1 : Number(size))) : [];
    const open = sizeOf(shape) / -sizes.reduce((a, b) => a * b, 1);
    const target = sizes.map((size) => (size === -1 ? open : size));
    if (target.length === 0 || !target.every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new ValueError(`${CALLER}: layer '${name}' has the target shape ${inShort(given)}`);
    }
    return [plain(name, reshape(target))];
  },
  LayerNormalization(layer) {
    const { name, config, shape, weight } = layer;
    const axis: unknown =
      Array.isArray(config.axis) && config.axis.length === 1 ? (config.axis as unknown[])[0] : config.axis;
    only({ ...layer, config: { axis } }, 'axis', axis === shape.length ? shape.length : -1);
    const size = [shape.at(-1) ?? 1];
    const scale = config.scale === false ? ones(size) : weight('gamma');
    const shift = config.center === false ? zeros(size) : weight('beta');
    const epsilon = config.epsilon === undefined ? 1e-3 : amount(layer, 'epsilon');
    return [{ name, spec: layerNorm({ epsilon }), tensors: [scale, shift] }];
  },
};
