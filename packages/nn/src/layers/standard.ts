import { activationLayer } from './activation.ts';
import { alphaDropoutLayer } from './alpha-dropout.ts';
import { denseLayer } from './dense.ts';
import { dropoutLayer } from './dropout.ts';
import { gaussianNoiseLayer } from './gaussian-noise.ts';
import { layerNormLayer } from './layer-norm.ts';
import { layers } from './layer-spec.ts';
import { flattenLayer, reshapeLayer } from './shape.ts';
import { softmaxLayer } from './softmax.ts';

/**
 * The kind of layers, with those that files may name in every program: what dense networks are made of. Layers of images and
 * sequences bring kernels of their own; they are made by `layers.known`, so files may name them where they are part of the
 * program: always, but for bundles, which hold the layers that their program uses.
 */
export const knownLayers = layers.register(
  denseLayer,
  activationLayer,
  dropoutLayer,
  alphaDropoutLayer,
  gaussianNoiseLayer,
  layerNormLayer,
  reshapeLayer,
  flattenLayer,
  softmaxLayer,
);
