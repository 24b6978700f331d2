import { activation, alphaDropout, dropout, flatten, layerNorm, noise, reshape } from '@latent/nn';
import { ones, sizeOf, ValueError, zeros } from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import { foundDense } from '../network/found.ts';
import { TFJS_IMAGE_LAYERS } from './image-layers.ts';
import { activated, amount, only, plain, type TfjsRule } from './rule.ts';
import { TFJS_SEQUENCE_LAYERS } from './sequence-layers.ts';
import { CALLER } from './weights.ts';

/** Layers by their class names. */
export const TFJS_LAYERS: Readonly<Record<string, TfjsRule>> = {
  InputLayer: () => [],
  Dense(layer) {
    const { name, config, shape, weight } = layer;
    const bias = config.use_bias === false ? null : weight('bias');
    // [in, out] there, and along the last axis of rows of any shape.
    const found = foundDense(name, weight('kernel').transpose(), bias, shape.length > 1);
    return [found, ...activated(name, config.activation ?? 'linear')];
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
    // Of a later name in Keras 3; 0.3 is the default there.
    const { alpha, negative_slope: slope = alpha } = layer.config;
    only({ ...layer, config: { negative_slope: slope ?? 0.3 } }, 'negative_slope', 0.01);
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
  ...TFJS_IMAGE_LAYERS,
  ...TFJS_SEQUENCE_LAYERS,
};
