import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved } from '../kernel.ts';
import { matmulScratch, runMatmul } from './wasm.ts';

/**
 * `C[b] = op(A[b])·op(B[b])`, op(A) being m×k and op(B) k×n; pointers are C, A, B. A is stored m×k, or k×m when `transA`; B
 * is stored k×n, or n×k when `transB`. `strideA` and `strideB` are elements from one batch's matrix to the next (0 repeats
 * it). `lineA`, `lineB` and `lineC` are elements from one stored row to the next: more than the row's length when the
 * operand is part of a wider matrix.
 */
export interface MatmulCall extends KernelCall {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly batch: number;
  readonly strideA: number;
  readonly strideB: number;
  readonly lineA: number;
  readonly lineB: number;
  readonly lineC: number;
}

/** Of operands that are no part of wider matrices. */
export function matmulCall(
  dtype: DType,
  pointers: readonly [out: number, a: number, b: number],
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
  batch = 1,
  strideA = 0,
  strideB = 0,
): MatmulCall {
  const lineA = transA ? m : k;
  const lineB = transB ? k : n;
  return {
    kernel: matmulKernel,
    dtype,
    pointers,
    m,
    n,
    k,
    transA,
    transB,
    batch,
    strideA,
    strideB,
    lineA,
    lineB,
    lineC: n,
  };
}

/**
 * Rows and columns of C that a part of a product has a multiple of. Finer than the tiles are high, and than a cache line is
 * wide: that one part is larger would cost more than a lower tile, and than a line that two threads write at its ends.
 */
const PART_ROWS = 4;
const PART_COLS = 8;
const NS_PER_FLOP = 1 / 32;

export const matmulKernel: Kernel<MatmulCall> = {
  name: 'matmul',
  outputs: () => 1,

  extents({ dtype, m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC }) {
    const last = batch - 1;
    const reach = (rows: number, line: number, cols: number, stride: number): number =>
      rows <= 0 || cols <= 0 || batch <= 0 ? 0 : last * stride + (rows - 1) * line + cols;
    const none = m === 0 || n === 0;
    return [
      elements(dtype, reach(m, lineC, n, m * lineC)),
      elements(dtype, none ? 0 : transA ? reach(k, lineA, m, strideA) : reach(m, lineA, k, strideA)),
      elements(dtype, none ? 0 : transB ? reach(n, lineB, k, strideB) : reach(k, lineB, n, strideB)),
    ];
  },

  written: ({ dtype, batch, m, n }) => elements(dtype, batch * m * n).to,

  split(call, share) {
    const { m, n, transA, transB, batch, lineA, lineB, lineC, strideA, strideB } = call;
    if (batch >= share.threads) {
      const { begin, count } = share.of(batch);
      const steps = [begin * m * lineC, begin * strideA, begin * strideB];
      return count === 0 ? null : { ...call, batch: count, pointers: moved(call, steps) };
    }
    if (batch > 1) return share.whole(call);
    // Along the longer side: every thread packs all of the other operand.
    if (n >= m) {
      const { begin, count } = share.of(n, PART_COLS);
      const steps = [begin, 0, transB ? begin * lineB : begin];
      return count === 0 ? null : { ...call, n: count, pointers: moved(call, steps) };
    }
    const { begin, count } = share.of(m, PART_ROWS);
    const steps = [begin * lineC, transA ? begin : begin * lineA, 0];
    return count === 0 ? null : { ...call, m: count, pointers: moved(call, steps) };
  },

  nanoseconds: ({ m, n, k, batch }) => batch * m * n * (0.1 + 2 * k * NS_PER_FLOP),
  flop,

  label({ m, n, k, transA, transB, batch }) {
    const mark = (flag: boolean): string => (flag ? 'ᵀ' : '');
    return `matmul ${batch > 1 ? `${batch} × ` : ''}${m}×${k}${mark(transA)} · ${k}×${n}${mark(transB)}`;
  },

  reference({ dtype, pointers, m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC }) {
    const heap = view(dtype);
    const [out, a, b] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    const [rowA, colA] = transA ? [1, lineA] : [lineA, 1];
    const [rowB, colB] = transB ? [1, lineB] : [lineB, 1];
    for (let p = 0; p < batch; p++) {
      const o = out + p * m * lineC;
      const x = a + p * strideA;
      const y = b + p * strideB;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let l = 0; l < k; l++) total += heap[x + i * rowA + l * colA]! * heap[y + l * rowB + j * colB]!;
          heap[o + i * lineC + j] = total;
        }
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    scratch: ({ m, n, k }) => matmulScratch(m, n, k),
    run: runMatmul,
  },
};

function flop({ m, n, k, batch }: MatmulCall): number {
  return 2 * batch * m * n * k;
}
