import { ValueError } from '../errors.ts';
import { memory } from '../memory/linear-memory.ts';
import type { Kernels } from './kernels.ts';
import { referenceKernels } from './reference.ts';
import { simdSupported } from './wasm/feature-probe.ts';
import { instantLinker } from './wasm/linker.ts';
import { createWasmKernels, type WasmOptions } from './wasm/wasm-kernels.ts';

export type KernelSet = 'auto' | 'reference' | 'wasm';

let selected: Kernels | null = null;
/** Stands in for the selected kernels while a step is recorded or profiled. */
let interposed: Kernels | null = null;
let chosen: WasmOptions = {};

/** The kernels of this machine, probed once: WebAssembly SIMD where it may run, else the reference. */
export function kernels(): Kernels {
  return interposed ?? selectedKernels();
}

/** The same, without what stands in for them. */
export function selectedKernels(): Kernels {
  selected ??= probe({});
  return selected;
}

function probe(options: WasmOptions): Kernels {
  // Without SIMD, or under a policy that forbids compiling, the reference does everything, slower.
  if (memory.wasm === null || !simdSupported(memory.wasm)) return referenceKernels;
  return createWasmKernels(instantLinker(memory.wasm), referenceKernels, options);
}

/** Puts `kernels` in the place of the selected ones, null for none; returns what stood there before. */
export function interposeKernels(kernels: Kernels | null): Kernels | null {
  const before = interposed;
  interposed = kernels;
  return before;
}

/** The options that the WebAssembly kernels were selected with. */
export function kernelOptions(): WasmOptions {
  return chosen;
}

/**
 * Chooses the kernel set for all that follows; `auto` probes the machine again. With `deterministic`, no fused
 * multiply-add is used, and results have the same bits on every machine with SIMD.
 */
export function useKernels(set: KernelSet, options: WasmOptions = {}): void {
  if (set === 'wasm' && memory.wasm === null) throw new ValueError('useKernels: WebAssembly is not available here');
  chosen = options;
  selected = set === 'reference' ? referenceKernels : probe(options);
}
