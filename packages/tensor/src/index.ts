export * from './create.ts';
export { debug } from './debug.ts';
export type { DType } from './dtype.ts';
export { apply, fillRows, mapInto, overwrite } from './eager.ts';
export * from './errors.ts';
export { derivedRules } from './expr/differentiate.ts';
export { constant, type Expr, input, select } from './expr/expr.ts';
export { logGamma } from './expr/log-gamma.ts';
export { applyJoint, isRecorded, type JointCall, type JointOp, type JointSaved } from './joint-op.ts';
export type { MapProgram } from './kernels/kernel.ts';
export { mapProgram } from './kernels/map/map-program.ts';
export type { RandomKind } from './kernels/random/threefry.ts';
export { type KernelOptions, type KernelSet, useKernels } from './kernels/select.ts';
export { type LoopOptions, type LoopResult, runLoop, type TurnResult } from './loop.ts';
export { LoopDraws } from './memory/draw-scope.ts';
export { everyStep, recordedValue } from './memory/watcher.ts';
export type { GraphNode, Op, PerInput, Saved } from './op.ts';
export { checkTensor, type Operand } from './ops/argument.ts';
export {
  type ConvolutionOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  type TransposedConvolutionOptions,
} from './ops/convolution.ts';
export { drawRows } from './ops/draw-rows.ts';
export * from './ops/elementwise.ts';
export { type ElementwiseOp, elementwise, type GradientRule } from './ops/elementwise-op.ts';
export * from './ops/indexing.ts';
export { checkWhole } from './ops/indices.ts';
export * from './ops/layout.ts';
export * from './ops/linalg.ts';
export { linearRecurrence } from './ops/linear-recurrence.ts';
export {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  globalAvgPool,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from './ops/pooling.ts';
export {
  type RecurrentCell,
  type RecurrentOptions,
  type RecurrentWeights,
  recurrent,
} from './ops/recurrent.ts';
export * from './ops/reduce.ts';
export { type InterpolateOptions, interpolate, type PadMode, padModes } from './ops/resample.ts';
export { type OpName, opTable } from './ops/table.ts';
export {
  type Padding,
  type PerAxis,
  paddingCheck,
  perAxis,
  transposedWindowsOf,
  type Window,
  type WindowOptions,
  windowsOf,
} from './ops/window.ts';
export * from './options.ts';
export { type CompiledFunction, type CompileOptions, compile } from './program/compile.ts';
export { type Profile, type ProfileRow, profile } from './program/profile.ts';
export { inSlices, madeLater, type Pause, settled } from './program/slices.ts';
export { Rng, type RngState } from './random.ts';
export { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from './shape.ts';
export { step } from './step.ts';
export { type NestedArray, Tensor } from './tensor.ts';
export { threadCount, useThreads } from './threads/threads.ts';
export { useWideSimd } from './wide-simd.ts';
