import { checkOptions, list, optional, type Rng, type Tensor, ValueError, whole } from '@latent/tensor';
import {
  type Batch,
  BatchRoom,
  type BatchSpec,
  batchSizeCheck,
  type Dataset,
  type Pass,
  type PassOptions,
} from './dataset.ts';
import { type FlatRows, parseRows, type Rows } from './rows.ts';

/** Some rows of a source: of each name as many. */
export type Chunk = Readonly<Record<string, Rows>>;

/** Opens the source at its first row. Called for every walk, so it must give the same rows in the same order each time. */
export type Source = () => AsyncIterable<Chunk> | Iterable<Chunk>;

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

export class StreamDataset implements Dataset {
  readonly spec: BatchSpec;
  #length: number | null;
  readonly #source: Source;
  readonly #buffer: number;
  readonly #holes: boolean;
  readonly #room: BatchRoom;
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
      spec: (value, at) => {
        if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
          throw new ValueError(`stream: spec must give the shape of a row by name, such as { x: [784] }`);
        }
        const shape = list(whole({ min: 1 }));
        return Object.fromEntries(
          Object.entries(value).map(([name, of]) => [name, shape(of, { caller: at.caller, path: `spec.${name}` })]),
        ) as BatchSpec;
      },
      length: optional(whole({ min: 0 })),
      shuffleBuffer: optional(whole({ min: 1 }), 10_000),
      holes: optional((value: unknown) => value === true, false),
    });
    this.spec = checked.spec;
    this.#length = checked.length ?? null;
    this.#buffer = checked.shuffleBuffer;
    this.#holes = checked.holes;
    this.#source = source;
    this.#room = new BatchRoom(this.spec);
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
      const batch = this.#room.of(taken.length);
      for (const [name, tensor] of Object.entries(batch)) writeRows(tensor, taken, name);
      return batch;
    };
    return {
      next,
      close: async () => {
        over = true;
        await rows.return(undefined);
      },
    };
  }

  async *scan(name: string): AsyncIterable<FlatRows> {
    for await (const chunk of this.#chunks()) yield chunk.get(name) as FlatRows;
  }

  mapped(name: string, change: (rows: FlatRows) => Float32Array): StreamDataset {
    const options: StreamOptions = {
      spec: this.spec,
      shuffleBuffer: this.#buffer,
      holes: this.#holes,
      ...(this.#length !== null && { length: this.#length }),
    };
    return new StreamDataset(this.#source, options, { ...this.#changes, [name]: change });
  }

  /** The source's rows one by one, as they go into batches. */
  async *#rows(): AsyncGenerator<Record<string, ArrayLike<number>>> {
    for await (const chunk of this.#chunks()) {
      const entries = [...chunk].map(([name, rows]) => {
        const values = this.#changes[name]?.(rows) ?? rows.values;
        return [name, values, rows.width] as const;
      });
      const [first] = chunk.values();
      for (let r = 0; r < (first?.count ?? 0); r++) {
        yield Object.fromEntries(
          entries.map(([name, values, width]) => [name, values.subarray(r * width, (r + 1) * width)]),
        );
      }
    }
  }

  /** The source's chunks, parsed. */
  async *#chunks(): AsyncGenerator<ReadonlyMap<string, FlatRows>> {
    let before = 0;
    for await (const chunk of this.#source()) {
      const parsed = new Map<string, FlatRows>();
      for (const [name, shape] of Object.entries(this.spec)) {
        if (!Object.hasOwn(chunk, name)) throw new ValueError(`stream: a chunk after row ${before} has no '${name}'`);
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
