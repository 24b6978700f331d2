import { checkTensor, describeValue, type Shape, ShapeError, sizeOf, type Tensor, ValueError } from '@latent/tensor';
import { isList, isTyped, type TypedArray } from './arrays.ts';
import type { FlatRows } from './rows.ts';

/** Rows of different lengths, each in the room of the longest that there may be: past its end a row is NaN. */
export interface RaggedRows {
  readonly values: TypedArray;
  /** Steps of each row, at least 1. */
  readonly lengths: Uint32Array;
}

/** Steps at most, and numbers of a step. */
function sizesOf(event: Shape): { readonly steps: number; readonly features: number } {
  return { steps: event[0] as number, features: sizeOf(event.slice(1)) };
}

/** `row 3, step 7, column 1`; the column only where a step has several. */
function at(r: number, t: number, c: number, features: number): string {
  return `row ${r}, step ${t}${features > 1 ? `, column ${c}` : ''}`;
}

/**
 * Rows of up to `event[0]` steps, as a list: a row is a list of steps, or one flat array with the steps end to end. A step of one
 * number may stand by itself.
 */
export function listedRagged(caller: string, rows: readonly unknown[], event: Shape): TypedArray {
  const { steps, features } = sizesOf(event);
  const width = steps * features;
  const single = rows.length > 0 && rows.every((row) => row instanceof Float32Array);
  const values = new (single ? Float32Array : Float64Array)(rows.length * width).fill(Number.NaN);
  rows.forEach((row, r) => {
    if (!isList(row)) {
      throw new ShapeError(`${caller}: row ${r} must be a list of up to ${steps} steps, got ${describeValue(row)}`);
    }
    const nested = !isTyped(row) && isList(row[0]);
    if (!nested && row.length % features !== 0) {
      throw new ShapeError(
        `${caller}: row ${r} has ${row.length} numbers, which is no whole number of steps of ${features}`,
      );
    }
    const count = nested ? row.length : row.length / features;
    if (count > steps) throw new ShapeError(`${caller}: row ${r} has ${count} steps, at most ${steps}`);
    for (let t = 0; t < count; t++) {
      const step: unknown = nested ? row[t] : null;
      if (nested && (!isList(step) || step.length !== features)) {
        const got = isList(step) ? `${step.length}` : describeValue(step);
        throw new ShapeError(`${caller}: row ${r}, step ${t} must be ${features} numbers, got ${got}`);
      }
      for (let c = 0; c < features; c++) {
        const value: unknown = nested ? (step as ArrayLike<unknown>)[c] : row[t * features + c];
        if (typeof value !== 'number' && value !== null) {
          throw new ValueError(`${caller}: expected a number, got ${describeValue(value)} at ${at(r, t, c, features)}`);
        }
        // NaN is what rows that a model made have past their ends; null is a hole.
        if (value === null) {
          throw new ValueError(
            `${caller}: expected a finite number, got NaN or null at ${at(r, t, c, features)}; sequences have all their values`,
          );
        }
        values[r * width + t * features + c] = value;
      }
    }
  });
  return values;
}

/**
 * Where rows end that lie in the room of the longest: after the last step that has a number. Anything else that is not finite is
 * refused by its row and step, and so is a row without any step.
 */
export function lengthsOf(caller: string, values: TypedArray, event: Shape): Uint32Array {
  const { steps, features } = sizesOf(event);
  const width = steps * features;
  const lengths = new Uint32Array(values.length / width);
  for (let r = 0; r < lengths.length; r++) {
    let end = width;
    while (end > 0 && Number.isNaN(values[r * width + end - 1])) end--;
    const length = Math.ceil(end / features);
    if (length === 0) throw new ValueError(`${caller}: row ${r} has no steps; leave it out`);
    for (let i = 0; i < length * features; i++) {
      const value = values[r * width + i] as number;
      if (Number.isFinite(value)) continue;
      const got = Number.isNaN(value) ? 'NaN or null' : String(value);
      throw new ValueError(
        `${caller}: expected a finite number, got ${got} at ${at(r, Math.floor(i / features), i % features, features)}`,
      );
    }
    lengths[r] = length;
  }
  return lengths;
}

/** The same rows with zeros past their ends, in single precision, as batches hold them. */
export function zeroPadded(
  values: ArrayLike<number>,
  lengths: ArrayLike<number>,
  width: number,
  steps: number,
): Float32Array {
  const padded = Float32Array.from(values);
  const features = width / steps;
  for (let r = 0; r < lengths.length; r++)
    padded.fill(0, r * width + (lengths[r] as number) * features, (r + 1) * width);
  return padded;
}

/**
 * Rows that a model of sequences made, [n, steps, …] with NaN past each row's end, as arrays of their own lengths: of each row its
 * steps end to end.
 *
 * ```ts
 * const [first] = unpadded(vae.sample(10)); // Float64Array of steps · features numbers
 * ```
 */
export function unpadded(rows: Tensor): Float64Array[] {
  checkTensor('unpadded', rows);
  const [count = 0, steps = 1] = rows.shape;
  if (rows.shape.length < 2) throw new ShapeError('unpadded: expected rows [n, steps, …]');
  const width = rows.size / Math.max(1, count);
  const features = width / steps;
  const values = rows.data;
  return Array.from({ length: count }, (_, r) => {
    let end = width;
    while (end > 0 && Number.isNaN(values[r * width + end - 1])) end--;
    return Float64Array.from(values.subarray(r * width, r * width + Math.ceil(end / features) * features));
  });
}

/** Rows of a width as the rows that their steps are, for what knows columns alone. */
export function stepsAsRows(rows: FlatRows, features: number): FlatRows {
  const steps = rows.width / features;
  return { values: rows.values, count: rows.count * steps, width: features, steps };
}

/** `row 3, column 1`, or where rows are steps `row 3, step 7, column 1`: the place of value `i`. */
export function placeOf(
  i: number,
  { width, steps }: { readonly width: number; readonly steps?: number | undefined },
): string {
  const r = Math.floor(i / width);
  if (steps === undefined) return `row ${r}, column ${i % width}`;
  return at(Math.floor(r / steps), r % steps, i % width, width);
}
