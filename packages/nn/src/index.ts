export { isList, type TypedArray } from './data/arrays.ts';
export {
  ArrayDataset,
  type Batch,
  type BatchSpec,
  type Dataset,
  dataset,
  type Pass,
  type PassOptions,
  specCheck,
  trainTestSplit,
} from './data/dataset.ts';
export { type ImagesOptions, images, type Picture, pictures } from './data/images.ts';
export { lengthsOf, placeOf, stepsAsRows, unpadded, zeroPadded } from './data/ragged.ts';
export {
  type FlatRows,
  type ParseOptions,
  parseRows,
  type Row,
  type RowPart,
  type Rows,
} from './data/rows.ts';
export { bucketsOf, SequenceDataset, type SequenceDatasetOptions } from './data/sequence-dataset.ts';
export { type Chunk, type Source, StreamDataset, type StreamOptions, stream } from './data/stream.ts';
export {
  bytes,
  characters,
  charactersOf,
  END,
  type Tokenizer,
  tokenizerCheck,
  tokenizers,
  tokenRows,
  words,
  wordsOf,
} from './data/tokenizer.ts';
export { type PerPointOptions, Windows, type WindowsOptions, windows } from './data/windows.ts';
export * from './init.ts';
export {
  Activation,
  type ActivationName,
  activation,
  activationCheck,
  activationNames,
} from './layers/activation.ts';
export { AlphaDropout, alphaDropout } from './layers/alpha-dropout.ts';
export { type AttentionOptions, MultiHeadAttention } from './layers/attention/multi-head-attention.ts';
export {
  attention,
  TransformerBlock,
  type TransformerOptions,
  type TransformerSpecOptions,
  transformer,
} from './layers/attention/transformer.ts';
export {
  type ConvLayerOptions,
  type ConvTransposeLayerOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  type DepthwiseConvOptions,
  depthwiseConv2d,
  separableConv2d,
} from './layers/convolution/conv-layers.ts';
export {
  Conv1d,
  Conv2d,
  type ConvOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  type ConvTransposeOptions,
  type PaddingMode,
} from './layers/convolution/convolution.ts';
export { foldBatchNorm } from './layers/convolution/fold-batch-norm.ts';
export { channelsFirst, channelsLast, weightFromKeras, weightToKeras } from './layers/convolution/layouts.ts';
export {
  AvgPool,
  type AvgPoolLayerOptions,
  avgPool,
  GlobalAvgPool,
  globalAvgPool,
  MaxPool,
  type MaxPoolLayerOptions,
  maxPool,
  type PoolLayerOptions,
} from './layers/convolution/pool.ts';
export { Residual, type ResidualOptions, residual } from './layers/convolution/residual.ts';
export {
  Crop,
  crop,
  Pad,
  type PadOptions,
  PixelShuffle,
  pad,
  pixelShuffle,
  pixelUnshuffle,
  Upsample,
  type UpsampleOptions,
  upsample,
} from './layers/convolution/resize.ts';
export { SqueezeExcitation, squeezeExcitation } from './layers/convolution/squeeze-excitation.ts';
export { type DenseOptions, dense } from './layers/dense.ts';
export { Dropout, dropout, rateCheck as dropoutCheck } from './layers/dropout.ts';
export { Dropout2d, dropout2d } from './layers/dropout2d.ts';
export { GaussianNoise, noise } from './layers/gaussian-noise.ts';
export { LayerNorm, type LayerNormOptions, layerNorm } from './layers/layer-norm.ts';
export { type BuildContext, type LayerSpec, layers, sameShapeLayer } from './layers/layer-spec.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { BatchNorm, type BatchNormOptions, batchNorm } from './layers/normalization/batch-norm.ts';
export { GroupNorm, type GroupNormOptions, groupNorm } from './layers/normalization/group-norm.ts';
export { RmsNorm, type RmsNormOptions, rmsNorm } from './layers/normalization/rms-norm.ts';
export { ScaleNorm, type ScaleNormOptions, scaleNorm } from './layers/normalization/scale-norm.ts';
export { Gru, type GruOptions, type GruSpecOptions, gru } from './layers/recurrent/gru.ts';
export {
  type KerasRecurrent,
  type KerasRecurrentWeights,
  recurrentFromKeras,
  recurrentToKeras,
} from './layers/recurrent/keras.ts';
export { Lstm, type LstmOptions, type LstmSpecOptions, lstm } from './layers/recurrent/lstm.ts';
export { MinGru, type MinGruOptions, minGru } from './layers/recurrent/min-gru.ts';
export {
  RecurrentLayer,
  type RecurrentLayerOptions,
  type RecurrentRun,
  type RecurrentState,
  type RunOptions,
} from './layers/recurrent/recurrent-layer.ts';
export type { RecurrentSpecOptions } from './layers/recurrent/recurrent-spec.ts';
export { Rnn, type RnnOptions, type RnnSpecOptions, rnn } from './layers/recurrent/rnn.ts';
export { Embedding, type EmbeddingOptions, embedding } from './layers/sequence/embedding.ts';
export { MeanSteps, meanSteps } from './layers/sequence/mean-steps.ts';
export { Positions, type PositionsOptions, positions } from './layers/sequence/positions.ts';
export { Repeat, type RepeatOptions, repeat } from './layers/sequence/repeat.ts';
export { Sequential } from './layers/sequential.ts';
export { flatten, Reshape, reshape } from './layers/shape.ts';
export { Softmax, softmax } from './layers/softmax.ts';

