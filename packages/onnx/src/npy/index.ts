export { decodeNpy, encodeNpy, type NpyInput } from './npy.ts';
export { decodeNpz, encodeNpz } from './npz.ts';
