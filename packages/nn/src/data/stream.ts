import { checkOptions, describeValue, flag, optional, type Rng, type Tensor, ValueError, whole } from '@latent/tensor';
import {
  type Batch,
  BatchRoom,
  type BatchSpec,
  batchSizeCheck,
  type Dataset,
  knownName,
  type Pass,
  type PassOptions,
  specCheck,
} from './dataset.ts';
import { type FlatRows, parseRows, type Rows } from './rows.ts';

/** Some rows of a source: of each name as many. */
export type Chunk = Readonly<Record<string, Rows | readonly number[]>>;

/** Opens the source at its first row. Called for every walk, so it must give the same rows in the same order each time. */
export type Source = () => AsyncIterable<Chunk> | Iterable<Chunk>;

/** What the rows of a stream are, and how they are shuffled. */
export interface StreamOptions {
  /** The shape of a row of each name: `{ x: [784] }`. */
  readonly spec: BatchSpec;
  /** Rows, where they are known. */
  readonly length?: number;
  /** Rows that are held to draw the next from; 10,000 by default. More mix better and take more memory. */
  readonly shuffleBuffer?: number;
  /** Whether values may be missing (NaN or null); false by default. */
  readonly holes?: boolean;
}

/** Numbers drawn at a time. */
const DRAWS = 1024;

/**
 * A data set over a source larger than memory: chunks of rows from a file, a database or the network, opened anew for each
 * walk. Shuffled walks draw each row at random from a buffer that is filled from the source as it empties, so the order is
 * the same for the same generator, however the source cuts its chunks.
 *
 * ```ts
 * const rows = stream(async function* () {
 *   for await (const line of readLines('big.csv')) yield { x: [line.split(',').map(Number)] };
 * }, { spec: { x: [20] } });
 * await vae.fit(rows);
 * ```
 */
export function stream(source: Source, options: StreamOptions): StreamDataset {
  return new StreamDataset(source, options);
}

/** Rows from a source that is read anew at every pass, through a shuffle buffer: data larger than memory. */
export class StreamDataset implements Dataset {
  readonly spec: BatchSpec;
  #length: number | null;
  readonly #source: Source;
  readonly #buffer: number;
  readonly #holes: boolean;
  /** Of walks that have ended; each walk has its own, since several may be under way. */
  readonly #rooms: BatchRoom[] = [];
  readonly #changes: Readonly<Record<string, (rows: FlatRows) => Float32Array>>;

  constructor(
    source: Source,
    options: StreamOptions,
    changes: Readonly<Record<string, (rows: FlatRows) => Float32Array>> = {},
  ) {
    if (typeof source !== 'function') {
      throw new ValueError(
        'stream: the source must be a function that opens it anew, such as async function* () { … }',
      );
    }
    const checked = checkOptions('stream', options, {
      spec: specCheck,
      length: optional(whole({ min: 0 })),
      shuffleBuffer: optional(whole({ min: 1 }), 10_000),
      holes: optional(flag(), false),
    });
    if (Object.keys(checked.spec).length === 0) {
      throw new ValueError('stream: spec must have the shape of at least one array of rows, such as { x: [784] }');
    }
    this.spec = checked.spec;
    this.#length = checked.length ?? null;
    this.#buffer = checked.shuffleBuffer;
    this.#holes = checked.holes;
    this.#source = source;
    this.#changes = changes;
  }

  /** As given, else what the first whole walk counted. */
  get length(): number | null {
    return this.#length;
  }

