import { type FunctionBuilder, I32, type Local } from '../wasm/assembler.ts';

/** The row that an index means, drawn to the edge of [0, size): 0 for NaN. */
export function rowAt(index: number, size: number): number {
  return Math.max(0, Math.min(size - 1, Math.trunc(index) || 0));
}

/** Pushes `base` plus the bytes to the row that the f32 at `indices` means; the same as `rowAt`. `size` is at least 1. */
export function pushRow(f: FunctionBuilder, base: Local, indices: Local, size: Local, rowBytes: Local): void {
  const row = f.local(I32);
  f.get(indices).memory('v128_load32_zero').simd('i32x4_trunc_sat_f32x4_u').lane('i32x4_extract_lane', 0).set(row);
  f.get(base);
  f.get(row).get(size).i32(1).op('i32_sub');
  f.get(row).get(size).op('i32_lt_u').op('select');
  f.get(rowBytes).op('i32_mul').op('i32_add');
}
