import type { DType } from '../../dtype.ts';
import { type ElementLoop, elementLoop } from '../../expr/evaluate.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved } from '../kernel.ts';
import { instructions } from '../wasm/expression.ts';
import type { Cell } from './cell.ts';
import { ofRows, rowSizes, seenWidth } from './row-sizes.ts';
import { recurrenceScratch, runRecurrence } from './wasm.ts';

/** How a recurrence goes over its steps. */
export interface Course {
  readonly cell: Cell;
  /** Rows of the batch, each on its own. */
  readonly rows: number;
  readonly steps: number;
  /** Numbers of an input, and of a state. */
  readonly features: number;
  readonly units: number;
  /** The input is the same at every step: x is [rows, features]. */
  readonly steady: boolean;
  /** From each row's last step to its first. */
  readonly reverse: boolean;
  /** Rows have lengths of their own: past its end a row's state stays, what is put out is 0, and no gradient comes from there. */
  readonly lengths: boolean;
}

/**
 * A recurrent layer over all its steps: at each, the pre-activations of [xₜ, 1, hₜ₋₁] by the cell's columns, and the cell's
 * formulas on them. Pointers are the outputs y [rows, steps, units] and the last states [rows, units] each; with `keep`, for
 * the way back, what was `seen` by the products ([xₜ, 1, hₜ₋₁], or hₜ₋₁ alone where x is steady) and what the cell keeps, both
 * [rows, steps, …]; then the inputs x [rows, steps, features], W_ih [gates·units, features], W_hh [gates·units, units], b_ih,
 * b_hh, the first states, and the lengths [rows] if there are any.
 */
export interface RecurrenceCall extends KernelCall, Course {
  readonly keep: boolean;
}

export function recurrenceCall(
  dtype: DType,
  pointers: readonly number[],
  course: Course,
  keep: boolean,
): RecurrenceCall {
  const { cell, rows, steps, features, units, steady, reverse, lengths } = course;
  return {
    kernel: recurrenceKernel,
    dtype,
    pointers,
    ...{ cell, rows, steps, features, units, steady, reverse, lengths, keep },
  };
}

function outputsOf({ cell, keep }: RecurrenceCall): number {
  return 1 + cell.states + (keep ? 2 : 0);
}

/** Multiplications and additions of the products, each counted. */
function flopOf({ cell, rows, steps, features, units, steady }: Course): number {
  return cell.columns.reduce((sum, { part }) => {
    const seen = (part === 'state' ? 1 : features + 1) / (steady ? Math.max(1, steps) : 1);
    return sum + 2 * rows * steps * units * (seen + (part === 'input' ? 0 : units));
  }, 0);
}

export const NS_PER_FLOP = 1 / 32;
export const NS_PER_INSTRUCTION = 0.045;
export const NS_PER_PACKED = 0.3;

