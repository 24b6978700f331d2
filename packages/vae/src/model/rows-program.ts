import { noGrad } from '@latent/autograd';
import { type Batch, bucketsOf, scoring } from '@latent/nn';
import { callable, compile, drawRows, persistentZeros, type Shape, sizeOf, type Tensor, tensor } from '@latent/tensor';
import { rowKeys } from './row-keys.ts';

/**
 * Rows at a time: enough to keep the kernels busy, little enough to stay in memory. Fewer rows are padded to the next of
 * these sizes by repeating the last, so that a server's changing counts find their recordings; what is computed of a row
 * does not depend on the others.
 */
const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/** Rows times draws at a time, and of wide rows so many numbers. */
const MOST_DRAWS = 2048;
const MOST_NUMBERS = MOST_DRAWS * 1024;

/** Normal draws of each row's own: [samples, rows, width]. */
export interface RowDraws {
  normal(samples: number, width: number): Tensor;
}

/** What stands beside each row, by name: a condition. The shape is of one row's. */
export type RowsBeside = Readonly<Record<string, { readonly values: Float32Array; readonly shape: Shape }>>;

/** Rows of a model, ready for it. */
export interface ReadyRows {
  /** Rows on the model's scale, end to end. */
  readonly values: Float32Array;
  /** The same with far values drawn in, for an encoder; null where no value is far. */
  readonly near: Float32Array | null;
  readonly count: number;
  /** Nothing by default. */
  readonly beside?: RowsBeside;
  /** Steps of each row, where rows are sequences: past its end a row is zeros. They stand beside the rows as `lengths`. */
  readonly lengths?: ArrayLike<number>;
  /** Whether steps past a row's end may be left out. */
  readonly cut?: boolean;
}

/** What stands beside `count` rows, each `copies` times in a row. */
export function repeatedBeside(beside: RowsBeside, count: number, copies: number): RowsBeside {
  const repeat = ({ values, shape }: RowsBeside[string]) => {
    const width = sizeOf(shape);
    const all = new Float32Array(count * copies * width);
    for (let r = 0; r < count * copies; r++) {
      const row = Math.floor(r / copies);
      all.set(values.subarray(row * width, (row + 1) * width), r * width);
    }
    return { values: all, shape };
  };
  return Object.fromEntries(Object.entries(beside).map(([name, of]) => [name, repeat(of)]));
}

/** What stands beside rows as tensors, for what is computed of all rows at once. */
export function tensorsBeside({ beside = {}, count }: ReadyRows): Batch {
  const entries = Object.entries(beside);
  return Object.fromEntries(
    entries.map(([name, { values, shape }]) => [name, tensor(values, { shape: [count, ...shape] })]),
  );
}

/** What a program of rows is computed from. */
export interface RowInputs {
  readonly x: Tensor;
  /** What an encoder is to see in place of x. */
  readonly near: Tensor;
  readonly draws: RowDraws;
  /** What stands beside the rows, by name; nothing by default. */
  readonly beside?: Batch;
}

/** How many draws a program of rows takes, and which. */
export interface RowsProgramOptions {
  readonly seed?: number;
  /** Of each row; part of what is recorded. */
  readonly samples?: number;
  /** Which block of draws this is. */
  readonly block?: number;
}

/** Computes over rows; see `rowsProgram`. */
export type RowsProgram<K extends string> = (
  rows: ReadyRows,
  event: Shape,
  options?: RowsProgramOptions,
) => Record<K, Tensor>;

/**
 * `compute` over any number of rows: some hundred at a time, recorded once for each size and replayed. It returns tensors
 * whose first axis is the rows; the results are put together again. Modules are in eval mode, and nothing is differentiated.
 */
