import { persistentZeros, type Shape, type Tensor, whole } from '@latent/tensor';
import {
  ArrayDataset,
  type Batch,
  type BatchSpec,
  type Dataset,
  inOrder,
  type Pass,
  type PassOptions,
} from './dataset.ts';
import { zeroPadded } from './ragged.ts';
import type { FlatRows } from './rows.ts';

/** Steps that batches are padded to: their longest row's next. */
const BUCKETS = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096];

/** The numbers of steps that rows of up to `steps` are padded to, smallest first. */
export function bucketsOf(steps: number): readonly number[] {
  whole({ min: 1 })(steps, { caller: 'bucketsOf', path: 'steps' });
  return [...BUCKETS.filter((size) => size < steps), steps];
}

/** What the rows of a data set of sequences are. */
export interface SequenceDatasetOptions {
  /** The shape of the longest row: [steps, …]. */
  readonly shape: Shape;
  /** Pad batches to the next of some sizes past their longest row, in place of the most that there may be. */
  readonly cut: boolean;
  /** Let rows of similar lengths meet in the batches of shuffled walks; true by default. */
  readonly bucketed?: boolean;
}

/**
 * Rows of different lengths in memory: batches hold `x` [rows, steps, …] with zeros past each row's end, and `lengths` [rows].
 * Where batches are cut to their longest row, shuffled walks put rows of similar lengths together unless told not to: few steps are
 * padding, few sizes are recorded, and which rows meet is still drawn anew each time.
 */
export class SequenceDataset implements Dataset {
  readonly spec: BatchSpec;
  readonly length: number;
  readonly #values: Float32Array;
  readonly #lengths: Uint32Array;
  readonly #shape: Shape;
  /** What batches are padded to, and what rows are put together by. */
  readonly #sizes: readonly number[];
  readonly #buckets: readonly number[];
  readonly #beside: ArrayDataset;
  readonly #batches = new Map<string, Batch>();

  constructor(
    { values, count, width, lengths }: FlatRows,
    { shape, cut, bucketed = true }: SequenceDatasetOptions,
    beside: Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape }>> = {},
  ) {
    const steps = shape[0] as number;
    this.length = count;
    this.#lengths = lengths ?? new Uint32Array(count).fill(steps);
    this.#values = zeroPadded(values, this.#lengths, width, steps);
    this.#shape = shape;
    this.#sizes = cut ? bucketsOf(steps) : [steps];
    this.#buckets = bucketed ? this.#sizes : [steps];
    this.#beside = new ArrayDataset({
      lengths: { rows: { values: this.#lengths, count, width: 1 }, shape: [] },
      ...beside,
    });
    this.spec = { x: shape, ...this.#beside.spec };
  }

  pass({ batchSize, rng, skip = 0 }: PassOptions): Pass {
    const walk = rng ? this.#shuffled(batchSize, rng.permutation(this.length), (n) => rng.permutation(n)) : null;
    const order = walk?.order ?? inOrder(this.length);
    const sizes = walk?.sizes ?? [];
    let done = 0;
    let batch = 0;
    const sizeNow = (): number => sizes[batch] ?? Math.min(batchSize, this.length - done);
    const advance = (): void => {
      done += sizeNow();
      batch++;
    };
    while (done < skip) advance();
    return {
      next: () => {
        if (done >= this.length) return null;
        const rows = order.subarray(done, done + sizeNow());
        advance();
        return this.#batch(rows);
      },
    };
  }

  /** Whole batches of rows of one bucket each, then those of what is left over, in a drawn order. */
  #shuffled(
    batchSize: number,
    drawn: Uint32Array,
    permutation: (n: number) => Uint32Array,
  ): { readonly order: Uint32Array; readonly sizes: readonly number[] } {
    const buckets = this.#buckets.map((): number[] => []);
    for (const row of drawn) buckets[firstFor(this.#buckets, this.#lengths[row] as number)]?.push(row);
    const batches: number[][] = [];
    let rest: number[] = [];
    for (const rows of buckets) {
      const whole = rows.length - (rows.length % batchSize);
      for (let from = 0; from < whole; from += batchSize) batches.push(rows.slice(from, from + batchSize));
      rest = [...rest, ...rows.slice(whole)];
      // Leftovers of neighbouring buckets, longest rows last.
      while (rest.length >= batchSize) batches.push(rest.splice(0, batchSize));
    }
    if (rest.length > 0) batches.push(rest);
    const ordered = Array.from(permutation(batches.length), (i) => batches[i] as number[]);
    return { order: Uint32Array.from(ordered.flat()), sizes: ordered.map((rows) => rows.length) };
  }

  /** These rows; the tensors are written over by the batch after. */
  rows(indices: Uint32Array): Batch {
    return this.#batch(indices);
  }

  #batch(rows: Uint32Array): Batch {
    let longest = 1;
    for (const row of rows) longest = Math.max(longest, this.#lengths[row] as number);
    const steps = this.#sizes[firstFor(this.#sizes, longest)] as number;
    const key = `${rows.length} ${steps}`;
    let batch = this.#batches.get(key);
    if (batch === undefined) {
      const shapes = Object.entries({ ...this.spec, x: [steps, ...this.#shape.slice(1)] });
      batch = Object.fromEntries(shapes.map(([name, shape]) => [name, persistentZeros([rows.length, ...shape])]));
      this.#batches.set(key, batch);
    }
    const { x, ...beside } = batch as Batch & { readonly x: Tensor };
    const width = this.#values.length / this.length;
    const part = (width / (this.#shape[0] as number)) * steps;
    const values = new Float32Array(rows.length * part);
    rows.forEach((row, i) => {
      values.set(this.#values.subarray(row * width, row * width + part), i * part);
    });
    x.assign(values);
    this.#beside.fill(rows, beside);
    return batch;
  }

  fingerprint(): string {
    const x = { values: this.#values, count: this.length, width: this.#values.length / this.length };
    return `${new ArrayDataset({ x: { rows: x, shape: this.#shape } }).fingerprint()}${this.#beside.fingerprint()}`;
  }
}

/** Where the first of ascending sizes is that has room for `length`. */
function firstFor(sizes: readonly number[], length: number): number {
  return sizes.findIndex((size) => size >= length);
}
