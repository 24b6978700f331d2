import type { Dim } from '../graph/graph.ts';

/** The numbers of rows that programs are read at: with factors that nothing else is likely to have. */
export const ROWS = [5, 7] as const;

/** Something that is not the same at both numbers of rows, nor in proportion to them. */
export class Mismatch extends Error {}

/** A size at the two numbers of rows as one: fixed, or so many times the rows. */
export function dimOf(a: number, b: number): Dim {
  if (a === b) return a;
  if (a * ROWS[1] === b * ROWS[0] && a % ROWS[0] === 0) return { rows: a / ROWS[0] };
  throw new Mismatch(`${a} for ${ROWS[0]} rows and ${b} for ${ROWS[1]}`);
}

/** Parameters of an op at the two numbers of rows as one, sizes that differ as `Dim`s. */
export function unified(a: unknown, b: unknown): unknown {
  if (Object.is(a, b)) return a;
  if (typeof a === 'number' && typeof b === 'number') return dimOf(a, b);
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) return a.map((each, i) => unified(each, b[i]));
  if (isRecord(a) && isRecord(b)) {
    return Object.fromEntries(Object.keys(a).map((name) => [name, unified(a[name], b[name])]));
  }
  throw new Mismatch(`${String(a)} for ${ROWS[0]} rows and ${String(b)} for ${ROWS[1]}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two sizes are the same. */
export function sameDim(a: Dim, b: Dim): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a === b : a.rows === b.rows;
}

/** Whether two shapes are the same. */
export function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis] as Dim));
}

/** What shapes broadcast to, by NumPy's rule; they are known to fit. */
export function broadcastDims(shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}
