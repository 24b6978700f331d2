export type { NamedTensors } from '../files/tensors.ts';
export type { FoundNetwork } from '../network/found.ts';
export { networkFromTfjs } from './network.ts';
export { type TfjsJson, type TfjsShards, tfjsTensors } from './weights.ts';
