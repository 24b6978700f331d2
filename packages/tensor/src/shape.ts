import { type DType, elementBytes } from './dtype.ts';
import { MemoryError, ShapeError } from './errors.ts';
import { memory } from './memory/linear-memory.ts';
import { describeValue } from './options.ts';

/** Sizes of the axes, outermost first; a scalar's is []. Tensors are contiguous and row-major. */
export type Shape = readonly number[];

/** How many elements a shape has: the product of its sizes, 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Whether two shapes have the same sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `[2, 3]`, as errors show shapes. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Throws unless every size is a whole number ≥ 0. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new ShapeError(`${op}: shape must be an array of sizes, got ${describeValue(shape)}`);
  for (let i = 0; i < shape.length; i++) {
    const size: unknown = shape[i];
    if (!Number.isInteger(size) || (size as number) < 0) {
      throw new ShapeError(
        `${op}: sizes must be whole numbers ≥ 0, got [${Array.from(shape, (s: unknown) => describeValue(s)).join(', ')}]`,
      );
    }
  }
}

/** So many elements always fit. */
const SMALL = 2 ** 20;

/** The number of elements; throws where one tensor cannot have so many. Asked before any memory is taken. */
export function checkedSize(op: string, shape: Shape, dtype: DType): number {
  const size = sizeOf(shape);
  if (size <= SMALL) return size;
  if (!(size * elementBytes(dtype) <= memory.limit)) {
    const most = Math.floor(memory.limit / elementBytes(dtype));
    throw new MemoryError(
      `${op}: a tensor of ${formatShape(shape)} is too large; one of ${dtype} may have ${most.toLocaleString('en-US')} elements`,
    );
  }
  return size;
}

/** NumPy's rule: shapes are aligned at their last axis; sizes must agree or be 1. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  let result = shapes[0]!;
  for (let s = 1; s < shapes.length; s++) {
    const other = shapes[s]!;
    if (sameShape(result, other)) continue;
    const rank = Math.max(result.length, other.length);
    const merged: number[] = new Array(rank);
    for (let i = 1; i <= rank; i++) {
      const x = i <= result.length ? result[result.length - i]! : 1;
      const y = i <= other.length ? other[other.length - i]! : 1;
      if (x !== y && x !== 1 && y !== 1) {
        throw new ShapeError(
          `${op}: shapes do not broadcast, got ${shapes.map(formatShape).join(' and ')} (axis ${rank - i}: ${x} ≠ ${y})`,
        );
      }
      merged[rank - i] = x === 1 ? y : x;
    }
    result = merged;
  }
  return result;
}

/** An axis counted from the front, given one that may count from the back (−1 is the last). */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(
      rank === 0
        ? `${op}: a scalar has no axes, got axis ${describeValue(axis)}`
        : `${op}: axis must be between ${-rank} and ${rank - 1}, got ${describeValue(axis)}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes in increasing order, each once; `undefined` means all. */
export function normalizeAxes(op: string, axis: number | readonly number[] | undefined, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const axes = (Array.isArray(axis) ? Array.from(axis) : [axis as number])
    .map((a) => normalizeAxis(op, a, rank))
    .sort((a, b) => a - b);
  for (let i = 1; i < axes.length; i++) {
    if (axes[i] === axes[i - 1]) throw new ShapeError(`${op}: axis ${axes[i]} is given twice`);
  }
  return axes;
}

/** Elements from one index of each axis to the next. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = new Array(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}