export function rowsProgram<K extends string>(
  compute: (inputs: RowInputs, samples: number) => Record<K, Tensor>,
): RowsProgram<K> {
  callable()(compute, { caller: 'rowsProgram', path: 'compute' });
  // The names of what stands beside the rows are one constant of a recording, and its tensors the last arguments.
  const run = (x: Tensor, near: Tensor, keys: Tensor, samples: number, names: string, others: Tensor[]) =>
    noGrad(() => {
      const beside = Object.fromEntries(namesOf(names).map((name, i) => [name, others[i] as Tensor]));
      const normal = (count: number, width: number): Tensor => drawRows('normal', keys, count, width);
      return compute({ x, near, draws: { normal }, beside }, samples);
    });
  const usual = compile(
    (x: Tensor, keys: Tensor, samples: number, names: string, ...others: Tensor[]) =>
      run(x, x, keys, samples, names, others),
    { reuse: true, onEager: () => {} },
  );
  const far = compile(
    (x: Tensor, near: Tensor, keys: Tensor, samples: number, names: string, ...others: Tensor[]) =>
      run(x, near, keys, samples, names, others),
    { reuse: true, onEager: () => {} },
  );
  const rooms = new Map<string, (Room | undefined)[]>();

  const ofEvent: RowsProgram<K> = (given, event, { seed = 0, samples = 1, block = 0 } = {}) => {
    const { values, near, count } = given;
    const beside = withLengths(given);
    const columns = Object.entries(beside);
    const width = sizeOf(event);
    const names = columns.length === 0 ? '' : Object.keys(beside).join(' ');
    const most = largestSize(Math.max(1, Math.floor(Math.min(MOST_DRAWS, MOST_NUMBERS / width) / samples)));
    const known = roomsOf(rooms, event, columns);
    const parts = (first: number, rows: number): Record<K, Tensor> => {
      const at = SIZES.findIndex((size) => size >= rows);
      const room = known[at] ?? roomOf(SIZES[at] as number, event, columns);
      known[at] = room;
      // By what the encoder sees: rows that are far in the same way are scored by the same codes.
      rowKeys(rowsOf(near ?? values, first, rows, width), width, seed, block, room.keyNumbers);
      room.keys.assign(room.keyNumbers);
      room.x.fill(rowsOf(values, first, rows, width), rows);
      const others = columns.map(([, { values: all, shape }], i) =>
        (room.beside[i] as Place).fill(rowsOf(all, first, rows, sizeOf(shape)), rows),
      );
      const seen = near === null ? null : room.near.fill(rowsOf(near, first, rows, width), rows);
      return scoring(() =>
        seen === null
          ? usual(room.x.tensor, room.keys, samples, names, ...others)
          : far(room.x.tensor, seen, room.keys, samples, names, ...others),
      );
    };
    if (count <= most) return mapValues(parts(0, count), (x) => firstRows(x, count));
    const results = {} as Record<K, { readonly values: Float32Array; readonly shape: Shape }>;
    for (let start = 0; start < count; start += most) {
      const rows = Math.min(most, count - start);
      const part = parts(start, rows);
      for (const name in part) {
        const x = part[name];
        const perRow = x.size / (x.shape[0] as number);
        results[name] ??= { values: new Float32Array(count * perRow), shape: [count, ...x.shape.slice(1)] };
        results[name].values.set(x.data.subarray(0, rows * perRow), start * perRow);
      }
    }
    return mapValues(results, (result) => tensor(result.values, { shape: result.shape }));
  };
  return (rows, event, options) =>
    rows.lengths === undefined || !rows.cut
      ? ofEvent(rows, event, options)
      : byLength(rows, rows.lengths, event, (some, shape) => ofEvent(some, shape, options));
}

/**
 * `run` on rows of similar lengths at a time, without the steps that none of them has: which those are is a matter of the row alone,
 * so what is computed of it is too. What comes out for each step is put together with zeros past a row's end.
 */
function byLength<K extends string>(
  rows: ReadyRows,
  lengths: ArrayLike<number>,
  event: Shape,
  run: (some: ReadyRows, event: Shape) => Record<K, Tensor>,
): Record<K, Tensor> {
  const [steps = 1, ...rest] = event;
  const features = sizeOf(rest);
  const results = {} as Record<K, { perRow: number; shape: Shape; parts: { chosen: number[]; x: Tensor }[] }>;
  let from = 0;
  for (const bucket of bucketsOf(steps)) {
    const chosen = Array.from({ length: rows.count }, (_, r) => r).filter(
      (r) => (lengths[r] as number) > from && (lengths[r] as number) <= bucket,
    );
    from = bucket;
    if (chosen.length === 0) continue;
    const part = bucket * features;
    const some = (of: Float32Array): Float32Array => {
      const values = new Float32Array(chosen.length * part);
      chosen.forEach((r, i) => {
        values.set(of.subarray(r * steps * features, r * steps * features + part), i * part);
      });
      return values;
    };
    const given = {
      values: some(rows.values),
      near: rows.near === null ? null : some(rows.near),
      count: chosen.length,
      lengths: chosen.map((r) => lengths[r] as number),
      ...(rows.beside !== undefined && { beside: chosenBeside(rows.beside, chosen) }),
    };
    const made = run(given, [bucket, ...rest]);
    for (const name in made) {
      const x: Tensor = made[name];
      const perRow = x.size / chosen.length;
      // Of what is longer for longer rows, the longest that there may be.
      const own = results[name];
      if (own === undefined) results[name] = { perRow, shape: x.shape, parts: [{ chosen, x }] };
      else {
        if (perRow > own.perRow) Object.assign(own, { perRow, shape: x.shape });
        own.parts.push({ chosen, x });
      }
    }
  }
  return mapValues(results, ({ perRow, shape, parts }) => {
    const values = new Float32Array(rows.count * perRow);
    for (const { chosen, x } of parts) {
      const own = x.size / chosen.length;
      const numbers = x.data;
      chosen.forEach((r, i) => {
        values.set(numbers.subarray(i * own, (i + 1) * own), r * perRow);
      });
    }
    return tensor(values, { shape: [rows.count, ...shape.slice(1)] });
  });
}

