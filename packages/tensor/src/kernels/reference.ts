import { type ElementLoop, elementLoop, evaluate } from '../expr/evaluate.ts';
import { memory } from '../memory/linear-memory.ts';
import type { DType, Kernels, Layout, MapProgram, ReduceKind } from './kernels.ts';
import { fillRandom } from './threefry.ts';

/**
 * The kernels in plain JavaScript, in f32 and f64: complete, simple, and the definition that every faster set is tested
 * against. Arithmetic is in double precision and rounded when stored.
 */
export const referenceKernels: Kernels = {
  name: 'reference',
  map,
  reduce,
  matmul,
  matmulScratch: () => 0,

  copy(dtype, out, input, shape, outStrides, inStrides) {
    const heap = view(dtype);
    const shift = dtype === 'f32' ? 2 : 3;
    const [n0, n1, n2, n3] = shape;
    for (let i = 0; i < n0; i++) {
      for (let j = 0; j < n1; j++) {
        for (let k = 0; k < n2; k++) {
          let o = out / 2 ** shift + i * outStrides[0] + j * outStrides[1] + k * outStrides[2];
          let x = input / 2 ** shift + i * inStrides[0] + j * inStrides[1] + k * inStrides[2];
          for (let l = 0; l < n3; l++) {
            heap[o] = heap[x];
            o += outStrides[3];
            x += inStrides[3];
          }
        }
      }
    }
  },

  fill(dtype, out, count, value) {
    const start = elementOffset(dtype, out);
    view(dtype).fill(value, start, start + count);
  },

  gatherRows(dtype, out, table, indices, count, width) {
    const heap = view(dtype);
    const [o, t, x] = [elementOffset(dtype, out), elementOffset(dtype, table), elementOffset(dtype, indices)];
    for (let i = 0; i < count; i++) {
      const row = t + heap[x + i] * width;
      heap.copyWithin(o + i * width, row, row + width);
    }
  },

  scatterAddRows(dtype, out, rows, indices, count, width) {
    const heap = view(dtype);
    const [o, r, x] = [elementOffset(dtype, out), elementOffset(dtype, rows), elementOffset(dtype, indices)];
    for (let i = 0; i < count; i++) {
      const row = o + heap[x + i] * width;
      for (let j = 0; j < width; j++) heap[row + j] += heap[r + i * width + j];
    }
  },

  cumulativeSum(dtype, out, input, rows, cols, reverse) {
    const heap = view(dtype);
    const [o, x] = [elementOffset(dtype, out), elementOffset(dtype, input)];
    for (let r = 0; r < rows; r++) {
      let total = 0;
      for (let c = 0; c < cols; c++) {
        const i = r * cols + (reverse ? cols - 1 - c : c);
        total += heap[x + i];
        heap[o + i] = total;
      }
    }
  },

  random(kind, dtype, out, count, state, first = 0) {
    const s = state / 4;
    const [key0, key1, counter, high] = memory.i32.subarray(s, s + 4);
    const low = (counter >>> 0) + first;
    const carry = Math.floor(low / 2 ** 32);
    fillRandom(kind, view(dtype), elementOffset(dtype, out), count, key0, key1, low >>> 0, high + carry);
  },
};

export function view(dtype: DType): Float32Array | Float64Array {
  return dtype === 'f32' ? memory.f32 : memory.f64;
}

/** Pointers pass 2³¹, so they are divided, not shifted. */
function elementOffset(dtype: DType, pointer: number): number {
  return dtype === 'f32' ? pointer / 4 : pointer / 8;
}

function map(
  program: MapProgram,
  dtype: DType,
  rows: number,
  cols: number,
  pointers: readonly number[],
  layouts: readonly Layout[],
): void {
  let loop = program.compiled.get('js') as ElementLoop | undefined;
  if (loop === undefined) {
    loop = elementLoop(program.expressions, program.inputs);
    program.compiled.set('js', loop);
  }
  const offsets = pointers.map((pointer) => elementOffset(dtype, pointer));
  const rowStrides = layouts.map((layout) => (layout & 2 ? (layout & 1 ? cols : 1) : 0));
  const colStrides = layouts.map((layout) => layout & 1);
  loop(view(dtype), rows, cols, offsets, rowStrides, colStrides);
}

function reduce(
  kind: ReduceKind,
  program: MapProgram,
  dtype: DType,
  axis: 0 | 1,
  rows: number,
  cols: number,
  out: number,
  inputs: readonly number[],
  layouts: readonly Layout[],
  line = cols,
): void {
  const heap = view(dtype);
  const offsets = inputs.map((pointer) => elementOffset(dtype, pointer));
  const [root] = program.expressions;
  const values = new Float64Array(inputs.length);
  const at = (r: number, c: number): number => {
    for (let i = 0; i < values.length; i++) {
      const layout = layouts[i];
      values[i] = heap[offsets[i] + (layout & 1 ? c : 0) + (layout & 2 ? r * (layout & 1 ? line : 1) : 0)];
    }
    return root.kind === 'input' ? values[root.value] : evaluate([root], values)[0];
  };
  const o = elementOffset(dtype, out);
  const [units, length] = axis === 1 ? [rows, cols] : [cols, rows];
  for (let u = 0; u < units; u++) {
    heap[o + u] = REDUCE[kind](length, axis === 1 ? (i) => at(u, i) : (i) => at(i, u));
  }
}

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
    let best = 0;
    for (let i = 1; i < length; i++) if (at(i) > at(best) || (Number.isNaN(at(i)) && !Number.isNaN(at(best)))) best = i;
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

function matmul(
  dtype: DType,
  out: number,
  a: number,
  b: number,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
  batch: number,
  strideA: number,
  strideB: number,
  _scratch: number,
  lineA = transA ? m : k,
  lineB = transB ? k : n,
  lineC = n,
): void {
  const heap = view(dtype);
  const [rowA, colA] = transA ? [1, lineA] : [lineA, 1];
  const [rowB, colB] = transB ? [1, lineB] : [lineB, 1];
  for (let p = 0; p < batch; p++) {
    const o = elementOffset(dtype, out) + p * m * n;
    const x = elementOffset(dtype, a) + p * strideA;
    const y = elementOffset(dtype, b) + p * strideB;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let l = 0; l < k; l++) total += heap[x + i * rowA + l * colA] * heap[y + l * rowB + j * colB];
        heap[o + i * lineC + j] = total;
      }
    }
  }
}
