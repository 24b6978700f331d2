import { activationLayer } from './activation.ts';
import { alphaDropoutLayer } from './alpha-dropout.ts';
import { attentionLayer, transformerLayer } from './attention/transformer.ts';
import {
  conv1dLayer,
  conv2dLayer,
  convTranspose1dLayer,
  convTranspose2dLayer,
  depthwiseConv2dLayer,
  separableConv2dLayer,
} from './convolution/conv-layers.ts';
import { avgPoolLayer, globalAvgPoolLayer, maxPoolLayer } from './convolution/pool.ts';
import { residualLayer } from './convolution/residual.ts';
import { cropLayer, padLayer, pixelShuffleLayer, pixelUnshuffleLayer, upsampleLayer } from './convolution/resize.ts';
import { squeezeExcitationLayer } from './convolution/squeeze-excitation.ts';
import { denseLayer } from './dense.ts';
import { dropoutLayer } from './dropout.ts';
import { dropout2dLayer } from './dropout2d.ts';
import { gaussianNoiseLayer } from './gaussian-noise.ts';
import { layerNormLayer } from './layer-norm.ts';
import { layers } from './layer-spec.ts';
import { batchNormLayer } from './normalization/batch-norm.ts';
import { groupNormLayer } from './normalization/group-norm.ts';
import { rmsNormLayer } from './normalization/rms-norm.ts';
import { gruLayer } from './recurrent/gru.ts';
import { lstmLayer } from './recurrent/lstm.ts';
import { minGruLayer } from './recurrent/min-gru.ts';
import { rnnLayer } from './recurrent/rnn.ts';
import { embeddingLayer } from './sequence/embedding.ts';
import { meanStepsLayer } from './sequence/mean-steps.ts';
import { positionsLayer } from './sequence/positions.ts';
import { repeatLayer } from './sequence/repeat.ts';
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
  conv1dLayer,
  conv2dLayer,
  convTranspose1dLayer,
  convTranspose2dLayer,
  depthwiseConv2dLayer,
  separableConv2dLayer,
  maxPoolLayer,
  avgPoolLayer,
  globalAvgPoolLayer,
  upsampleLayer,
  pixelShuffleLayer,
  pixelUnshuffleLayer,
  padLayer,
  cropLayer,
  batchNormLayer,
  groupNormLayer,
  rmsNormLayer,
  dropout2dLayer,
  residualLayer,
  squeezeExcitationLayer,
  softmaxLayer,
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
