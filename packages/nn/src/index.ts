export { type BatchOptions, batchIndices, Dataset, type RowData, trainTestSplit } from './data/dataset.ts';
export * from './init.ts';
export { Activation, type ActivationName, activation, activationNames } from './layers/activation.ts';
export { Dropout } from './layers/dropout.ts';
export { LayerNorm } from './layers/layer-norm.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { Sequential } from './layers/sequential.ts';
export * from './losses/losses.ts';
export { inLayer, type Layer, Module } from './module.ts';
export {
  log,
  minMax,
  Normaliser,
  type NormaliserConfig,
  type NormaliserName,
  type NormaliserOptions,
  robust,
  standardise,
} from './normalise/normaliser.ts';
export type { NormaliserRows, SameRows } from './normalise/normaliser-rows.ts';
export { type AdamOptions, adam, adamW } from './optim/adam.ts';
export { clipGradNorm, clipGradValue } from './optim/clip.ts';
export { Optimizer, type OptimizerSpec, type OptimizerState, type UpdateRule } from './optim/optimizer.ts';
export { type SgdOptions, sgd } from './optim/sgd.ts';
export { readFileBytes, writeFileAtomically } from './save/file.ts';
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './save/safetensors.ts';
export { type EpochSummary, type Metrics, type ProgressEvent, type TrainOptions, train } from './train/train.ts';
