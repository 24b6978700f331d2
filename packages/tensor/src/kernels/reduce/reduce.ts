import type { DType } from '../../dtype.ts';
import { evaluator } from '../../expr/evaluate.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, type Layout, LINE, type MapProgram, moved } from '../kernel.ts';
import { FULL, layoutExtent, layoutsKey, rowStep, variesAlongColumns } from '../map/layout.ts';
import { KEYS_PER_LAYOUT, MAX_INPUTS } from '../map/map.ts';
import { elementTime, linkedFunction, linkFunction } from '../map/map-program.ts';
import { defineReduce } from './wasm.ts';

export type ReduceKind = 'sum' | 'max' | 'min' | 'argMax';

/**
 * Reduces expression 0 of `program` over the middle of [outer, axis, inner], inputs evaluated as in a map: over rows of the
 * matrix [outer·axis, inner], or, where the reduced axis is the `last`, over the columns of [outer, axis]. The result is
 * [outer, inner]. The order of a sum is that of its way, so it never depends on how many columns there are: one alone
 * (`inner` 1 and not `last`) gives what it gives among others. `argMax` gives the index, as a number of the dtype, of the first maximum; a NaN counts as the
 * maximum. A sum over nothing is 0, max −∞, min +∞.
 *
 * Over the last axis further expressions are written on the way, as by a map: output j is expression j, `FULL`, and may be
 * a `FULL` input's buffer. So a log-probability's sum and its gradients are one pass.
 *
 * `line` is the whole of `inner`: more than it where the call is a part of a wider one, elements from row to row of a
 * `FULL` input and of the result.
 */
export interface ReduceCall extends KernelCall {
  readonly kind: ReduceKind;
  readonly program: MapProgram;
  readonly outer: number;
  readonly axis: number;
  readonly inner: number;
  readonly line: number;
  /** Over columns: `inner` is 1. */
  readonly last: boolean;
  readonly layouts: readonly Layout[];
}

export function reduceCall(
  kind: ReduceKind,
  program: MapProgram,
  dtype: DType,
  outer: number,
  axis: number,
  inner: number,
  pointers: readonly number[],
  layouts: readonly Layout[],
  last = inner === 1,
): ReduceCall {
  return { kernel: reduceKernel, dtype, pointers, kind, program, outer, axis, inner, line: inner, last, layouts };
}

/** The matrix that the layouts are about. */
function rowsOf({ outer, axis, last }: ReduceCall): number {
  return last ? outer : outer * axis;
}
function colsOf({ axis, inner, last }: ReduceCall): number {
  return last ? axis : inner;
}
/** The layouts of all operands but the result: what is written, then the inputs. */
function besides({ program, layouts }: ReduceCall): Layout[] {
  return [...program.expressions.slice(1).map(() => FULL as Layout), ...layouts];
}

const KIND_NUMBER: Record<ReduceKind, number> = { sum: 1, max: 3, min: 5, argMax: 7 };

