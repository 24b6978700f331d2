import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved, movingTime } from '../kernel.ts';
import { type FunctionBuilder, I32, i32s } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';
import { pushRow, rowAt } from './row-index.ts';

/**
 * `out[i, :] = table[indices[i], :]`, the table being [size, width] and the indices numbers of the dtype; pointers are out,
 * table, indices. An index outside the table is drawn to its edge, so that nothing outside is read: `checkIndices` tells.
 */
export interface GatherRowsCall extends KernelCall {
  readonly count: number;
  readonly width: number;
  readonly size: number;
}

export function gatherRowsCall(
  dtype: DType,
  pointers: readonly [out: number, table: number, indices: number],
  count: number,
  width: number,
  size: number,
): GatherRowsCall {
  return { kernel: gatherRowsKernel, dtype, pointers, count, width, size };
}

const GATHER = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(6), [], emitGather));

export const gatherRowsKernel: Kernel<GatherRowsCall> = {
  name: 'gatherRows',
  outputs: () => 1,
  extents: ({ dtype, count, width, size }) => [
    elements(dtype, count * width),
    elements(dtype, size * width),
    elements(dtype, count),
  ],
  written: ({ dtype, count, width }) => elements(dtype, count * width).to,

  split(call, share) {
    const { begin, count } = share.of(call.count);
    return count === 0 ? null : { ...call, count, pointers: moved(call, [begin * call.width, 0, begin]) };
  },

  nanoseconds: ({ dtype, count, width }) => movingTime([elements(dtype, count * (2 * width + 1))]),
  label: ({ count, width }) => `gatherRows [${count}, ${width}]`,

  reference({ dtype, pointers, count, width, size }) {
    if (size === 0) return;
    const heap = view(dtype);
    const [o, table, x] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    for (let i = 0; i < count; i++) {
      const row = table + rowAt(heap[x + i]!, size) * width;
      heap.copyWithin(o + i * width, row, row + width);
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, count, width, size }, linker) {
      if (size === 0) return;
      GATHER.of(linker)(pointers[0]!, pointers[1]!, pointers[2]!, count, width, size);
    },
  },
};

function emitGather(f: FunctionBuilder): void {
  const [out, table, indices, count, width, size] = [0, 1, 2, 3, 4, 5];
  const [to, from, left, rowBytes] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
  f.get(width).i32(2).op('i32_shl').set(rowBytes);
  whilePositive(f, count, () => {
    pushRow(f, table, indices, size, rowBytes);
    f.set(from).get(out).set(to).get(width).set(left);
    streamRun(f, to, left, (offset) => f.get(from).memory('v128_load', offset), [to, from]);
    f.get(out).get(rowBytes).op('i32_add').set(out);
    f.advance(indices, 4).advance(count, -1);
  });
}
