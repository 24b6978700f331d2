import { type DType, elementBytes } from '../dtype.ts';
import type { Expr } from '../expr/expr.ts';
import type { Compiled, Linker } from './wasm/linker.ts';

/**
 * One call of a kernel, as plain data: the kernel's row, addresses and sizes. `pointers` are byte offsets into the linear
 * memory, the outputs before the inputs; sizes count elements. Each kernel adds its own sizes.
 */
export interface KernelCall {
  readonly kernel: Kernel;
  readonly dtype: DType;
  readonly pointers: readonly number[];
}

/** The bytes that a call touches of an operand, counted from its pointer: `from` (0, or below it where a stride is negative) up to `to`. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** A part of a range of units. */
export interface Range {
  readonly begin: number;
  readonly count: number;
}

/** What one of several threads takes of a call. */
export interface Share {
  readonly threads: number;
  /** This thread's part of so many units, which is a multiple of `granule` unless it is the last. */
  of(units: number, granule?: number): Range;
  /** All of it for the first thread, nothing for the others. */
  whole<C>(call: C): C | null;
}

/**
 * A kernel is a row: what it touches, how it divides, what it costs, what it means in plain JavaScript and how it is
 * done in WebAssembly, in one folder. Whatever records, fuses, plans, divides, lowers or profiles calls asks their rows;
 * nothing knows a kernel by name. `list.ts` names all rows, for tests alone: production code imports the row it calls, so
 * that a bundle holds no kernel that it cannot call.
 *
 * The contract: a call writes its results and allocates nothing, and no view outlives it. Shapes were checked by the op
 * rows, so nothing is checked here. An output may be the very buffer of an input with the same layout where the row says
 * so; otherwise outputs and inputs do not overlap. Up to 32 bytes past an operand may be read, never written. Sums are
 * pairwise or compensated. NaN goes in, NaN comes out.
 */
export interface Kernel<C extends KernelCall = KernelCall> {
  readonly name: string;
  /** How many of the pointers are outputs. */
  outputs(call: C): number;
  /** What the call touches of each operand. */
  extents(call: C): Extent[];
  /** The bytes that it writes of an output, where it writes each once and reads none; 0 where it adds to what is there. */
  written(call: C, output: number): number;
  /** What is in the outputs before counts: they are read too. */
  readonly accumulates?: boolean;
  /**
   * The part of a call that one of several threads does; null for nothing. Parts write different elements, and each
   * element is computed as in the whole call, so the result has the same bits. Where a sum must be cut, its parts are
   * an output of their own and a second call adds them up, so that the order does not depend on the threads.
   */
  split(call: C, share: Share): C | null;
  /** About how long it takes on one core. Only the order of magnitude matters. */
  nanoseconds(call: C): number;
  /** Floating-point operations, where they are what bounds the call. */
  flop?(call: C): number;
  /** What the call is called in a profile. */
  label(call: C): string;
  /** For kernels that evaluate an elementwise formula: what fusion needs. */
  readonly formula?: FormulaKernel<C>;
  /** The call in plain JavaScript: complete, simple, and the definition. */
  reference(call: C): void;
  readonly wasm?: WasmKernel<C>;
}

/** How a kernel is done by functions that are generated when first needed. */
export interface WasmKernel<C extends KernelCall> {
  /** Whether it does this call; else the reference does. */
  takes(call: C): boolean;
  /** Bytes of room that the call needs while it runs. */
  scratch?(call: C): number;
  /**
   * Calls the functions that do the work. What it passes them depends on the pointers as a sum of multiples of them:
   * in a loop the same functions are called with arguments that go on by the same step from turn to turn.
   */
  run(call: C, linker: Linker, scratch: number): void;
}

/** How an operand of a `rows × cols` formula lies in memory; see `map/layout.ts`. */
export type Layout = 0 | 1 | 2 | 3;

/** An elementwise formula as a kernel evaluates it: at each element of rows × cols, its inputs lying as `layouts` say. */
export interface Formula {
  readonly program: MapProgram;
  readonly rows: number;
  readonly cols: number;
  readonly layouts: readonly Layout[];
}

/** A kernel that evaluates a formula may take over the formulas that make its inputs. */
export interface FormulaKernel<C extends KernelCall> {
  /** Whether the first expression is used up, for output 0; all others are written element by element (outputs `FULL`). */
  readonly reduces: boolean;
  /** Whether a call may have expressions that are written. */
  writes(call: C): boolean;
  of(call: C): Formula;
  /** The same call of another formula, over as many elements. */
  with(call: C, formula: Formula, pointers: readonly number[]): C;
}

/** An elementwise formula, made once and kept: `outputs[i] = expressions[i](inputs)`. */
export interface MapProgram {
  readonly name: string;
  readonly expressions: readonly Expr[];
  readonly inputs: number;
  /** What was made of it, by a key of the maker's own. */
  readonly compiled: Map<string, unknown>;
  /** What the kernels in use linked of it last. */
  readonly recent: { linker: Linker | null; key: number; compiled: Compiled | null };
}

/** The extent of the first `count` elements. */
export function elements(dtype: DType, count: number): Extent {
  return { from: 0, to: count * elementBytes(dtype) };
}

/** The pointers of a call, each moved on by so many elements. */
export function moved(call: KernelCall, steps: readonly number[]): number[] {
  const bytes = elementBytes(call.dtype);
  return call.pointers.map((pointer, i) => pointer + bytes * (steps[i] as number));
}

/** Elements of a cache line: two threads should not write to the same one. */
export const LINE = 16;

/** Nanoseconds of a call that mostly moves memory. */
export function movingTime(extents: readonly Extent[]): number {
  return extents.reduce((sum, { from, to }) => sum + to - from, 0) * 0.06;
}