export const recurrenceKernel: Kernel<RecurrenceCall> = {
  name: 'recurrence',
  outputs: outputsOf,

  extents(call) {
    const { dtype, rows, steps, features, units, cell } = call;
    const sizes = ofRows(rowSizes(call), rows, steps);
    const weights = outputsOf(call) + 1;
    const gates = cell.gates * units;
    sizes.splice(weights, 4, gates * features, gates * units, gates, gates);
    return sizes.map((size) => elements(dtype, size));
  },

  written: (call, output) => elements(call.dtype, ofRows(rowSizes(call), call.rows, call.steps)[output] as number).to,

  split(call, share) {
    const { begin, count } = share.of(call.rows);
    if (count === 0) return null;
    return { ...call, rows: count, pointers: moved(call, ofRows(rowSizes(call), begin, call.steps)) };
  },

  nanoseconds(call) {
    const { cell, rows, steps, features, units } = call;
    if (rows === 0) return 0;
    const each = instructions([...cell.kept, ...cell.next]);
    const packing = cell.gates * units * (features + 1 + units) * NS_PER_PACKED;
    return packing + flopOf(call) * NS_PER_FLOP + rows * steps * units * each * NS_PER_INSTRUCTION;
  },
  flop: flopOf,
  label: ({ cell, rows, steps, features, units }) => `${cell.name} [${rows}, ${steps}, ${features}] → ${units}`,

  reference(call) {
    const { dtype, pointers, cell, rows, steps, features, units, steady, reverse, lengths, keep } = call;
    const heap = view(dtype);
    const at = pointers.map((pointer) => elementAt(dtype, pointer));
    const outputs = outputsOf(call);
    const [y] = at as [number];
    const last = at.slice(1, 1 + cell.states);
    const [seen, kept] = keep ? at.slice(1 + cell.states) : [0, 0];
    const [x, wIh, wHh, bIh, bHh] = at.slice(outputs) as [number, number, number, number, number];
    const first = at.slice(outputs + 5, outputs + 5 + cell.states);
    const ends = lengths ? (at.at(-1) as number) : 0;
    const { loop, columns, states, results, room } = cellLoop(call, heap);
    const { length: keptCount } = cell.kept;
    const width = seenWidth(call);

    for (let r = 0; r < rows; r++) {
      for (const [j, from] of first.entries()) {
        for (let u = 0; u < units; u++) heap[last[j]! + r * units + u] = heap[from + r * units + u]!;
      }
      const end = lengths ? lengthAt(heap[ends + r]!, steps) : steps;
      for (let s = 0; s < end; s++) {
        const t = reverse ? end - 1 - s : s;
        const input = x + (steady ? r : r * steps + t) * features;
        const h = last[0]! + r * units;
        if (keep) {
          const row = seen! + (r * steps + t) * width;
          const ofInput = steady ? 0 : features + 1;
          for (let i = 0; i < ofInput; i++) heap[row + i] = i < features ? heap[input + i]! : 1;
          for (let u = 0; u < units; u++) heap[row + ofInput + u] = heap[h + u]!;
        }
        for (const [c, { gate, part }] of cell.columns.entries()) {
          for (let u = 0; u < units; u++) {
            const unit = gate * units + u;
            let sum = 0;
            if (part !== 'state') {
              for (let i = 0; i < features; i++) sum += heap[input + i]! * heap[wIh + unit * features + i]!;
              sum += heap[bIh + unit]!;
            }
            if (part !== 'input') {
              sum += heap[bHh + unit]!;
              for (let i = 0; i < units; i++) sum += heap[h + i]! * heap[wHh + unit * units + i]!;
            }
            room[columns + c * units + u] = sum;
          }
        }
        for (const [j, of] of last.entries()) {
          for (let u = 0; u < units; u++) room[states + j * units + u] = heap[of + r * units + u]!;
        }
        loop(room);
        for (let u = 0; u < units; u++) {
          for (let q = 0; keep && q < keptCount; q++) {
            heap[kept! + ((r * steps + t) * keptCount + q) * units + u] = room[results + q * units + u]!;
          }
          for (const [j, of] of last.entries()) {
            heap[of + r * units + u] = room[results + (keptCount + j) * units + u]!;
          }
          heap[y + (r * steps + t) * units + u] = room[results + keptCount * units + u]!;
        }
      }
      heap.fill(0, y + (r * steps + end) * units, y + (r + 1) * steps * units);
      if (keep) heap.fill(0, seen! + (r * steps + end) * width, seen! + (r + 1) * steps * width);
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: recurrenceScratch,
    run: runRecurrence,
  },
};

/** The steps of a row of this length: a whole number from 0 to `steps`, 0 for NaN. */
export function lengthAt(value: number, steps: number): number {
  return Math.max(0, Math.min(steps, Math.trunc(value) || 0));
}

const loops = /* @__PURE__ */ new WeakMap<Cell, ElementLoop>();

/** The cell's formulas over the units of one row: columns and states in `room`, what is kept and the new states after them. */
function cellLoop(
  { cell, units }: RecurrenceCall,
  heap: Float32Array | Float64Array,
): {
  readonly loop: (room: Float64Array) => void;
  readonly columns: number;
  readonly states: number;
  readonly results: number;
  readonly room: Float64Array;
} {
  const inputs = cell.columns.length + cell.states;
  const outputs = [...cell.kept, ...cell.next];
  let loop = loops.get(cell);
  if (loop === undefined) {
    loop = elementLoop(outputs, inputs);
    loops.set(cell, loop);
  }
  const results = inputs * units;
  const offsets = [
    ...outputs.map((_, i) => results + i * units),
    ...Array.from({ length: inputs }, (_, i) => i * units),
  ];
  const still = new Array<number>(inputs).fill(0);
  const along = new Array<number>(inputs).fill(1);
  const room = new (heap.constructor as Float64ArrayConstructor)((inputs + outputs.length) * units);
  const made = loop;
  return {
    loop: (numbers) => made(numbers, 1, units, offsets, still, along),
    columns: 0,
    states: cell.columns.length * units,
    results,
    room,
  };
}
