import { isPlainObject, Rng, type Tensor, tensor, ValueError } from '@latent/tensor';
import { joinRows, pickRows, type ReadRows, seenColumns } from '../encode/row-code.ts';
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
  /** How much the distance to samples counts beside that to the nearest. */
  readonly share: number;
}

/** Rows that the nearest are looked for among, at most. */
const MOST_ROWS = 4096;
/** The mean of so many nearest. */
const NEAREST = 5;
/** Small samples, and the rows of each: the distance to the nearest of a few is large only where few rows are. */
const SAMPLES = 60;
const SAMPLE = 16;
/** Rows whose distances tell how long their tail is; a tail of a Gaussian's length is 1. */
const TOLD = 1000;
const [SHORT_TAIL, LONG_TAIL] = [1.1, 1.8];
/** Numbers count up to so many standard deviations. */
const FARTHEST = 10;
const MOST_LEVELS = 200;

/**
 * How far a row is from the rows that were learned: the mean distance to the nearest five, which is sharp where none of them is odd, and
 * the mean over 60 samples of 16 rows of the distance to the nearest of a sample (Pang, Ting & Albrecht 2015), which odd
 * rows among the learned ones cannot hide from. The longer the tail of the learned rows, the more the second counts. Distances are sums of absolute differences, which one far column sways less than squares. Numbers
 * are standardised and held at ±10, and so is whether a word is there: a rare one is far from all others. A learned row is
 * not its own neighbour.
 */
export class Neighbours {
  readonly #config: NeighbourConfig;
  /** Rows, and the rows of the samples end to end: [n, width]. */
  readonly #rows: Float32Array;
  readonly #samples: Float32Array;
  readonly #width: number;

  constructor(config: NeighbourConfig, rows: Float32Array, samples: Float32Array) {
    this.#config = config;
    this.#rows = rows;
    this.#samples = samples;
    this.#width = widthOf(config.axes);
  }

  /** Learns from rows; distances are brought to a common scale by those of `watched`. */
  static of(schema: Schema, learned: ReadRows, watched: ReadRows, seed: number): Neighbours {
    const axes = seenColumns(schema).map((_, column) => axisOf(learned, column));
    const all = place(axes, joinRows([learned, watched]));
    const width = widthOf(axes);
    const count = all.length / width;
    const rng = new Rng(seed);
    const some = (most: number): Float32Array => {
      const places = rng.permutation(count).subarray(0, most);
      const rows = new Float32Array(places.length * width);
      places.forEach((r, i) => {
        rows.set(all.subarray(r * width, (r + 1) * width), i * width);
      });
      return rows;
    };
    const rows = some(MOST_ROWS);
    const size = sampleOf(count);
    const samples = new Float32Array(SAMPLES * size * width);
    for (let i = 0; i < SAMPLES; i++) samples.set(some(size), i * size * width);
    const plain = new Neighbours({ axes, scales: [], share: 0 }, rows, samples);
    const places = Array.from(rng.permutation(learned.count).subarray(0, TOLD));
    const tail = tailOf(plain.#distances(pickRows(learned, places))[1]);
    const share = Math.max(0, Math.min(1, (tail - SHORT_TAIL) / (LONG_TAIL - SHORT_TAIL)));
    const scales = plain.#distances(watched).map((distances) => momentsOf(distances));
    return new Neighbours({ axes, scales, share }, rows, samples);
  }

  /** The distances of each row, in standard deviations from their means, as much of each as it counts. */
  scores(rows: ReadRows): Float64Array {
    const { scales, share } = this.#config;
    const [nearest, sampled] = this.#distances(rows).map((distances, d) => {
      const [mean, std] = scales[d] as readonly [number, number];
      return distances.map((distance) => (distance - mean) / std);
    }) as [Float64Array, Float64Array];
    return nearest.map((distance, r) => (1 - share) * distance + share * (sampled[r] as number));
  }

  #distances(read: ReadRows): readonly [nearest: Float64Array, sampled: Float64Array] {
    const width = this.#width;
    const rows = place(this.#config.axes, read);
    const [nearest, sampled] = [new Float64Array(read.count), new Float64Array(read.count)];
    const last = this.#rows.length / width;
    const size = this.#samples.length / width / SAMPLES;
    for (let r = 0; r < read.count; r++) {
      nearest[r] = meanOfNearest(rows, r * width, this.#rows, width, 0, last, NEAREST);
      let total = 0;
      for (let i = 0; i < SAMPLES; i++)
        total += meanOfNearest(rows, r * width, this.#samples, width, i * size, (i + 1) * size, 1);
      sampled[r] = total / SAMPLES;
    }
    return [nearest, sampled];
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
      finite(config.share) &&
      config.share >= 0 &&
      config.share <= 1 &&
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

/** The rows of a sample: so few that odd rows among a table's are missing from most of its samples. */
function sampleOf(count: number): number {
  return Math.max(1, Math.min(SAMPLE, count >> 3));
}

/** How far the upper twentieth is beyond the middle two thirds, a Gaussian's being 1. */
function tailOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const spread = (at(0.84) - at(0.16)) / 2;
  return spread > 0 ? (at(0.95) - at(0.5)) / spread / 1.645 : LONG_TAIL;
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

/**
 * The mean distance of one row to the `most` nearest of others[from, to), itself left out: nearer rows are kept, and a sum that is
 * past the farthest of them is not finished.
 */
function meanOfNearest(
  rows: Float32Array,
  start: number,
  others: Float32Array,
  width: number,
  from: number,
  to: number,
  most: number,
): number {
  // One more than asked, since the row may be among them.
  const found = new Float64Array(most + 1).fill(Infinity);
  for (let i = from; i < to; i++) {
    const other = i * width;
    const bound = found[most] as number;
    let sum = 0;
    for (let c = 0; c < width && sum < bound; c++)
      sum += Math.abs((rows[start + c] as number) - (others[other + c] as number));
    if (sum >= bound) continue;
    let place = most;
    for (; place > 0 && (found[place - 1] as number) > sum; place--) found[place] = found[place - 1] as number;
    found[place] = sum;
  }
  const first = found[0] === 0 && found[1] !== Infinity ? 1 : 0;
  let [total, count] = [0, 0];
  for (let k = first; k < first + most && found[k] !== Infinity; k++, count++) total += found[k] as number;
  return total / count;
}
