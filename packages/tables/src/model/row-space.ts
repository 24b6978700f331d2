import { isPlainObject, ValueError } from '@latent/tensor';
import { type ReadRows, seenColumns } from '../encode/row-code.ts';
import { numberOf } from '../input/cell.ts';
import type { Schema } from '../schema/schema.ts';

/** A column as distances see it: a number in its range, or a place for each of its levels and one for others. */
export type Axis =
  | { readonly column: number; readonly low: number; readonly range: number; readonly middle: number }
  | { readonly column: number; readonly levels: readonly string[] };

/** A column's range ends so many standard deviations from its mean, so that one far number does not hide the others. */
const FARTHEST = 10;
/** Numbers count up to one range beyond their own; levels that were not learned are as far. */
export const [LEAST, MOST] = [-1, 2];
const MOST_LEVELS = 200;

/** How the columns of rows are measured: numbers from 0 to 1 over their range, levels by whether they are there; levels that are numbers, as numbers. */
export function spaceOf(schema: Schema, learned: ReadRows): readonly Axis[] {
  return seenColumns(schema).map((_, column) => axisOf(learned, column));
}

function axisOf({ columns }: ReadRows, column: number): Axis {
  const read = columns[column];
  if (read === undefined) throw new ValueError('neighbours: a column is missing');
  const numbers = numbersOf(read);
  if (numbers === null) {
    const counts = new Map<string, number>();
    for (const key of read.values as readonly (string | null)[]) {
      if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const levels = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_LEVELS);
    return { column, levels: levels.map(([key]) => key) };
  }
  const known = numbers.filter((value) => !Number.isNaN(value));
  const [mean, std] = momentsOf(known);
  const within = (value: number): number => Math.max(mean - FARTHEST * std, Math.min(mean + FARTHEST * std, value));
  let [low, high] = [mean, mean];
  for (const value of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  low = within(low);
  const range = within(high) - low;
  const some = range > 1e-12 * Math.max(1, Math.abs(mean));
  return { column, low, range: some ? range : 1, middle: some ? (mean - low) / range : 0 };
}

/** The cells of a column as numbers, NaN for holes; null where levels are words. */
function numbersOf(read: ReadRows['columns'][number]): Float64Array | null {
  if (read.role === 'number') return read.values;
  const values = new Float64Array(read.values.length);
  for (let r = 0; r < values.length; r++) {
    const key = read.values[r] as string | null;
    values[r] = key === null ? Number.NaN : numberOf(key);
    if (key !== null && Number.isNaN(values[r])) return null;
  }
  return values;
}

/** Numbers of a row in the space of distances. */
export function widthOf(axes: readonly Axis[]): number {
  return axes.reduce((sum, axis) => sum + ('levels' in axis ? axis.levels.length + 1 : 1), 0);
}

/** Rows in the space of distances, end to end; holes are at the mean of a number, and at no level. */
export function place(axes: readonly Axis[], { columns, count }: ReadRows): Float32Array {
  const width = widthOf(axes);
  const rows = new Float32Array(count * width);
  let at = 0;
  for (const axis of axes) {
    const read = columns[axis.column] as ReadRows['columns'][number];
    if ('levels' in axis) {
      const indexOf = new Map(axis.levels.map((level, i) => [level, i]));
      for (let r = 0; r < count; r++) {
        const key = (read.values as readonly (string | null)[])[r];
        if (key === null || key === undefined) continue;
        const i = indexOf.get(key);
        rows[r * width + at + (i ?? axis.levels.length)] = i === undefined ? MOST : 1;
      }
      at += axis.levels.length + 1;
      continue;
    }
    for (let r = 0; r < count; r++) {
      const cell = read.values[r];
      const value = typeof cell === 'number' ? cell : cell === null || cell === undefined ? Number.NaN : numberOf(cell);
      const share = (value - axis.low) / axis.range;
      rows[r * width + at] = Number.isNaN(share) ? axis.middle : Math.max(LEAST, Math.min(MOST, share));
    }
    at++;
  }
  return rows;
}

/** What a file says of axes, or null. */
export function axesFrom(value: unknown, columns: number): readonly Axis[] | null {
  const finite = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x);
  const sound =
    Array.isArray(value) &&
    value.length === columns &&
    value.every(
      (axis: unknown, c) =>
        isPlainObject(axis) &&
        axis.column === c &&
        (Array.isArray(axis.levels)
          ? axis.levels.every((level) => typeof level === 'string')
          : finite(axis.low) && finite(axis.middle) && finite(axis.range) && axis.range > 0),
    );
  return sound ? (value as readonly Axis[]) : null;
}

/** Mean and standard deviation, 1 where all are alike. */
export function momentsOf(values: ArrayLike<number>): readonly [mean: number, std: number] {
  let [mean, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const before = mean;
    mean += ((values[i] as number) - mean) / (i + 1);
    squares += ((values[i] as number) - before) * ((values[i] as number) - mean);
  }
  const std = Math.sqrt(squares / Math.max(1, values.length));
  return [mean, std > 1e-12 * Math.max(1, Math.abs(mean)) ? std : 1];
}
