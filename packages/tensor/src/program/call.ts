import {
  COLUMN,
  type DType,
  FULL,
  type Kernels,
  type Layout,
  type MapProgram,
  type RandomKind,
  type ReduceKind,
  ROW,
} from '../kernels/kernels.ts';

/** One call of a kernel, as data. `pointers` are the outputs, then the inputs. */
interface CallBase {
  readonly dtype: DType;
  readonly pointers: readonly number[];
}

export interface MapCall extends CallBase {
  readonly kernel: 'map';
  readonly program: MapProgram;
  readonly rows: number;
  readonly cols: number;
  readonly layouts: readonly Layout[];
}

export interface ReduceCall extends CallBase {
  readonly kernel: 'reduce';
  readonly kind: ReduceKind;
  readonly program: MapProgram;
  readonly axis: 0 | 1;
  readonly rows: number;
  readonly cols: number;
  readonly layouts: readonly Layout[];
  readonly line: number;
}

export interface MatmulCall extends CallBase {
  readonly kernel: 'matmul';
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

export interface CopyCall extends CallBase {
  readonly kernel: 'copy';
  readonly shape: readonly number[];
  readonly outStrides: readonly number[];
  readonly inStrides: readonly number[];
}

export interface FillCall extends CallBase {
  readonly kernel: 'fill';
  readonly count: number;
  readonly value: number;
}

export interface RowsCall extends CallBase {
  readonly kernel: 'gatherRows' | 'scatterAddRows';
  readonly count: number;
  readonly width: number;
}

export interface CumulativeSumCall extends CallBase {
  readonly kernel: 'cumulativeSum';
  readonly rows: number;
  readonly cols: number;
  readonly reverse: boolean;
}

export interface RandomCall extends CallBase {
  readonly kernel: 'random';
  readonly kind: RandomKind;
  readonly count: number;
  /** Blocks of the generator before the first element's. */
  readonly first: number;
}

export type KernelCall =
  | MapCall
  | ReduceCall
  | MatmulCall
  | CopyCall
  | FillCall
  | RowsCall
  | CumulativeSumCall
  | RandomCall;

/** How many of a call's pointers are outputs. */
export function outputsOf(call: KernelCall): number {
  return call.kernel === 'map' ? call.program.expressions.length : 1;
}

/** Makes the call. `scratch` is room for `scratchOf(call, kernels)` bytes. */
export function run(call: KernelCall, kernels: Kernels, scratch: number): void {
  const { dtype, pointers: p } = call;
  switch (call.kernel) {
    case 'map':
      kernels.map(call.program, dtype, call.rows, call.cols, p, call.layouts);
      break;
    case 'reduce': {
      const { kind, program, axis, rows, cols, layouts, line } = call;
      kernels.reduce(kind, program, dtype, axis, rows, cols, p[0], p.slice(1), layouts, line);
      break;
    }
    case 'matmul': {
      const { m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC } = call;
      kernels.matmul(
        dtype,
        p[0],
        p[1],
        p[2],
        m,
        n,
        k,
        transA,
        transB,
        batch,
        strideA,
        strideB,
        scratch,
        lineA,
        lineB,
        lineC,
      );
      break;
    }
    case 'copy':
      kernels.copy(dtype, p[0], p[1], call.shape, call.outStrides, call.inStrides);
      break;
    case 'fill':
      kernels.fill(dtype, p[0], call.count, call.value);
      break;
    case 'gatherRows':
    case 'scatterAddRows':
      kernels[call.kernel](dtype, p[0], p[1], p[2], call.count, call.width);
      break;
    case 'cumulativeSum':
      kernels.cumulativeSum(dtype, p[0], p[1], call.rows, call.cols, call.reverse);
      break;
    case 'random':
      kernels.random(call.kind, dtype, p[0], call.count, p[1], call.first);
      break;
  }
}

export function scratchOf(call: KernelCall, kernels: Kernels): number {
  return call.kernel === 'matmul' ? kernels.matmulScratch(call.m, call.n, call.k) : 0;
}

/** The elements that a map or a reduction reads of an input. */
export function inputSize(layout: Layout, rows: number, cols: number, line = cols): number {
  if (layout === FULL) return rows === 0 ? 0 : (rows - 1) * line + cols;
  return layout === ROW ? cols : layout === COLUMN ? rows : 1;
}

/** The bytes from its pointer that the call reads or writes of each operand; all that a copy with steps back may touch is not. */
export function extents(call: KernelCall): number[] {
  const size = call.dtype === 'f32' ? 4 : 8;
  return elements(call).map((count) => count * size);
}

function elements(call: KernelCall): number[] {
  switch (call.kernel) {
    case 'map': {
      const { program, rows, cols, layouts } = call;
      return [...program.expressions.map(() => rows * cols), ...layouts.map((layout) => inputSize(layout, rows, cols))];
    }
    case 'reduce': {
      const { axis, rows, cols, layouts, line } = call;
      return [axis === 1 ? rows : cols, ...layouts.map((layout) => inputSize(layout, rows, cols, line))];
    }
    case 'matmul': {
      const { m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC } = call;
      const a = transA ? (k - 1) * lineA + m : (m - 1) * lineA + k;
      const b = transB ? (n - 1) * lineB + k : (k - 1) * lineB + n;
      const last = Math.max(0, batch - 1);
      return [last * m * lineC + (m - 1) * lineC + n, last * strideA + a, last * strideB + b].map((x) =>
        Math.max(0, x),
      );
    }
    case 'copy': {
      const { shape } = call;
      const reach = (strides: readonly number[]): number =>
        1 + shape.reduce((sum, n, d) => sum + Math.max(0, (n - 1) * strides[d]), 0);
      return [reach(call.outStrides), reach(call.inStrides)];
    }
    case 'fill':
      return [call.count];
    case 'gatherRows':
      return [call.count * call.width, 0, call.count];
    case 'scatterAddRows':
      return [0, call.count * call.width, call.count];
    case 'cumulativeSum':
      return [call.rows * call.cols, call.rows * call.cols];
    case 'random':
      return [call.count, 4];
  }
}

/** The elements that the call writes, where each is written once and none is read; 0 where it adds to what is there. */
export function written(call: KernelCall): number {
  if (call.kernel === 'copy') return call.shape.reduce((product, n) => product * n, 1);
  return call.kernel === 'scatterAddRows' ? 0 : elements(call)[0];
}
