export { type BatchOptions, batchIndices, Dataset, type RowData, trainTestSplit } from './data/dataset.ts';
export * from './init.ts';
export { Activation, type ActivationName, activation, activationNames } from './layers/activation.ts';
export { AlphaDropout } from './layers/alpha-dropout.ts';
export { Dropout } from './layers/dropout.ts';
export { GaussianNoise } from './layers/gaussian-noise.ts';
export { LayerNorm } from './layers/layer-norm.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { Sequential } from './layers/sequential.ts';
export * from './losses/losses.ts';
export { inLayer, type Layer, Module } from './module.ts';
export * from './normalise/normaliser.ts';
export type { NormaliserRows, SameRows } from './normalise/normaliser-rows.ts';
export { type AdagradOptions, adadelta, adagrad, type DecayingOptions, rmsProp } from './optim/adagrad.ts';
export { type AdamOptions, adaBelief, adaMax, adam, adamW, amsGrad, nadam } from './optim/adam.ts';
export { clipEachGradNorm, clipGradNorm, clipGradValue } from './optim/clip.ts';
export {
  defineOptimizer,
  Optimizer,
  type OptimizerSpec,
  type OptimizerState,
  type Rate,
  type UpdateRule,
} from './optim/optimizer.ts';
export { applyConstraints, type Constraint, type PenaltyOptions, weightPenalty, weightsOf } from './optim/penalty.ts';
export { nesterov, type SgdOptions, sgd } from './optim/sgd.ts';
export { crc32 } from './save/checksum.ts';
export { readFileBytes, readFileIfThere, writeFileAtomically } from './save/file.ts';
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './save/safetensors.ts';
export * from './schedule/schedule.ts';
export { type CheckpointStore, encodeCheckpoint, modelTensors, restoreCheckpoint } from './train/checkpoint.ts';
export { EarlyStopping, type EarlyStoppingOptions } from './train/early-stopping.ts';
export {
  type EpochSummary,
  type Metrics,
  type ProgressEvent,
  type TrainOptions,
  type TrainPosition,
  train,
} from './train/train.ts';
