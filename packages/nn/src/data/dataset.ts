import { formatShape, type Rng, ShapeError, Tensor, ValueError, zeros } from '@latent/tensor';

/** Rows of numbers as users have them: a tensor [n, width], or an array of rows. */
export type RowData = Tensor | readonly (readonly number[])[] | readonly Float32Array[];

export interface BatchOptions {
  readonly batchSize: number;
  /** Shuffles with this generator; without one, rows come in order. */
  readonly rng?: Rng;
  /** Leave out a last batch that is not full; false by default. */
  readonly dropLast?: boolean;
}

/** A longer row is copied as a block, although that makes a view of it. */
const LONG_ROW = 64;

/** Rows of one width, kept as one array on the JavaScript heap and copied out batch by batch. */
export class Dataset {
  readonly length: number;
  readonly width: number;
  readonly #values: Float32Array;

  private constructor(values: Float32Array, width: number) {
    this.#values = values;
    this.width = width;
    this.length = width === 0 ? 0 : values.length / width;
  }

  /** From rows; the caller's arrays are copied. Rows of different widths are refused by number. */
  static from(rows: RowData): Dataset {
    if (rows instanceof Tensor) {
      if (rows.shape.length !== 2)
        throw new ShapeError(`Dataset: expected a tensor of rows [n, width], got ${formatShape(rows.shape)}`);
      return new Dataset(Float32Array.from(rows.data), rows.shape[1]);
    }
    if (!Array.isArray(rows) || rows.length === 0) throw new ValueError('Dataset: needs at least one row');
    const width = (rows[0] as ArrayLike<number>).length;
    const values = new Float32Array(rows.length * width);
    rows.forEach((row: ArrayLike<number>, r) => {
      if (row.length !== width) throw new ShapeError(`Dataset: row ${r} has ${row.length} values, expected ${width}`);
      values.set(row, r * width);
    });
    return new Dataset(values, width);
  }

  /** From one array with the rows end to end, which is used as it is and must not change. */
  static fromFlat(values: Float32Array, width: number): Dataset {
    if (values.length % width !== 0)
      throw new ShapeError(`Dataset: ${values.length} values are no whole number of rows of ${width}`);
    return new Dataset(values, width);
  }

  /** These rows as a tensor [rows, width]. */
  batch(indices: ArrayLike<number>): Tensor {
    const batch = zeros([indices.length, this.width]);
    this.batchInto(indices, batch);
    return batch;
  }

  /** Writes the rows from number `first` of `indices` on over `batch` [rows, width]. */
  batchInto(indices: ArrayLike<number>, batch: Tensor, first = 0): void {
    const { width } = this;
    const target = batch.storage.view(batch.dtype, batch.size);
    const values = this.#values;
    for (let i = 0; i < batch.shape[0]; i++) {
      const from = indices[first + i] * width;
      const to = i * width;
      if (width > LONG_ROW) target.set(values.subarray(from, from + width), to);
      else for (let j = 0; j < width; j++) target[to + j] = values[from + j];
    }
  }

  /** A view of one row. */
  row(index: number): Float32Array {
    return this.#values.subarray(index * this.width, (index + 1) * this.width);
  }

  /** The rows in batches, each a tensor [rows, width]; the last may be smaller. */
  *batches(options: BatchOptions): Generator<Tensor> {
    for (const indices of batchIndices(this.length, options)) yield this.batch(indices);
  }

  /** Two sets of rows drawn at random: `testFraction` (0.2) of them, and the rest. */
  split(options: { readonly rng: Rng; readonly testFraction?: number }): { train: Dataset; test: Dataset } {
    const { testFraction = 0.2 } = options;
    if (!(testFraction > 0 && testFraction < 1))
      throw new ValueError(`Dataset.split: testFraction must be between 0 and 1, got ${testFraction}`);
    const order = options.rng.permutation(this.length);
    const tests = Math.round(this.length * testFraction);
    const part = (rows: Uint32Array): Dataset => Dataset.fromFlat(Float32Array.from(this.batch(rows).data), this.width);
    return { test: part(order.subarray(0, tests)), train: part(order.subarray(tests)) };
  }
}

/** Splits rows into training and test sets at random; see `Dataset.split`. */
export function trainTestSplit(
  rows: RowData,
  options: { readonly rng: Rng; readonly testFraction?: number },
): { train: Dataset; test: Dataset } {
  return Dataset.from(rows).split(options);
}

export function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ValueError(`batches: batchSize must be a whole number ≥ 1, got ${batchSize}`);
}

/** 0, 1, … rows − 1. */
export function inOrder(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => i);
}

/** Row numbers in batches, shuffled when a generator is given. */
export function* batchIndices(
  rows: number,
  { batchSize, rng, dropLast = false }: BatchOptions,
): Generator<Uint32Array> {
  checkBatchSize(batchSize);
  const order = rng?.permutation(rows) ?? inOrder(rows);
  for (let start = 0; start < rows; start += batchSize) {
    const indices = order.subarray(start, start + batchSize);
    if (indices.length === batchSize || !dropLast) yield indices;
  }
}
