import { ModuleBuilder, V128 } from './assembler.ts';

let relaxed: boolean | null = null;

/** Whether this engine has relaxed SIMD, and with it a fused multiply-add. */
export function relaxedSimdSupported(): boolean {
  if (relaxed === null) {
    const module = new ModuleBuilder();
    module.define([V128, V128, V128], [V128], (f) => {
      f.get(0).get(1).get(2).simd('f32x4_relaxed_madd');
    });
    relaxed = typeof WebAssembly !== 'undefined' && WebAssembly.validate(module.bytes());
  }
  return relaxed;
}

/** Whether modules with SIMD may be compiled and run over this memory. */
export function simdSupported(memory: WebAssembly.Memory): boolean {
  try {
    const module = new ModuleBuilder();
    module.define([], [], (f) => f.i32x4(0).op('drop'));
    module.instantiate(memory);
    return true;
  } catch {
    return false;
  }
}
