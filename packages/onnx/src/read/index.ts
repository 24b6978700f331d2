export type { NamedTensors } from '../files/tensors.ts';
export type { FoundNetwork } from '../network/found.ts';
export type {
  OnnxAttribute,
  OnnxDimension,
  OnnxEntry,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from '../proto/schema.ts';
export { networkFromOnnx } from './network.ts';
export { decodeOnnx, onnxTensors } from './tensors.ts';
