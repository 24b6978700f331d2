import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved, movingTime } from '../kernel.ts';
import { type FunctionBuilder, I32, i32s, V128 } from '../wasm/assembler.ts';
import { storeLanes } from '../wasm/lanes.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { whilePositive } from '../wasm/loops.ts';

/**
 * A linear recurrence in each unit by itself: `out[r, t] = a[r, t]·out[r, t − 1] + b[r, t]`, from 0; `transposed`, the other way
 * round, `out[r, t] = a[r, t + 1]·out[r, t + 1] + b[r, t]`. All are [rows, steps, width]; pointers are out, a, b. `line` is
 * elements from step to step: more than `width` where the call does some of the units.
 */
export interface LinearRecurrenceCall extends KernelCall {
  readonly rows: number;
  readonly steps: number;
  readonly width: number;
  readonly line: number;
  readonly transposed: boolean;
}

export function linearRecurrenceCall(
  dtype: DType,
  pointers: readonly [out: number, a: number, b: number],
  rows: number,
  steps: number,
  width: number,
  transposed: boolean,
): LinearRecurrenceCall {
  return { kernel: linearRecurrenceKernel, dtype, pointers, rows, steps, width, line: width, transposed };
}

const LINEAR_RECURRENCE = /* @__PURE__ */ new LinkedFunction((module) =>
  module.define(i32s(8), [], emitLinearRecurrence),
);

/** Units of a cache line. */
const GRANULE = 16;

export const linearRecurrenceKernel: Kernel<LinearRecurrenceCall> = {
  name: 'linearRecurrence',
  outputs: () => 1,
  extents({ dtype, rows, steps, width, line }) {
    const all = rows === 0 || steps === 0 || width === 0 ? 0 : (rows * steps - 1) * line + width;
    return new Array(3).fill(elements(dtype, all));
  },
  written: ({ dtype, rows, steps, width }) => elements(dtype, rows * steps * width).to,

  split(call, share) {
    const { rows, steps, width, line } = call;
    if (rows >= share.threads) {
      const { begin, count } = share.of(rows);
      const step = begin * steps * line;
      return count === 0 ? null : { ...call, rows: count, pointers: moved(call, [step, step, step]) };
    }
    const { begin, count } = share.of(width, GRANULE);
    return count === 0 ? null : { ...call, width: count, pointers: moved(call, [begin, begin, begin]) };
  },

  nanoseconds: ({ dtype, rows, steps, width }) => movingTime([elements(dtype, 3 * rows * steps * width)]),
  label: ({ rows, steps, width, transposed }) =>
    `linearRecurrence${transposed ? 'ᵀ' : ''} [${rows}, ${steps}, ${width}]`,

  reference({ dtype, pointers, rows, steps, width, line, transposed }) {
    const heap = view(dtype);
    const [out, a, b] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    for (let r = 0; r < rows; r++) {
      for (let u = 0; u < width; u++) {
        let state = 0;
        for (let s = 0; s < steps; s++) {
          const t = transposed ? steps - 1 - s : s;
          const at = (r * steps + t) * line + u;
          // The first step has nothing before it, not even 0 times something.
          state = s === 0 ? heap[b + at]! : heap[a + at + (transposed ? line : 0)]! * state + heap[b + at]!;
          heap[out + at] = state;
        }
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, rows, steps, width, line, transposed }, linker) {
      if (steps === 0 || width === 0) return;
      // Transposed, steps are taken from the last one back, each with the factor of the one after it.
      const [move, start, ofFactor] = transposed ? [-4 * line, 4 * line * (steps - 1), 4 * line] : [4 * line, 0, 0];
      const [out, a, b] = pointers as readonly [number, number, number];
      LINEAR_RECURRENCE.of(linker)(
        out + start,
        a + start + ofFactor,
        b + start,
        rows,
        steps,
        width,
        move,
        4 * line * steps,
      );
    },
  },
};

/** Units held in registers at a time: four vectors. */
const VECTORS = 4;

/** linearRecurrence(out, a, b, rows, steps, width, bytes from step to step, bytes from row to row): units side by side, step by step. */
function emitLinearRecurrence(f: FunctionBuilder): void {
  const [out, a, b, rows, steps, width, move, rowBytes] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [to, factor, term, left, unit, units] = Array.from({ length: 6 }, () => f.local(I32)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const states = Array.from({ length: VECTORS }, () => f.local(V128));
  /** All steps of `vectors` vectors from `unit` on; of a last one, `units` lanes. */
  const column = (vectors: number, tail: boolean): void => {
    for (const [pointer, base] of [
      [to, out],
      [factor, a],
      [term, b],
    ] as const) {
      f.get(base).get(unit).i32(2).op('i32_shl').op('i32_add').set(pointer);
    }
    const store = (v: number): void => {
      if (tail) storeLanes(f, to, states[v]!, units);
      else
        f.get(to)
          .get(states[v]!)
          .memory('v128_store', 16 * v);
    };
    const advance = (): void => {
      for (const pointer of [to, factor, term]) f.get(pointer).get(move).op('i32_add').set(pointer);
      f.advance(left, -1);
    };
    f.get(steps).set(left);
    for (let v = 0; v < vectors; v++) {
      f.get(term)
        .memory('v128_load', 16 * v)
        .set(states[v]!);
      store(v);
    }
    advance();
    whilePositive(f, left, () => {
      for (let v = 0; v < vectors; v++) {
        f.get(factor)
          .memory('v128_load', 16 * v)
          .get(states[v]!)
          .simd('f32x4_mul');
        f.get(term)
          .memory('v128_load', 16 * v)
          .simd('f32x4_add')
          .set(states[v]!);
        store(v);
      }
      advance();
    });
  };
  whilePositive(f, rows, () => {
    f.i32(0).set(unit);
    f.get(width).set(units);
    for (const vectors of [VECTORS, 1]) {
      f.block(() => {
        f.loop(() => {
          f.get(units)
            .i32(4 * vectors)
            .op('i32_lt_s')
            .brIf(1);
          column(vectors, false);
          f.advance(unit, 4 * vectors)
            .advance(units, -4 * vectors)
            .br(0);
        });
      });
    }
    f.get(units).i32(0).op('i32_gt_s');
    f.if_(() => column(1, true));
    for (const pointer of [out, a, b]) f.get(pointer).get(rowBytes).op('i32_add').set(pointer);
    f.advance(rows, -1);
  });
}
