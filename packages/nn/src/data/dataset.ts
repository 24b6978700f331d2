import {
  type Check,
  checkOptions,
  describeValue,
  fillRows,
  flag,
  isPlainObject,
  list,
  optional,
  persistentZeros,
  type Rng,
  real,
  refuse,
  refuseUnknown,
  type Shape,
  sizeOf,
  type Tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { generatorCheck } from '../registry/generator.ts';
import { isList, isTyped } from './arrays.ts';
import { type FlatRows, parseRows, type Rows } from './rows.ts';

/** Named tensors whose first axis is the rows: `x`, and what goes with it (`y`, `observed`, `lengths`, …). */
export type Batch = { readonly [name: string]: Tensor };

/** The shape of one row of each tensor of a batch. */
export type BatchSpec = { readonly [name: string]: Shape };

/** How a pass over a data set goes. */
export interface PassOptions {
  readonly batchSize: number;
  /** Shuffles, and is advanced by it; without one, rows come in order. */
  readonly rng?: Rng | null;
  /** Rows at the start that were dealt with before; the order is as if they were not skipped. */
  readonly skip?: number;
}

/** One walk over all rows, batch by batch. */
export interface Pass {
  /**
   * The next batch; null after the last. Its tensors are written over by the batch after. A promise where it has to be
   * waited for.
   */
  next(): Batch | null | Promise<Batch | null>;
  /** Gives up what the walk holds (an open file, a cursor). */
  close?(): void | Promise<void>;
}

/** Rows to train on: how many, of what, and walks over them. */
export interface Dataset {
  readonly spec: BatchSpec;
  /** Null where it is not known before the first walk ends. */
  readonly length: number | null;
  pass(options: PassOptions): Pass;
  /** The rows of one name in order, in the precision they came in: for what learns from them before training. */
  scan?(name: string): Iterable<FlatRows> | AsyncIterable<FlatRows>;
  /** The same rows with those of one name changed on their way into batches. */
  mapped?(name: string, change: (rows: FlatRows) => Float32Array): Dataset;
  /** Tells one set of rows from another, for runs that go on from a checkpoint. */
  fingerprint?(): string;
}

/** A check for a batch size. */
export const batchSizeCheck = /* @__PURE__ */ whole({ min: 1 });

const splitChecks = {
  rng: generatorCheck,
  testFraction: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0, below: 1 }), 0.2),
};

/** Throws unless a data set has rows of that name. */
export function knownName(caller: string, spec: BatchSpec, name: string): void {
  if (!Object.hasOwn(spec, name)) refuseUnknown(caller, 'array of rows', String(name), Object.keys(spec));
}

/** 0, 1, … rows − 1. */
export function inOrder(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => i);
}

/** One tensor of each name for each number of rows, written over and over. */
export class BatchRoom {
  readonly #spec: BatchSpec;
  readonly #batches = new Map<number, Batch>();

  constructor(spec: BatchSpec) {
    this.#spec = spec;
  }

  of(rows: number): Batch {
    let batch = this.#batches.get(rows);
    if (batch === undefined) {
      batch = Object.fromEntries(
        Object.entries(this.#spec).map(([name, shape]) => [name, persistentZeros([rows, ...shape])]),
      );
      this.#batches.set(rows, batch);
    }
    return batch;
  }
}

/** Rows in memory, one flat array for each name. */
export class ArrayDataset implements Dataset {
  readonly spec: BatchSpec;
  readonly length: number;
  readonly #columns: readonly (readonly [name: string, values: FlatRows['values']])[];
  readonly #room: BatchRoom;

