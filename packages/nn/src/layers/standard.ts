import { activationLayer } from './activation.ts';
import { alphaDropoutLayer } from './alpha-dropout.ts';
import { denseLayer } from './dense.ts';
import { dropoutLayer } from './dropout.ts';
import { gaussianNoiseLayer } from './gaussian-noise.ts';
import { layerNormLayer } from './layer-norm.ts';
import { layers } from './layer-spec.ts';
import { flattenLayer, reshapeLayer } from './shape.ts';
import { softmaxLayer } from './softmax.ts';

/** The kind of layers, with those that files know. */
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