/** What stands beside the rows, the lengths of sequences among it. */
function withLengths({ beside = {}, lengths }: ReadyRows): RowsBeside {
  return lengths === undefined ? beside : { ...beside, lengths: { values: Float32Array.from(lengths), shape: [] } };
}

/** What stands beside some of the rows. */
function chosenBeside(beside: RowsBeside, chosen: readonly number[]): RowsBeside {
  const entries = Object.entries(beside).map(([name, { values, shape }]) => {
    const width = sizeOf(shape);
    const some = new Float32Array(chosen.length * width);
    chosen.forEach((r, i) => {
      some.set(values.subarray(r * width, (r + 1) * width), i * width);
    });
    return [name, { values: some, shape }] as const;
  });
  return Object.fromEntries(entries);
}

function namesOf(names: string): readonly string[] {
  return names === '' ? [] : names.split(' ');
}

/** Where the rows of one size are handed over, written over and over. */
interface Room {
  readonly x: Place;
  readonly near: Place;
  readonly keys: Tensor;
  readonly keyNumbers: Float32Array;
  readonly beside: readonly Place[];
}

/** Rows of one shape in a room. */
class Place {
  readonly tensor: Tensor;
  readonly #width: number;
  readonly #padded: Float32Array;

  constructor(size: number, shape: Shape) {
    this.tensor = persistentZeros([size, ...shape]);
    this.#width = sizeOf(shape);
    this.#padded = new Float32Array(size * this.#width);
  }

  /** Writes `rows` rows, and the last again in the places after them. */
  fill(values: Float32Array, rows: number): Tensor {
    const [padded, width] = [this.#padded, this.#width];
    const size = padded.length / width;
    if (rows === size) this.tensor.assign(values);
    else {
      padded.set(values);
      for (let r = rows; r < size; r++) padded.copyWithin(r * width, (rows - 1) * width, rows * width);
      this.tensor.assign(padded);
    }
    return this.tensor;
  }
}

/** The rooms of rows of one shape with such columns beside them, by the place of their size. */
function roomsOf(
  rooms: Map<string, (Room | undefined)[]>,
  event: Shape,
  columns: readonly (readonly [string, RowsBeside[string]])[],
): (Room | undefined)[] {
  let key = String(event[0]);
  for (const [name, { shape }] of columns) key += ` ${name}:${shape.join('x')}`;
  let known = rooms.get(key);
  if (known === undefined) {
    known = [];
    rooms.set(key, known);
  }
  return known;
}

function roomOf(size: number, event: Shape, columns: readonly (readonly [string, RowsBeside[string]])[]): Room {
  return {
    x: new Place(size, event),
    near: new Place(size, event),
    keys: persistentZeros([size, 2]),
    keyNumbers: new Float32Array(2 * size),
    beside: columns.map(([, { shape }]) => new Place(size, shape)),
  };
}

/** `rows` rows of some end to end; themselves where that is all of them. */
function rowsOf(all: Float32Array, first: number, rows: number, width: number): Float32Array {
  return rows * width === all.length ? all : all.subarray(first * width, (first + rows) * width);
}

/** The largest size that is at most `limit`. */
function largestSize(limit: number): number {
  return SIZES.findLast((size) => size <= limit) ?? 1;
}

function firstRows(x: Tensor, rows: number): Tensor {
  if (x.shape[0] === rows) return x.clone();
  const perRow = x.size / (x.shape[0] as number);
  return tensor(x.data.subarray(0, rows * perRow), { shape: [rows, ...x.shape.slice(1)] });
}

function mapValues<K extends string, V, W>(object: Record<K, V>, change: (value: V) => W): Record<K, W> {
  const result = {} as Record<K, W>;
  for (const name in object) result[name] = change(object[name]);
  return result;
}
