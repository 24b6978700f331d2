import { referenceKernels } from '../kernels/reference.ts';
import { kernelOptions, kernels } from '../kernels/select.ts';
import { ModuleBuilder } from '../kernels/wasm/assembler.ts';
import { type ModuleCall, recordingLinker } from '../kernels/wasm/linker.ts';
import { createWasmKernels, wasmMapFits } from '../kernels/wasm/wasm-kernels.ts';
import { memory } from '../memory/linear-memory.ts';
import { type KernelCall, run } from './call.ts';

/**
 * The calls as one WebAssembly module: the kernels they need, and a function that makes the calls, addresses and sizes
 * being constants in it. Null where not all of them can be WebAssembly.
 */
export function lower(calls: readonly KernelCall[], scratch: number): (() => void) | null {
  if (memory.wasm === null || kernels().name !== 'wasm' || !calls.every(lowerable)) return null;
  const module = new ModuleBuilder();
  const made: ModuleCall[] = [];
  const set = createWasmKernels(recordingLinker(module, made), referenceKernels, kernelOptions());
  for (const call of calls) run(call, set, scratch);
  const driver = module.define([], [], (f) => {
    for (const { target, values } of made) {
      for (const value of values) f.i32(value);
      f.call(target);
    }
  });
  module.export('run', driver);
  return module.instantiate(memory.wasm).run as () => void;
}

function lowerable(call: KernelCall): boolean {
  return call.kernel === 'map' || call.kernel === 'reduce'
    ? wasmMapFits(call.dtype, call.layouts.length)
    : call.dtype === 'f32';
}
