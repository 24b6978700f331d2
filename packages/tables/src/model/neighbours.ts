import { noGrad } from '@latent/autograd';
import { isPlainObject, Rng, step, type Tensor, tensor, ValueError } from '@latent/tensor';
import { type ReadRows, seenColumns } from '../encode/row-code.ts';
import { numberOf } from '../input/cell.ts';
import type { Schema } from '../schema/schema.ts';

/** A column as distances see it: one number, or the levels of words with how far apart each puts a row from others. */
type Axis =
  | { readonly column: number; readonly mean: number; readonly std: number }
  | { readonly column: number; readonly levels: readonly string[]; readonly weights: readonly number[] };

/** What distances are made of, as plain data. */
interface NeighbourConfig {
  readonly axes: readonly Axis[];
  /** Mean and standard deviation of both distances over watched rows. */
  readonly scales: readonly (readonly [mean: number, std: number])[];
}

/** Rows that the nearest are looked for among, at most. */
const MOST_ROWS = 4096;
/** The mean of so many nearest. */
const NEAREST = 5;
/** Small samples, and the rows of each: the distance to the nearest of a few is large only where few rows are. */
const SAMPLES = 60;
const SAMPLE = 16;
/** Numbers count up to so many standard deviations. */
const FARTHEST = 10;
const MOST_LEVELS = 200;
/** Rows at a time; fewer are padded, so that a row's distances do not depend on the others. */
const BLOCK = 256;
/** The nearest by the fast distances are measured again exactly. */
const CANDIDATES = NEAREST + 2;

/**
 * How far a row is from the rows that were learned: the mean distance to the nearest five, and the mean over 60 samples of 16 rows of the
 * distance to the nearest of a sample (Pang, Ting & Albrecht 2015), which anomalies among the learned rows cannot hide from.
 * Numbers are standardised and held at ±10, and so is whether a word is there: a rare one is far from all others. A learned
 * row is not its own neighbour.
 */
export class Neighbours {
  readonly #config: NeighbourConfig;
  /** Rows, and the rows of the samples end to end: [n, width]. */
  readonly #rows: Float32Array;
  readonly #samples: Float32Array;
  readonly #width: number;
  readonly #blocks = new Map<Float32Array, { readonly transposed: Tensor; readonly squares: Float64Array }>();

  constructor(config: NeighbourConfig, rows: Float32Array, samples: Float32Array) {
    this.#config = config;
    this.#rows = rows;
    this.#samples = samples;
    this.#width = widthOf(config.axes);
  }

