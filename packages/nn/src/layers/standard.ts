import { activationLayer } from './activation.ts';
import { alphaDropoutLayer } from './alpha-dropout.ts';
import { attentionLayer, transformerLayer } from './attention/transformer.ts';
import { denseLayer } from './dense.ts';
import { dropoutLayer } from './dropout.ts';
import { gaussianNoiseLayer } from './gaussian-noise.ts';
import { layerNormLayer } from './layer-norm.ts';
import { layers } from './layer-spec.ts';
import { gruLayer } from './recurrent/gru.ts';
import { lstmLayer } from './recurrent/lstm.ts';
import { minGruLayer } from './recurrent/min-gru.ts';
import { rnnLayer } from './recurrent/rnn.ts';
import { embeddingLayer } from './sequence/embedding.ts';
import { meanStepsLayer } from './sequence/mean-steps.ts';
import { positionsLayer } from './sequence/positions.ts';
import { repeatLayer } from './sequence/repeat.ts';
import { flattenLayer, reshapeLayer } from './shape.ts';

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
  lstmLayer,
  gruLayer,
  rnnLayer,
  minGruLayer,
  repeatLayer,
  meanStepsLayer,
  embeddingLayer,
  positionsLayer,
  attentionLayer,
  transformerLayer,
);
