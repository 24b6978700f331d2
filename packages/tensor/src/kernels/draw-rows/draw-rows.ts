import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved } from '../kernel.ts';
import { fillRandom, type RandomKind } from '../random/threefry.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { defineDrawRows } from './wasm.ts';

/**
 * Standard draws that belong to rows: [samples, rows, width]; pointers are out, keys. `keys` is [rows, 2], whole numbers of
 * the dtype from 0 to 2²⁴ − 1: the two words of a row's Threefry2x32-20 key. Columns 2j and 2j + 1 of sample s come from the
 * block with counter s·⌈width / 2⌉ + j, so a draw depends on its row's key, its sample and its column alone. `line` is
 * elements from sample to sample: more than rows·width where the call does only some of the rows.
 */
export interface DrawRowsCall extends KernelCall {
  readonly kind: RandomKind;
  readonly rows: number;
  readonly samples: number;
  readonly width: number;
  readonly line: number;
}

export function drawRowsCall(
  kind: RandomKind,
  dtype: DType,
  out: number,
  keys: number,
  rows: number,
  samples: number,
  width: number,
): DrawRowsCall {
  return { kernel: drawRowsKernel, dtype, pointers: [out, keys], kind, rows, samples, width, line: rows * width };
}

const NS_PER_BLOCK = 3.6;
const draw = (kind: RandomKind): LinkedFunction => new LinkedFunction((module) => defineDrawRows(module, kind));
const DRAW: Record<RandomKind, LinkedFunction> = {
  uniform: /* @__PURE__ */ draw('uniform'),
  normal: /* @__PURE__ */ draw('normal'),
  exponential: /* @__PURE__ */ draw('exponential'),
  gumbel: /* @__PURE__ */ draw('gumbel'),
};

export const drawRowsKernel: Kernel<DrawRowsCall> = {
  name: 'drawRows',
  outputs: () => 1,
  extents: ({ dtype, rows, samples, width, line }) => [
    elements(dtype, samples === 0 || rows === 0 ? 0 : (samples - 1) * line + rows * width),
    elements(dtype, 2 * rows),
  ],
  written: ({ dtype, rows, samples, width }) => elements(dtype, samples * rows * width).to,

  split(call, share) {
    const { begin, count } = share.of(call.rows, 4);
    return count === 0 ? null : { ...call, rows: count, pointers: moved(call, [begin * call.width, 2 * begin]) };
  },

  nanoseconds: ({ rows, samples, width }) => rows * samples * Math.ceil(width / 2) * NS_PER_BLOCK,
  label: ({ kind, rows, samples, width }) => `drawRows ${kind} [${samples}, ${rows}, ${width}]`,

  reference({ kind, dtype, pointers, rows, samples, width, line }) {
    const heap = view(dtype);
    const [out, keys] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number];
    const blocks = Math.ceil(width / 2);
    for (let r = 0; r < rows; r++) {
      const [key0, key1] = [heap[keys + 2 * r]!, heap[keys + 2 * r + 1]!];
      for (let s = 0; s < samples; s++) {
        fillRandom(kind, heap, out + s * line + r * width, width, key0 | 0, key1 | 0, s * blocks, 0);
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ kind, pointers, rows, samples, width, line }, linker) {
      DRAW[kind].of(linker)(pointers[0]!, pointers[1]!, rows, samples, width, line);
    },
  },
};
