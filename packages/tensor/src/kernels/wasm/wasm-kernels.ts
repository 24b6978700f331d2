import type { Kernels } from '../kernels.ts';

export function createWasmKernels(_memory: WebAssembly.Memory, reference: Kernels): Kernels {
  return reference;
}