  /** Learns from rows; distances are brought to a common scale by those of `watched`. */
  static of(schema: Schema, learned: ReadRows, watched: ReadRows, seed: number): Neighbours {
    const axes = seenColumns(schema).map((_, column) => axisOf(learned, column));
    const order = new Rng(seed).permutation(learned.count);
    const all = place(axes, learned);
    const width = widthOf(axes);
    const take = (places: ArrayLike<number>): Float32Array => {
      const rows = new Float32Array(places.length * width);
      Array.from(places).forEach((r, i) => {
        rows.set(all.subarray(r * width, (r + 1) * width), i * width);
      });
      return rows;
    };
    const rng = new Rng(seed + 1);
    const size = Math.min(SAMPLE, Math.max(1, Math.floor(learned.count / 2)));
    const samples = Array.from({ length: SAMPLES }, () => Array.from(rng.permutation(learned.count).subarray(0, size)));
    const plain = new Neighbours({ axes, scales: [] }, take(order.subarray(0, MOST_ROWS)), take(samples.flat()));
    const scales = plain.#distances(watched).map((distances) => momentsOf(distances));
    return new Neighbours({ axes, scales }, plain.#rows, plain.#samples);
  }

  /** The mean of both distances of each row, in standard deviations from their means. */
  scores(rows: ReadRows): Float64Array {
    const both = this.#distances(rows);
    return Float64Array.from({ length: rows.count }, (_, r) =>
      both.reduce((sum, distances, d) => {
        const [mean, std] = this.#config.scales[d] as readonly [number, number];
        return sum + ((distances[r] as number) - mean) / std / both.length;
      }, 0),
    );
  }

  #distances(read: ReadRows): readonly [nearest: Float64Array, sampled: Float64Array] {
    const width = this.#width;
    const rows = place(this.#config.axes, read);
    const nearest = new Float64Array(read.count);
    const sampled = new Float64Array(read.count);
    const size = this.#samples.length / width / SAMPLES;
    for (let start = 0; start < read.count; start += BLOCK) {
      const count = Math.min(BLOCK, read.count - start);
      const block = rows.subarray(start * width, (start + count) * width);
      const far = this.#squared(block, count, this.#rows);
      const few = this.#squared(block, count, this.#samples);
      const [n, m] = [this.#rows.length / width, this.#samples.length / width];
      for (let r = 0; r < count; r++) {
        const own = block.subarray(r * width, (r + 1) * width);
        const found = smallest(far, r * n, (r + 1) * n, CANDIDATES)
          .map((i) => distance(own, this.#rows, i * width))
          .sort((a, b) => a - b);
        if (found[0] === 0 && found.length > 1) found.shift();
        const near = found.slice(0, NEAREST);
        nearest[start + r] = near.reduce((sum, d) => sum + d, 0) / near.length;
        let total = 0;
        for (let s = 0; s < SAMPLES; s++) {
          const from = r * m + s * size;
          const two = smallest(few, from, from + size, 2).map((i) =>
            distance(own, this.#samples, (s * size + i) * width),
          );
          two.sort((a, b) => a - b);
          total += two[0] === 0 && two.length > 1 ? (two[1] as number) : (two[0] as number);
        }
        sampled[start + r] = total / SAMPLES;
      }
    }
    return [nearest, sampled];
  }

  /** |x|² − 2x·r + |r|² up to |x|², of a block of rows to all of `others`: [rows, others]. */
  #squared(block: Float32Array, count: number, others: Float32Array): Float32Array {
    const width = this.#width;
    let known = this.#blocks.get(others);
    if (known === undefined) {
      const n = others.length / width;
      const squares = Float64Array.from({ length: n }, (_, i) => {
        let sum = 0;
        for (let c = 0; c < width; c++) sum += (others[i * width + c] as number) ** 2;
        return sum;
      });
      known = { transposed: tensor(others, { shape: [n, width] }).transpose(), squares };
      this.#blocks.set(others, known);
    }
    const { transposed, squares } = known;
    const padded = new Float32Array(BLOCK * width);
    padded.set(block);
    const products = noGrad(() => step(() => tensor(padded, { shape: [BLOCK, width] }).matmul(transposed))).data;
    const n = squares.length;
    const result = new Float32Array(count * n);
    for (let i = 0; i < result.length; i++) result[i] = (squares[i % n] as number) - 2 * (products[i] as number);
    return result;
  }

  /** As a file has it. */
  save(): { readonly config: NeighbourConfig; readonly tensors: Readonly<Record<string, Tensor>> } {
    const width = this.#width;
    const table = (rows: Float32Array): Tensor => tensor(rows, { shape: [rows.length / width, width] });
    return { config: this.#config, tensors: { rows: table(this.#rows), samples: table(this.#samples) } };
  }

  static load(
    config: unknown,
    tensors: Readonly<Record<string, Tensor | undefined>>,
    columns: number,
    fail: (what: string) => never,
  ): Neighbours {
    const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
    if (!isPlainObject(config) || !Array.isArray(config.axes) || !Array.isArray(config.scales))
      return fail('neighbours');
    const axes = config.axes as readonly unknown[];
    const sound =
      axes.length === columns &&
      axes.every(
        (axis, c) =>
          isPlainObject(axis) &&
          axis.column === c &&
          (Array.isArray(axis.levels)
            ? axis.levels.every((level) => typeof level === 'string') &&
              Array.isArray(axis.weights) &&
              axis.weights.length === axis.levels.length &&
              axis.weights.every(finite)
            : finite(axis.mean) && finite(axis.std) && axis.std > 0),
      ) &&
      config.scales.length === 2 &&
      config.scales.every(
        (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(finite) && (pair[1] as number) > 0,
      );
    const { rows, samples } = tensors;
    const width = sound ? widthOf(axes as readonly Axis[]) : 0;
    const fits = (x: Tensor | undefined): x is Tensor =>
      x !== undefined && x.shape.length === 2 && x.shape[1] === width;
    if (!sound || !fits(rows) || !fits(samples) || rows.size === 0 || samples.size === 0) return fail('neighbours');
    if ((samples.shape[0] as number) % SAMPLES !== 0) return fail('neighbours');
    return new Neighbours(
      config as unknown as NeighbourConfig,
      rows.data as Float32Array,
      samples.data as Float32Array,
    );
  }
}

function widthOf(axes: readonly Axis[]): number {
  return axes.reduce((sum, axis) => sum + ('levels' in axis ? axis.levels.length + 1 : 1), 0);
}

/** How a column is measured: levels that are numbers, as numbers. */
function axisOf({ columns }: ReadRows, column: number): Axis {
  const read = columns[column];
  if (read === undefined) throw new ValueError('neighbours: a column is missing');
  const numbers = numbersOf(read);
  if (numbers !== null) {
    const [mean, std] = momentsOf(numbers.filter((value) => !Number.isNaN(value)));
    return { column, mean, std };
  }
  const counts = new Map<string, number>();
  for (const key of read.values as readonly (string | null)[]) {
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const levels = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_LEVELS);
  const total = Math.max(1, read.values.length);
  return {
    column,
    levels: levels.map(([key]) => key),
    // 1 over the standard deviation of whether a row has the level.
    weights: levels.map(([, count]) =>
      Math.min(FARTHEST, 1 / Math.sqrt((count / total) * (1 - count / total) + 1e-12)),
    ),
  };
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

/** Rows in the space of distances, end to end; the middle in holes. */
function place(axes: readonly Axis[], { columns, count }: ReadRows): Float32Array {
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
        // Levels that were not learned are as far as can be.
        const place = r * width + at + (i ?? axis.levels.length);
        rows[place] = i === undefined ? FARTHEST : (axis.weights[i] as number);
      }
      at += axis.levels.length + 1;
      continue;
    }
    for (let r = 0; r < count; r++) {
      const cell = read.values[r];
      const value = typeof cell === 'number' ? cell : cell === null || cell === undefined ? Number.NaN : numberOf(cell);
      const z = (value - axis.mean) / axis.std;
      rows[r * width + at] = Number.isNaN(z) ? 0 : Math.max(-FARTHEST, Math.min(FARTHEST, z));
    }
    at++;
  }
  return rows;
}

function momentsOf(values: ArrayLike<number>): readonly [mean: number, std: number] {
  let [mean, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const before = mean;
    mean += ((values[i] as number) - mean) / (i + 1);
    squares += ((values[i] as number) - before) * ((values[i] as number) - mean);
  }
  const std = Math.sqrt(squares / Math.max(1, values.length));
  return [mean, std > 1e-12 * Math.max(1, Math.abs(mean)) ? std : 1];
}

/** The places, counted from `from`, of the smallest of values[from, to). */
function smallest(values: Float32Array, from: number, to: number, most: number): number[] {
  const found: number[] = [];
  let bound = Infinity;
  for (let i = from; i < to; i++) {
    const value = values[i] as number;
    if (value >= bound) continue;
    let place = found.length;
    while (place > 0 && (values[from + (found[place - 1] as number)] as number) > value) place--;
    found.splice(place, 0, i - from);
    if (found.length > most) found.pop();
    if (found.length === most) bound = values[from + (found[most - 1] as number)] as number;
  }
  return found;
}

function distance(a: Float32Array, rows: Float32Array, start: number): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += ((a[c] as number) - (rows[start + c] as number)) ** 2;
  return Math.sqrt(sum);
}
