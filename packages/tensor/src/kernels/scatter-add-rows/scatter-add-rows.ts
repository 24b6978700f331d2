import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { pushRow, rowAt } from '../gather-rows/row-index.ts';
import { elements, type Kernel, type KernelCall, LINE, moved, movingTime } from '../kernel.ts';
import { type FunctionBuilder, I32, i32s } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';

/**
 * `out[indices[i], :] += rows[i, :]` in order of i, out being [size, width] and the indices numbers of the dtype; pointers
 * are out, rows, indices. An index outside is drawn to the edge, as in `gatherRows`. `line` is elements from row to row:
 * more than `width` where the call does only some of the columns.
 */
export interface ScatterAddRowsCall extends KernelCall {
  readonly count: number;
  readonly width: number;
  readonly size: number;
  readonly line: number;
}

export function scatterAddRowsCall(
  dtype: DType,
  pointers: readonly [out: number, rows: number, indices: number],
  count: number,
  width: number,
  size: number,
): ScatterAddRowsCall {
  return { kernel: scatterAddRowsKernel, dtype, pointers, count, width, size, line: width };
}

const SCATTER = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(7), [], emitScatter));

export const scatterAddRowsKernel: Kernel<ScatterAddRowsCall> = {
  name: 'scatterAddRows',
  outputs: () => 1,
  extents({ dtype, count, width, size, line }) {
    const rows = (n: number): number => (n === 0 || width === 0 ? 0 : (n - 1) * line + width);
    return [elements(dtype, rows(size)), elements(dtype, rows(count)), elements(dtype, count)];
  },
  written: () => 0,
  accumulates: true,

  // Two rows may go to the same place, so every thread takes all of them, and some of the columns.
  split(call, share) {
    if (call.width < LINE * share.threads) return share.whole(call);
    const { begin, count } = share.of(call.width, LINE);
    return count === 0 ? null : { ...call, width: count, pointers: moved(call, [begin, begin, 0]) };
  },

  nanoseconds: ({ dtype, count, width }) => movingTime([elements(dtype, count * (3 * width + 1))]),
  label: ({ count, width }) => `scatterAddRows [${count}, ${width}]`,

  reference({ dtype, pointers, count, width, size, line }) {
    if (size === 0) return;
    const heap = view(dtype);
    const [o, rows, x] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    for (let i = 0; i < count; i++) {
      const row = o + rowAt(heap[x + i]!, size) * line;
      for (let j = 0; j < width; j++) heap[row + j]! += heap[rows + i * line + j]!;
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, count, width, size, line }, linker) {
      if (size === 0) return;
      SCATTER.of(linker)(pointers[0]!, pointers[1]!, pointers[2]!, count, width, size, line);
    },
  },
};

function emitScatter(f: FunctionBuilder): void {
  const [out, rows, indices, count, width, size, line] = [0, 1, 2, 3, 4, 5, 6];
  const [to, from, left, rowBytes] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)];
  f.get(line).i32(2).op('i32_shl').set(rowBytes);
  whilePositive(f, count, () => {
    pushRow(f, out, indices, size, rowBytes);
    f.set(to).get(rows).set(from).get(width).set(left);
    const load = (offset: number): void => {
      f.get(from).memory('v128_load', offset).get(to).memory('v128_load', offset).simd('f32x4_add');
    };
    streamRun(f, to, left, load, [to, from]);
    f.get(rows).get(rowBytes).op('i32_add').set(rows);
    f.advance(indices, 4).advance(count, -1);
  });
}
