export type { NamedTensors } from '../files/tensors.ts';
export { loadTorch, torchStateDict } from './layouts.ts';
export { decodeTorch } from './torch.ts';
