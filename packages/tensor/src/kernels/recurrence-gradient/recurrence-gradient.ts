import type { DType } from '../../dtype.ts';
import { type ElementLoop, elementLoop } from '../../expr/evaluate.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved } from '../kernel.ts';
import { type Cell, recurrentColumns } from '../recurrence/cell.ts';
import { type Course, lengthAt, NS_PER_FLOP, NS_PER_INSTRUCTION, NS_PER_PACKED } from '../recurrence/recurrence.ts';
import { ofRows } from '../recurrence/row-sizes.ts';
import { instructions } from '../wasm/expression.ts';
import { rowSizes } from './row-sizes.ts';
import { recurrenceGradientScratch, runRecurrenceGradient } from './wasm.ts';

/**
 * The way back through a recurrence, from its last step to its first: the gradients to the pre-activations of each step and
 * to the first states. What they mean for x and the weights are products over all rows and steps, taken afterwards. Pointers
 * are the outputs, columns' gradients [rows, steps, columns·units] and those of the first states [rows, units] each; then what
 * the cell kept, W_hh, the gradient to y where it is `given`, those to the last states that are, and the lengths [rows] if
 * there are any. Past a row's end its columns' gradients are 0.
 */
export interface RecurrenceGradientCall extends KernelCall, Course {
  /** Which gradients there are: to y, then to each last state. */
  readonly given: readonly boolean[];
}

export function recurrenceGradientCall(
  dtype: DType,
  pointers: readonly number[],
  course: Course,
  given: readonly boolean[],
): RecurrenceGradientCall {
  const { cell, rows, steps, features, units, steady, reverse, lengths } = course;
  return {
    kernel: recurrenceGradientKernel,
    dtype,
    pointers,
    ...{ cell, rows, steps, features, units, steady, reverse, lengths, given },
  };
}

function flopOf({ cell, rows, steps, units }: Course): number {
  return 2 * rows * steps * units * units * recurrentColumns(cell).length;
}

export const recurrenceGradientKernel: Kernel<RecurrenceGradientCall> = {
  name: 'recurrenceGradient',
  outputs: ({ cell }) => 1 + cell.states,

  extents(call) {
    const { dtype, rows, steps, units, cell } = call;
    const sizes = ofRows(rowSizes(call), rows, steps);
    sizes[2 + cell.states] = cell.gates * units * units;
    return sizes.map((size) => elements(dtype, size));
  },

  written: (call, output) => elements(call.dtype, ofRows(rowSizes(call), call.rows, call.steps)[output] as number).to,

  split(call, share) {
    const { begin, count } = share.of(call.rows);
    if (count === 0) return null;
    return { ...call, rows: count, pointers: moved(call, ofRows(rowSizes(call), begin, call.steps)) };
  },

  nanoseconds(call) {
    const { cell, rows, steps, units } = call;
    if (rows === 0) return 0;
    const packing = cell.gates * units * units * NS_PER_PACKED;
    const each = instructions([...cell.columnGradients, ...cell.stateGradients]) + 10 * cell.columns.length;
    return packing + flopOf(call) * NS_PER_FLOP + rows * steps * units * each * NS_PER_INSTRUCTION;
  },
  flop: flopOf,
  label: ({ cell, rows, steps, features, units }) => `${cell.name} back [${rows}, ${steps}, ${features}] → ${units}`,

  reference(call) {
    const { dtype, pointers, cell, rows, steps, units, reverse, lengths, given } = call;
    const heap = view(dtype);
    const at = pointers.map((pointer) => elementAt(dtype, pointer));
    const [toColumns] = at as [number];
    const first = at.slice(1, 1 + cell.states);
    const [kept, weights] = at.slice(1 + cell.states) as [number, number];
    let next = 3 + cell.states;
    const sources = given.map((there) => (there ? (at[next++] as number) : -1));
    const ends = lengths ? (at[next] as number) : 0;
    const columns = cell.columns.length;
    const { length: keptCount } = cell.kept;
    const loop = loopOf(cell);
    const inputs = keptCount + cell.states;
    const results = inputs * units;
    const room = new (heap.constructor as Float64ArrayConstructor)((inputs + columns + cell.states) * units);
    const offsets = [
      ...Array.from({ length: columns + cell.states }, (_, i) => results + i * units),
      ...Array.from({ length: inputs }, (_, i) => i * units),
    ];
    const [still, along] = [new Array<number>(inputs).fill(0), new Array<number>(inputs).fill(1)];

    for (let r = 0; r < rows; r++) {
      for (const [j, to] of first.entries()) {
        const from = sources[1 + j] as number;
        for (let u = 0; u < units; u++) heap[to + r * units + u] = from < 0 ? 0 : heap[from + r * units + u]!;
      }
      const end = lengths ? lengthAt(heap[ends + r]!, steps) : steps;
      for (let s = end - 1; s >= 0; s--) {
        const position = r * steps + (reverse ? end - 1 - s : s);
        for (let u = 0; u < units; u++) {
          for (let q = 0; q < keptCount; q++) {
            room[q * units + u] = heap[kept + (position * keptCount + q) * units + u]!;
          }
          for (const [j, of] of first.entries()) room[(keptCount + j) * units + u] = heap[of + r * units + u]!;
          if (sources[0]! >= 0) room[keptCount * units + u]! += heap[sources[0]! + position * units + u]!;
        }
        loop(room, 1, units, offsets, still, along);
        for (let u = 0; u < units; u++) {
          for (let c = 0; c < columns; c++) {
            heap[toColumns + (position * columns + c) * units + u] = room[results + c * units + u]!;
          }
          for (const [j, of] of first.entries()) {
            heap[of + r * units + u] = room[results + (columns + j) * units + u]!;
          }
        }
        for (let u = 0; u < units; u++) {
          let sum = heap[first[0]! + r * units + u]!;
          for (const [gate, c] of recurrentColumns(cell).entries()) {
            for (let v = 0; v < units; v++) {
              sum += room[results + c * units + v]! * heap[weights + (gate * units + v) * units + u]!;
            }
          }
          heap[first[0]! + r * units + u] = sum;
        }
      }
      heap.fill(0, toColumns + (r * steps + end) * columns * units, toColumns + (r + 1) * steps * columns * units);
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: recurrenceGradientScratch,
    run: runRecurrenceGradient,
  },
};

const loops = /* @__PURE__ */ new WeakMap<Cell, ElementLoop>();

/** The cell's gradients over the units of one row. */
function loopOf(cell: Cell): ElementLoop {
  let loop = loops.get(cell);
  if (loop === undefined) {
    loop = elementLoop([...cell.columnGradients, ...cell.stateGradients], cell.kept.length + cell.states);
    loops.set(cell, loop);
  }
  return loop;
}