  pass({ batchSize, rng, skip = 0 }: PassOptions): Pass {
    batchSizeCheck(batchSize, { caller: 'batches', path: 'batchSize' });
    // A child draws, so that however many rows there are the generator itself moves on by one.
    const [drawing] = rng?.split(1) ?? [null];
    const rows = shuffled(this.#rows(), drawing ?? null, this.#buffer);
    let left = skip;
    let count = 0;
    let over = false;
    const room = this.#rooms.pop() ?? new BatchRoom(this.spec);
    const next = async (): Promise<Batch | null> => {
      const taken: Record<string, ArrayLike<number>>[] = [];
      while (taken.length < batchSize && !over) {
        const { value, done } = await rows.next();
        if (done) over = true;
        else if (left > 0) left--;
        else taken.push(value);
        if (!done) count++;
      }
      if (over) this.#length ??= count;
      if (taken.length === 0) return null;
      const batch = room.of(taken.length);
      for (const [name, tensor] of Object.entries(batch)) writeRows(tensor, taken, name);
      return batch;
    };
    return {
      next,
      close: async () => {
        over = true;
        if (!this.#rooms.includes(room)) this.#rooms.push(room);
        await rows.return(undefined);
      },
    };
  }

  async *scan(name: string): AsyncIterable<FlatRows> {
    knownName('scan', this.spec, name);
    for await (const chunk of this.#chunks()) yield this.#changed(name, chunk.get(name) as FlatRows);
  }

  mapped(name: string, change: (rows: FlatRows) => Float32Array): StreamDataset {
    const options: StreamOptions = {
      spec: this.spec,
      shuffleBuffer: this.#buffer,
      holes: this.#holes,
      ...(this.#length !== null && { length: this.#length }),
    };
    knownName('mapped', this.spec, name);
    const before = this.#changes[name];
    const both = (rows: FlatRows): Float32Array =>
      change(before === undefined ? rows : { ...rows, values: before(rows) });
    return new StreamDataset(this.#source, options, { ...this.#changes, [name]: both });
  }

  /** A chunk's rows as they go into batches. */
  #changed(name: string, rows: FlatRows): FlatRows {
    const change = this.#changes[name];
    return change === undefined ? rows : { ...rows, values: change(rows) };
  }

  /** The source's rows one by one; copies, so that a row that is held does not hold its chunk. */
  async *#rows(): AsyncGenerator<Record<string, ArrayLike<number>>> {
    for await (const chunk of this.#chunks()) {
      const entries = Array.from(chunk, ([name, rows]) => [name, this.#changed(name, rows)] as const);
      const count = entries[0]?.[1].count ?? 0;
      for (let r = 0; r < count; r++) {
        yield Object.fromEntries(
          entries.map(([name, { values, width }]) => [name, values.slice(r * width, (r + 1) * width)]),
        );
      }
    }
  }

  /** The source's chunks, parsed. */
  async *#chunks(): AsyncGenerator<ReadonlyMap<string, FlatRows>> {
    let before = 0;
    const chunks: unknown = this.#source();
    if (!isIterable(chunks)) {
      throw new ValueError(
        `stream: the source must give chunks one after the other, as a generator does, got ${describeValue(chunks)}`,
      );
    }
    for await (const chunk of chunks) {
      const parsed = new Map<string, FlatRows>();
      for (const [name, shape] of Object.entries(this.spec)) {
        if (typeof chunk !== 'object' || chunk === null || !Object.hasOwn(chunk, name)) {
          throw new ValueError(`stream: a chunk after row ${before} has no '${name}', got ${describeValue(chunk)}`);
        }
        const place = `stream: ${name} after row ${before}`;
        parsed.set(name, parseRows(place, chunk[name], shape, { holes: this.#holes, empty: true }));
      }
      const counts = Array.from(parsed, ([name, { count }]) => `${count} of ${name}`);
      const [first] = parsed.values();
      if ([...parsed.values()].some(({ count }) => count !== first?.count)) {
        throw new ValueError(
          `stream: a chunk after row ${before} has rows that do not belong together: ${counts.join(', ')}`,
        );
      }
      yield parsed;
      before += first?.count ?? 0;
    }
  }
}

function isIterable(value: unknown): value is AsyncIterable<Chunk> | Iterable<Chunk> {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function writeRows(target: Tensor, rows: readonly Record<string, ArrayLike<number>>[], name: string): void {
  const width = target.size / rows.length;
  const flat = new Float64Array(target.size);
  rows.forEach((row, r) => {
    flat.set(row[name] as ArrayLike<number>, r * width);
  });
  target.assign(flat);
}

/** The rows in a random order: each is drawn from the `size` that are held, and the next of the source takes its place. */
async function* shuffled<T>(rows: AsyncGenerator<T>, rng: Rng | null, size: number): AsyncGenerator<T> {
  if (rng === null) {
    yield* rows;
    return;
  }
  const held: T[] = [];
  let draws: ArrayLike<number> = [];
  let used = 0;
  const pick = (): number => {
    if (used === draws.length) {
      draws = rng.uniform([DRAWS]).data;
      used = 0;
    }
    return Math.floor((draws[used++] as number) * held.length);
  };
  try {
    for await (const row of rows) {
      if (held.length < size) held.push(row);
      else {
        const i = pick();
        const out = held[i] as T;
        held[i] = row;
        yield out;
      }
    }
    while (held.length > 0) {
      const i = pick();
      const out = held[i] as T;
      held[i] = held[held.length - 1] as T;
      held.pop();
      yield out;
    }
  } finally {
    await rows.return(undefined);
  }
}
