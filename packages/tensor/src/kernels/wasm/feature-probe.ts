import { F32, type FunctionBuilder, ModuleBuilder } from './assembler.ts';

let fused: boolean | null = null;

/**
 * Whether this engine has relaxed SIMD, and this processor a fused multiply-add: where it has none, engines multiply and
 * add, and functions that count on a product without rounding would be wrong.
 */
export function fusedSupported(memory: WebAssembly.Memory): boolean {
  fused ??= probeFused(memory);
  return fused;
}

function probeFused(memory: WebAssembly.Memory): boolean {
  const x = 1 + 2 ** -12;
  const module = new ModuleBuilder();
  // x² − (1 + 2⁻¹¹) is 2⁻²⁴, which single precision loses where x² is rounded.
  const define = (f: FunctionBuilder): void => {
    for (const value of [x, x, -(1 + 2 ** -11)]) f.f32(value).simd('f32x4_splat');
    f.simd('f32x4_relaxed_madd').f32(0).simd('f32x4_splat').i32(-1).simd('i32x4_splat');
    f.simd('i32x4_relaxed_laneselect').lane('f32x4_extract_lane', 0);
  };
  module.define([], [F32], define, 'run');
  if (!WebAssembly.validate(module.bytes())) return false;
  return (module.instantiate(memory).run as () => number)() === 2 ** -24;
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
