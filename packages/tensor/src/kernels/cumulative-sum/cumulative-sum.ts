import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved, movingTime } from '../kernel.ts';
import { F64, type FunctionBuilder, i32s } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';

/** Running sum along the columns of [rows, cols], from the last column to the first when `reverse`. */
export interface CumulativeSumCall extends KernelCall {
  readonly rows: number;
  readonly cols: number;
  readonly reverse: boolean;
}

export function cumulativeSumCall(
  dtype: DType,
  out: number,
  input: number,
  rows: number,
  cols: number,
  reverse: boolean,
): CumulativeSumCall {
  return { kernel: cumulativeSumKernel, dtype, pointers: [out, input], rows, cols, reverse };
}

const CUMULATIVESUM = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(5), [], emitCumulativeSum));

export const cumulativeSumKernel: Kernel<CumulativeSumCall> = {
  name: 'cumulativeSum',
  outputs: () => 1,
  extents({ dtype, rows, cols }) {
    const all = elements(dtype, rows * cols);
    return [all, all];
  },
  written: ({ dtype, rows, cols }) => elements(dtype, rows * cols).to,

  split(call, share) {
    const { begin, count } = share.of(call.rows);
    const step = begin * call.cols;
    return count === 0 ? null : { ...call, rows: count, pointers: moved(call, [step, step]) };
  },

  nanoseconds: (call) => movingTime(cumulativeSumKernel.extents(call)),
  label: ({ rows, cols }) => `cumulativeSum [${rows}, ${cols}]`,

  reference({ dtype, pointers, rows, cols, reverse }) {
    const heap = view(dtype);
    const [o, x] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number];
    for (let r = 0; r < rows; r++) {
      let total = 0;
      for (let c = 0; c < cols; c++) {
        const i = r * cols + (reverse ? cols - 1 - c : c);
        total += heap[x + i]!;
        heap[o + i] = total;
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, rows, cols, reverse }, linker) {
      CUMULATIVESUM.of(linker)(pointers[0]!, pointers[1]!, rows, cols, reverse ? 1 : 0);
    },
  },
};

/** cumulativeSum(out, input, rows, cols, reverse): one chain of additions a row, in double precision. */
function emitCumulativeSum(f: FunctionBuilder): void {
  const [out, input, rows, cols, reverse] = [0, 1, 2, 3, 4];
  const [left, at, step, rowBytes] = f.locals(4);
  const total = f.local(F64);
  f.get(cols).i32(2).op('i32_shl').set(rowBytes);
  f.i32(-4).i32(4).get(reverse).op('select').set(step);
  whilePositive(f, rows, () => {
    f.get(cols).set(left).f64(0).set(total);
    // From the last column when reversed.
    f.get(rowBytes).i32(4).op('i32_sub').i32(0).get(reverse).op('select').set(at);
    whilePositive(f, left, () => {
      f.get(out).get(at).op('i32_add');
      f.get(input).get(at).op('i32_add').memory('f32_load').op('f64_promote_f32').get(total).op('f64_add').tee(total);
      f.op('f32_demote_f64').memory('f32_store');
      f.get(at).get(step).op('i32_add').set(at);
      f.advance(left, -1);
    });
    for (const pointer of [out, input]) f.get(pointer).get(rowBytes).op('i32_add').set(pointer);
    f.advance(rows, -1);
  });
}