export * from './losses/losses.ts';
export { type Advance, advanced, type StepState } from './module/advance.ts';
export { type Context, repeatedContext, withinLengths } from './module/context.ts';
export { inLayer, type Layer, Module, scoring, stepping } from './module/module.ts';
export {
  buffer,
  checkRoomInFile,
  layerParameter,
  parameterOf,
  type Role,
  roleOf,
  withoutFirstWeights,
} from './module/role.ts';
export { aligned } from './module/summary.ts';
export { beforeLong } from './module/turn.ts';
export {
  type BuiltNetwork,
  buildNetwork,
  decodesAnySteps,
  encodesAnySteps,
  type MirroredRows,
  mirrored,
  type NetworkContext,
  type NetworkSpec,
  network,
  networkCheck,
  opening,
  probedShape,
  sameNetwork,
  shapesOf,
} from './network/network.ts';
export { type AdagradOptions, adadelta, adagrad, type DecayingOptions, rmsProp } from './optim/adagrad.ts';
export { type AdamOptions, adaBelief, adaMax, adam, adamW, amsGrad, nadam } from './optim/adam.ts';
export { clipEachGradNorm, clipGradNorm, clipGradValue } from './optim/clip.ts';
export { type LionOptions, lion } from './optim/lion.ts';
export {
  defineOptimizer,
  Optimizer,
  type OptimizerSpec,
  type OptimizerState,
  optimizerPart,
  optimizers,
  type Rate,
  rateCheck,
  type UpdateRule,
} from './optim/optimizer.ts';
export { applyConstraints, type Constraint, type PenaltyOptions, weightPenalty, weightsOf } from './optim/penalty.ts';
export { nesterov, type SgdOptions, sgd } from './optim/sgd.ts';
export { generatorCheck } from './registry/generator.ts';
export {
  type Definition,
  Kind,
  type Part,
  type PartConfig,
  type PartSpec,
  partOf,
  toJson,
} from './registry/registry.ts';
export { crc32 } from './save/checksum.ts';
export { ELEMENT_TYPES as elementTypes, type ElementType } from './save/element-types.ts';
export { readFileBytes, readFileIfThere, writeFileAtomically } from './save/file.ts';
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile, type TensorValues } from './save/safetensors.ts';
export * from './schedule/schedule.ts';
export type { Callback, CallbackState, Run } from './train/callback.ts';
export { type CheckpointStore, modelTensors, type TrainPosition } from './train/checkpoint.ts';
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from './train/early-stopping.ts';
export { Evaluation } from './train/evaluation.ts';
export { fit } from './train/fit.ts';
export { type CheckpointOptions, type FitOptions, type TrainingOptions, trainingChecks } from './train/fit-options.ts';
export { DivergedError, type FitEvent, type History, type Progress, type Stopped } from './train/history.ts';
export { isTraining, trainingAlone } from './train/lock.ts';
export { type MovingAverageOptions, movingAverage } from './train/moving-average.ts';
export { SplitStep, type StepOptions, trainStep } from './train/train-step.ts';
export type { Metrics, Parts, Trainable } from './train/trainable.ts';
export type { ColumnFit, ColumnMap, ColumnMethod, ColumnNumbers } from './transform/column-method.ts';
export { FittedTransform } from './transform/fitted.ts';
export { type FittedConfig, type Transform, transforms } from './transform/kind.ts';
export { normalCdf, normalQuantile } from './transform/normal.ts';
export { QuantileSketch, type WeightedValues } from './transform/quantile-sketch.ts';
export {
  asinh,
  chain,
  defineTransform,
  fitDataset,
  fitRows,
  log,
  minMax,
  perColumn,
  quantile,
  robust,
  scanned,
  standardise,
} from './transform/transform.ts';
