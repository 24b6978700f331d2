export {
  ArrayDataset,
  type Batch,
  type BatchSpec,
  type Dataset,
  dataset,
  type Pass,
  type PassOptions,
  trainTestSplit,
} from './data/dataset.ts';
export {
  type FlatRows,
  isList,
  type ParseOptions,
  parseRows,
  type Row,
  type RowPart,
  type Rows,
  type TypedArray,
} from './data/rows.ts';
export { type Chunk, type Source, StreamDataset, type StreamOptions, stream } from './data/stream.ts';
export * from './init.ts';
export {
  Activation,
  type ActivationName,
  activation,
  activationCheck,
  activationNames,
} from './layers/activation.ts';
export { AlphaDropout, alphaDropout } from './layers/alpha-dropout.ts';
export { type DenseOptions, dense } from './layers/dense.ts';
export { Dropout, dropout, rateCheck as dropoutCheck } from './layers/dropout.ts';
export { GaussianNoise, noise } from './layers/gaussian-noise.ts';
export { LayerNorm, type LayerNormOptions, layerNorm } from './layers/layer-norm.ts';
export { type BuildContext, type LayerSpec, sameShapeLayer } from './layers/layer-spec.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { Sequential } from './layers/sequential.ts';
export { flatten, Reshape, reshape } from './layers/shape.ts';
export { Softmax, softmax } from './layers/softmax.ts';
export { knownLayers as layers } from './layers/standard.ts';
export * from './losses/losses.ts';
export { inLayer, type Layer, Module, scoring } from './module/module.ts';
export { buffer, layerParameter, parameterOf, type Role, roleOf, withoutFirstWeights } from './module/role.ts';
export { aligned } from './module/summary.ts';
export {
  type BuiltNetwork,
  buildNetwork,
  mirrored,
  type NetworkContext,
  type NetworkSpec,
  network,
  networkCheck,
  probedShape,
  sameNetwork,
  shapesOf,
} from './network/network.ts';
export { type AdagradOptions, adadelta, adagrad, type DecayingOptions, rmsProp } from './optim/adagrad.ts';
export { type AdamOptions, adaBelief, adaMax, adam, adamW, amsGrad, nadam } from './optim/adam.ts';
export { clipEachGradNorm, clipGradNorm, clipGradValue } from './optim/clip.ts';
export {
  defineOptimizer,
  Optimizer,
  type OptimizerSpec,
  type OptimizerState,
  optimizerPart,
  type Rate,
  rateCheck,
  type UpdateRule,
} from './optim/optimizer.ts';
export { applyConstraints, type Constraint, type PenaltyOptions, weightPenalty, weightsOf } from './optim/penalty.ts';
export { nesterov, type SgdOptions, sgd } from './optim/sgd.ts';
export { knownOptimizers as optimizers } from './optim/standard.ts';
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
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './save/safetensors.ts';
export * from './schedule/schedule.ts';
export type { Callback, CallbackState, Run } from './train/callback.ts';
export { type CheckpointStore, modelTensors, type TrainPosition } from './train/checkpoint.ts';
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from './train/early-stopping.ts';
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
export {
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
export { normalCdf, normalQuantile } from './transform/normal.ts';
export { QuantileSketch, type WeightedValues } from './transform/quantile-sketch.ts';