  /** From rows that were parsed; their arrays are used as they are and must not change. */
  constructor(columns: Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape }>>) {
    const entries = Object.entries(columns);
    const first = entries[0];
    if (first === undefined) throw new ValueError('dataset: needs at least one named array of rows');
    this.length = first[1].rows.count;
    for (const [name, { rows }] of entries) {
      if (rows.count !== this.length) {
        throw new ValueError(`dataset: ${name} has ${rows.count} rows, but ${first[0]} has ${this.length}`);
      }
    }
    this.spec = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape]));
    this.#columns = entries.map(([name, { rows }]) => [name, rows.values]);
    this.#room = new BatchRoom(this.spec);
  }

  pass({ batchSize, rng, skip = 0 }: PassOptions): Pass {
    batchSizeCheck(batchSize, { caller: 'batches', path: 'batchSize' });
    const order = rng?.permutation(this.length) ?? inOrder(this.length);
    let done = skip;
    return {
      next: () => {
        if (done >= this.length) return null;
        const batch = this.#room.of(Math.min(batchSize, this.length - done));
        this.fill(order, batch, done);
        done += batchSize;
        return batch;
      },
    };
  }

  /** Writes the rows from number `first` of `indices` on over `batch`. */
  fill(indices: ArrayLike<number>, batch: Batch, first = 0): void {
    for (const [name, values] of this.#columns) fillRows(batch[name] as Tensor, values, indices, first);
  }

  *scan(name: string): Iterable<FlatRows> {
    knownName('scan', this.spec, name);
    for (const [own, values] of this.#columns) {
      if (own === name) yield { values, count: this.length, width: sizeOf(this.spec[name] as Shape) };
    }
  }

  /** All rows by name, as they lie in memory. */
  get columns(): Readonly<Record<string, { readonly rows: FlatRows; readonly shape: Shape; readonly called: string }>> {
    return Object.fromEntries(
      this.#columns.map(([name, values]) => {
        const shape = this.spec[name] as Shape;
        const rows: FlatRows = { values, count: this.length, width: sizeOf(shape) };
        return [name, { rows, shape, called: `rows '${name}'` }];
      }),
    );
  }

  mapped(name: string, change: (rows: FlatRows) => Float32Array): ArrayDataset {
    knownName('mapped', this.spec, name);
    const { columns } = this;
    const own = columns[name] as (typeof columns)[string];
    return new ArrayDataset({ ...columns, [name]: { ...own, rows: { ...own.rows, values: change(own.rows) } } });
  }

  /** These rows as tensors of their own. */
  rows(indices: ArrayLike<number>): Batch {
    const check = whole({ min: 0, max: this.length - 1 });
    for (let i = 0; i < indices.length; i++) check(indices[i], { caller: 'rows', path: `[${i}]` });
    const batch = Object.fromEntries(
      Object.entries(this.spec).map(([name, shape]) => [name, persistentZeros([indices.length, ...shape])]),
    );
    this.fill(indices, batch);
    return batch;
  }

  /** Two sets of rows drawn at random: `testFraction` (0.2) of them, at least one, and the rest, at least one. */
  split(options: { readonly rng: Rng; readonly testFraction?: number }): { train: ArrayDataset; test: ArrayDataset } {
    const { rng, testFraction } = checkOptions('split', options, splitChecks);
    if (this.length < 2) throw new ValueError(`split: needs at least two rows, got ${this.length}`);
    const order = rng.permutation(this.length);
    const tests = Math.min(this.length - 1, Math.max(1, Math.round(this.length * testFraction)));
    return { test: this.#part(order.subarray(0, tests)), train: this.#part(order.subarray(tests)) };
  }

  #part(indices: Uint32Array): ArrayDataset {
    const columns = this.#columns.map(([name, values]) => {
      const shape = this.spec[name] as Shape;
      const width = sizeOf(shape);
      const chosen = new (values.constructor as new (length: number) => FlatRows['values'])(indices.length * width);
      indices.forEach((row, i) => {
        chosen.set(values.subarray(row * width, (row + 1) * width), i * width);
      });
      return [name, { rows: { values: chosen, count: indices.length, width }, shape }] as const;
    });
    return new ArrayDataset(Object.fromEntries(columns));
  }

  fingerprint(): string {
    let hash = 0x811c9dc5;
    for (const [name, values] of this.#columns) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
      for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    }
    return (hash >>> 0).toString(16).padStart(8, '0');
  }
}

export interface DatasetOptions {
  /** The shape of a row by name, where it cannot be read off the first: of flat arrays. */
  readonly shapes?: Readonly<Record<string, Shape>>;
  /** Whether values may be missing (NaN or null); false by default. */
  readonly holes?: boolean;
}

/** A check for the shapes of rows by name. */
export const specCheck: Check<BatchSpec> = (value, at) => {
  if (!isPlainObject(value)) return refuse(at, 'the shape of a row by name, such as { x: [784] }', value);
  const shape = list(whole({ min: 1 }), { max: 8 });
  return Object.fromEntries(
    Object.entries(value).map(([name, of]) => [name, shape(of, { caller: at.caller, path: `${at.path}.${name}` })]),
  );
};

const datasetChecks = {
  shapes: /* @__PURE__ */ optional(specCheck, {} as BatchSpec),
  holes: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
};

/**
 * A data set of rows in memory: `dataset({ x: rows })`, or with what goes with each row, `dataset({ x: rows, y: labels })`.
 * Rows are copied. The shape of a row is read off the first (a number is a row of shape []), or given in `shapes`.
 */
export function dataset(
  columns: Readonly<Record<string, Rows | readonly number[]>>,
  options: DatasetOptions = {},
): ArrayDataset {
  const { shapes, holes } = checkOptions('dataset', options, datasetChecks);
  if (!isPlainObject(columns)) {
    throw new ValueError(`dataset: give rows by name, such as { x: rows }, got ${describeValue(columns)}`);
  }
  for (const name of Object.keys(shapes)) knownName('dataset: shapes', columns as never, name);
  const parsed = Object.entries(columns).map(([name, data]) => {
    const caller = `dataset: ${name}`;
    const shape = shapes[name] ?? rowShape(caller, data);
    return [name, { rows: parseRows(caller, data, shape, { holes }), shape }] as const;
  });
  return new ArrayDataset(Object.fromEntries(parsed));
}

/** The shape of a row, read off the first. */
export function rowShape(caller: string, data: unknown): Shape {
  if (typeof data === 'object' && data !== null && 'storage' in data) return (data as Tensor).shape.slice(1);
  if (isTyped(data)) throw new ValueError(`${caller}: give the shape of a row beside a flat array: { shapes: { … } }`);
  const shape: number[] = [];
  let part: unknown = Array.isArray(data) ? data[0] : null;
  while (isList(part) && shape.length < 8) {
    shape.push(part.length);
    part = part[0];
  }
  return shape;
}

/** Splits rows into training and test sets at random; see `ArrayDataset.split`. */
export function trainTestSplit(
  rows: Rows,
  options: { readonly rng: Rng; readonly testFraction?: number },
): { train: ArrayDataset; test: ArrayDataset } {
  return dataset({ x: rows }).split(options);
}
