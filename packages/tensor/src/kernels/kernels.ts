import type { Expr } from '../expr/expr.ts';

export type DType = 'f32' | 'f64';

/**
 * How an operand of a `rows × cols` map is laid out:
 * `FULL` [rows, cols] · `ROW` one value per column, the same for every row · `COLUMN` one value per row · `SCALAR` one value.
 * Bit 0 says that it varies along the columns, bit 1 that it varies along the rows.
 */
export type Layout = 0 | 1 | 2 | 3;
export const SCALAR = 0;
export const ROW = 1;
export const COLUMN = 2;
export const FULL = 3;

export type ReduceKind = 'sum' | 'max' | 'min' | 'argMax';
export type RandomKind = 'uniform' | 'normal' | 'exponential' | 'gumbel';

/** An elementwise formula as a kernel: `outputs[i] = expressions[i](inputs)`. Made once per formula and kept. */
export interface MapProgram {
  readonly name: string;
  readonly expressions: readonly Expr[];
  readonly inputs: number;
  /** Kernel sets keep what they compiled here, by a key of their own. */
  readonly compiled: Map<string, unknown>;
}

/**
 * What the engine asks of a machine. The plain-JavaScript reference is complete and is the definition; a faster set
 * starts from it and overrides.
 *
 * The contract: pointers are byte offsets into the linear memory and sizes are counts of elements; results are written,
 * nothing is allocated, no view outlives the call; shapes were checked by the op rows, so nothing is checked here.
 * Work is described so that it can be split over independent units (rows of the result). An output may be the very
 * buffer of an input with the same layout; otherwise outputs and inputs do not overlap. Up to 16 bytes past an operand
 * may be read, never written. Sums are pairwise or compensated. NaN goes in, NaN comes out.
 */
export interface Kernels {
  readonly name: string;

  /**
   * `out_j[r, c] = expression_j(in_0[r, c], in_1[r, c], …)`. `pointers` are the outputs (always `FULL`) followed by the
   * inputs, `layouts` the layout of each input.
   */
  map(
    program: MapProgram,
    dtype: DType,
    rows: number,
    cols: number,
    pointers: readonly number[],
    layouts: readonly Layout[],
  ): void;

  /**
   * Reduces expression 0 of `program`, evaluated as in `map`, over one axis: over the columns when `axis` is 1
   * (`out[rows]`), over the rows when it is 0 (`out[cols]`). `argMax` writes the index (as a number of the dtype) of the
   * first maximum; a NaN counts as the maximum. Sum over nothing is 0, max −∞, min +∞. With axis 0, `line` is how many
   * elements `FULL` inputs go on from row to row: more than `cols` when only some of the columns are reduced.
   */
  reduce(
    kind: ReduceKind,
    program: MapProgram,
    dtype: DType,
    axis: 0 | 1,
    rows: number,
    cols: number,
    out: number,
    inputs: readonly number[],
    layouts: readonly Layout[],
    line?: number,
  ): void;

  /**
   * `out[b] = op(A[b])·op(B[b])`, op(A) being m×k and op(B) k×n. A is stored m×k, or k×m when `transA`; B is stored k×n,
   * or n×k when `transB`. `strideA` and `strideB` are elements from one batch's matrix to the next (0 repeats it).
   * `scratch` points to `matmulScratch(m, n, k)` bytes. `lineA`, `lineB` and `lineC` are elements from one stored row to
   * the next: more than the row's length when the operand is part of a wider matrix.
   */
  matmul(
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
    scratch: number,
    lineA?: number,
    lineB?: number,
    lineC?: number,
  ): void;
  matmulScratch(m: number, n: number, k: number): number;

  /** Copies a 4-D box: `out[o(i)] = in[x(i)]`; strides count elements and may be 0 or negative. */
  copy(
    dtype: DType,
    out: number,
    input: number,
    shape: readonly number[],
    outStrides: readonly number[],
    inStrides: readonly number[],
  ): void;
  fill(dtype: DType, out: number, count: number, value: number): void;

  /** `out[i, :] = table[indices[i], :]`, indices being numbers of the dtype. */
  gatherRows(dtype: DType, out: number, table: number, indices: number, count: number, width: number): void;
  /** `out[indices[i], :] += rows[i, :]`, in order of i. */
  scatterAddRows(dtype: DType, out: number, rows: number, indices: number, count: number, width: number): void;
  /** Running sum along the last axis of [rows, cols]; backwards (from the last column to the first) when `reverse`. */
  cumulativeSum(dtype: DType, out: number, input: number, rows: number, cols: number, reverse: boolean): void;

  /**
   * Standard draws. `state` points to four 32-bit words: the key (2) and the counter (2) of a Threefry2x32-20 generator;
   * elements 2i and 2i+1 come from the block with counter + `first` (0) + i. The same words give the same numbers in every kernel set.
   */
  random(kind: RandomKind, dtype: DType, out: number, count: number, state: number, first?: number): void;
}
