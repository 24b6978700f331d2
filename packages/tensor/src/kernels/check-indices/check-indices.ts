import { type DType, elementBytes } from '../../dtype.ts';
import { elementAt, memory, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall } from '../kernel.ts';
import { type FunctionBuilder, I32, i32s, V128 } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';

/**
 * Looks for the first of `count` numbers that is no whole number from 0 to size − 1, and writes down where it is and what
 * it is; pointers are fault, indices. The fault is 16 bytes: a word with the address of the number, 0 while there is none,
 * and from byte 8 on the number in double precision. A fault that stands there already is left.
 */
export interface CheckIndicesCall extends KernelCall {
  readonly count: number;
  readonly size: number;
}

export const FAULT_BYTES = 16;

export function checkIndicesCall(
  dtype: DType,
  fault: number,
  indices: number,
  count: number,
  size: number,
): CheckIndicesCall {
  return { kernel: checkIndicesKernel, dtype, pointers: [fault, indices], count, size };
}

/** Where the bad number is and what it is; null while there is none. */
export function readFault(fault: number): { readonly address: number; readonly value: number } | null {
  const address = memory.i32[fault / 4]! >>> 0;
  return address === 0 ? null : { address, value: memory.f64[fault / 8 + 1]! };
}

export function clearFault(fault: number): void {
  memory.i32[fault / 4] = 0;
}

const NS_PER_ELEMENT = 0.5;
const CHECK = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(4), [], emitCheck));

export const checkIndicesKernel: Kernel<CheckIndicesCall> = {
  name: 'checkIndices',
  outputs: () => 1,
  extents: ({ dtype, count }) => [{ from: 0, to: FAULT_BYTES }, elements(dtype, count)],
  written: () => 0,
  accumulates: true,
  // The first fault is the first for one thread only.
  split: (call, share) => share.whole(call),
  nanoseconds: ({ count }) => (1 + count) * NS_PER_ELEMENT,
  label: ({ count }) => `checkIndices [${count}]`,

  reference({ dtype, pointers, count, size }) {
    const [fault, indices] = pointers as [number, number];
    if (readFault(fault) !== null) return;
    const heap = view(dtype);
    const first = elementAt(dtype, indices);
    for (let i = 0; i < count; i++) {
      const value = heap[first + i]!;
      if (value >= 0 && value < size && Number.isInteger(value)) continue;
      memory.i32[fault / 4] = (indices + i * elementBytes(dtype)) | 0;
      memory.f64[fault / 8 + 1] = value;
      return;
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, count, size }, linker) {
      CHECK.of(linker)(pointers[0]!, pointers[1]!, count, size);
    },
  },
};

function emitCheck(f: FunctionBuilder): void {
  const [fault, indices, left, size] = [0, 1, 2, 3];
  const [value, limit, bad] = [f.local(V128), f.local(V128), f.local(I32)];
  f.get(fault).memory('i32_load');
  f.if_(() => f.op('return_'));
  f.get(size).simd('i32x4_splat').simd('f32x4_convert_i32x4_s').set(limit);
  f.block(() => {
    f.loop(() => {
      f.get(left).i32(0).op('i32_le_s').brIf(1);
      // Lanes that are below the limit, not below 0 and whole; the others are bad.
      f.get(indices).memory('v128_load').set(value);
      f.get(value).get(limit).simd('f32x4_lt');
      f.i32x4(0).get(value).simd('f32x4_le').simd('v128_and');
      f.get(value).get(value).simd('f32x4_floor').simd('f32x4_eq').simd('v128_and');
      f.simd('i32x4_bitmask').i32(15).op('i32_xor').set(bad);
      // Of the last vector only what belongs to it.
      f.get(left).i32(4).op('i32_lt_s');
      f.if_(() => f.get(bad).i32(1).get(left).op('i32_shl').i32(1).op('i32_sub').op('i32_and').set(bad));
      f.get(bad);
      f.if_(() => {
        f.get(indices).get(bad).op('i32_ctz').i32(2).op('i32_shl').op('i32_add').set(indices);
        f.get(fault).get(indices).memory('i32_store');
        f.get(fault).get(indices).memory('f32_load').op('f64_promote_f32').memory('f64_store', 8);
        f.op('return_');
      });
      f.advance(indices, 16).advance(left, -4).br(0);
    });
  });
}