export const reduceKernel: Kernel<ReduceCall> = {
  name: 'reduce',
  outputs: ({ program }) => program.expressions.length,

  extents(call) {
    const { dtype, outer, axis, inner, line, last } = call;
    const [rows, cols] = [rowsOf(call), colsOf(call)];
    const stride = last ? axis : line;
    const out = outer === 0 || inner === 0 ? 0 : (outer - 1) * line + inner;
    return [
      elements(dtype, out),
      ...besides(call).map((layout) => elements(dtype, layoutExtent(layout, rows, cols, stride))),
    ];
  },

  written: ({ dtype, outer, axis, inner }, output) => elements(dtype, outer * inner * (output === 0 ? 1 : axis)).to,

  split(call, share) {
    const { outer, axis, inner, line, last } = call;
    const layouts = besides(call);
    if (outer >= share.threads) {
      const { begin, count } = share.of(outer);
      const rows = last ? begin : begin * axis;
      const stride = last ? axis : line;
      const steps = call.pointers.map((_, i) =>
        i === 0 ? begin * line : rowStep(layouts[i - 1] as Layout, rows, stride),
      );
      return count === 0 ? null : { ...call, outer: count, pointers: moved(call, steps) };
    }
    if (last || inner < LINE * share.threads) return share.whole(call);
    const { begin, count } = share.of(inner, LINE);
    const steps = call.pointers.map((_, i) => (i === 0 || variesAlongColumns(layouts[i - 1] as Layout) ? begin : 0));
    return count === 0 ? null : { ...call, inner: count, pointers: moved(call, steps) };
  },

  nanoseconds: ({ program, outer, axis, inner }) => outer * inner * (0.1 + axis * elementTime(program)),

  label({ kind, program, outer, axis, inner, last }) {
    const shape = last ? `columns of ${program.name} [${outer}, ${axis}]` : null;
    const written = program.expressions.length - 1;
    const beside = written > 0 ? ` → ${written} beside` : '';
    return `${kind} over ${shape ?? `rows of ${program.name} [${outer === 1 ? '' : `${outer}, `}${axis}, ${inner}]`}${beside}`;
  },

  formula: {
    reduces: true,
    writes: ({ last }) => last,
    of: (call) => ({ program: call.program, rows: rowsOf(call), cols: colsOf(call), layouts: call.layouts }),
    with: (call, { program, layouts }, pointers) => ({ ...call, program, layouts, pointers }),
  },

  reference(call) {
    const { kind, program, dtype, outer, axis, inner, line, last, pointers, layouts } = call;
    const heap = view(dtype);
    const places = pointers.map((pointer) => elementAt(dtype, pointer));
    const count = program.expressions.length;
    const [o, ...written] = places.slice(0, count) as [number, ...number[]];
    const offsets = places.slice(count);
    const stride = last ? axis : line;
    const root = program.expressions[0]!;
    const values = new Float64Array(offsets.length);
    const formula = evaluator(program.expressions);
    const at = (row: number, col: number): number => {
      for (let i = 0; i < values.length; i++) {
        const layout = layouts[i] as Layout;
        values[i] = heap[offsets[i]! + (variesAlongColumns(layout) ? col : 0) + rowStep(layout, row, stride)]!;
      }
      if (count === 1 && root.kind === 'input') return values[root.value]!;
      const made = formula(values);
      for (let j = 1; j < count; j++) heap[written[j - 1]! + row * stride + col] = made[j]!;
      return made[0]!;
    };
    for (let r = 0; r < outer; r++) {
      for (let c = 0; c < inner; c++) {
        const nth = last ? (i: number) => at(r, i) : (i: number) => at(r * axis + i, c);
        heap[o + r * line + c] = REDUCE[kind](axis, nth);
      }
    }
  },

  wasm: {
    takes: ({ dtype, layouts, program, last }) =>
      dtype === 'f32' && layouts.length <= MAX_INPUTS && (last || program.expressions.length === 1),

    run({ kind, program, outer, axis, inner, line, last, pointers, layouts }, linker) {
      const key = layoutsKey(layouts) * KEYS_PER_LAYOUT + KIND_NUMBER[kind] + (last ? 1 : 0);
      const compiled =
        linkedFunction(program, key, linker) ??
        linkFunction(program, key, linker, (module) =>
          defineReduce(module, kind, program.expressions, last, layouts, linker.tile.fused),
        );
      const p = pointers as number[];
      if (last) {
        if (p.length === 2) compiled(outer, axis, p[0]!, p[1]!);
        else if (p.length === 3) compiled(outer, axis, p[0]!, p[1]!, p[2]!);
        else compiled(outer, axis, ...p);
      } else if (p.length === 2) compiled(outer, axis, inner, line, p[0]!, p[1]!);
      else if (p.length === 3) compiled(outer, axis, inner, line, p[0]!, p[1]!, p[2]!);
      else compiled(outer, axis, inner, line, ...p);
    },
  },
};

const REDUCE: Record<ReduceKind, (length: number, at: (i: number) => number) => number> = {
  sum: (length, at) => pairwiseSum(0, length, at),
  max: (length, at) => {
    let best = -Infinity;
    for (let i = 0; i < length; i++) best = Math.max(best, at(i));
    return best;
  },
  min: (length, at) => {
    let best = Infinity;
    for (let i = 0; i < length; i++) best = Math.min(best, at(i));
    return best;
  },
  argMax: (length, at) => {
    let [best, largest] = [0, length > 0 ? at(0) : 0];
    for (let i = 1; i < length; i++) {
      const value = at(i);
      if (value > largest || (Number.isNaN(value) && !Number.isNaN(largest))) [best, largest] = [i, value];
    }
    return best;
  },
};

/** Halves the range until it is short: the rounding error grows with the logarithm of the length. */
function pairwiseSum(begin: number, end: number, at: (i: number) => number): number {
  if (end - begin > 32) {
    const middle = (begin + end) >> 1;
    return pairwiseSum(begin, middle, at) + pairwiseSum(middle, end, at);
  }
  let total = 0;
  for (let i = begin; i < end; i++) total += at(i);
  return total;
}
