import { noGrad } from '@latent/autograd';
import { bucketsOf, type Context, scoring } from '@latent/nn';
import { compile, drawRows, type Shape, sizeOf, type Tensor, tensor, zeros } from '@latent/tensor';
import { rowKeys } from './row-keys.ts';

/**
 * Rows at a time: enough to keep the kernels busy, little enough to stay in memory. Fewer rows are padded to the next of
 * these sizes by repeating the last, so that a server's changing counts find their recordings; what is computed of a row
 * does not depend on the others.
 */
const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/** Rows times draws at a time. */
const MOST_DRAWS = 2048;

/** Normal draws of each row's own: [samples, rows, width]. */
export interface RowDraws {
  normal(samples: number, width: number): Tensor;
}

/** Rows of a model, ready for it. */
export interface ReadyRows {
  /** Rows on the model's scale, end to end. */
  readonly values: Float32Array;
  /** The same with far values drawn in, for an encoder; null where no value is far. */
  readonly near: Float32Array | null;
  readonly count: number;
  /** Steps of each row, where rows are sequences: past its end a row is zeros. */
  readonly lengths?: ArrayLike<number>;
  /** Whether steps past a row's end may be left out. */
  readonly cut?: boolean;
}

/** What a program of rows is computed from. */
export interface RowInputs {
  readonly x: Tensor;
  /** What an encoder is to see in place of x. */
  readonly near: Tensor;
  readonly draws: RowDraws;
  /** What goes with the rows through networks: of sequences their lengths. */
  readonly context?: Context;
}

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
  const run = (x: Tensor, near: Tensor, keys: Tensor, samples: number, lengths: Tensor | null): Record<K, Tensor> =>
    noGrad(() =>
      compute(
        {
          x,
          near,
          draws: { normal: (count, width) => drawRows('normal', keys, count, width) },
          context: lengths === null ? {} : { lengths, steps: x.shape[1] as number },
        },
        samples,
      ),
    );
  const usual = compile(
    (x: Tensor, keys: Tensor, samples: number, lengths: Tensor | null) => run(x, x, keys, samples, lengths),
    { reuse: true, onEager: () => {} },
  );
  const far = compile(run, { reuse: true, onEager: () => {} });
  const rooms = new Map<string, Room>();

  const ofEvent: RowsProgram<K> = (rows, event, { seed = 0, samples = 1, block = 0 } = {}) => {
    const { values, near, count, lengths } = rows;
    const width = sizeOf(event);
    const most = largestSize(Math.max(1, Math.floor(MOST_DRAWS / samples)));
    const parts: Record<K, Tensor>[] = [];
    const results = {} as Record<K, { readonly values: Float32Array; readonly shape: Shape }>;
    for (let start = 0; start < count; start += most) {
      const taken = Math.min(most, count - start);
      const size = SIZES.find((known) => known >= taken) as number;
      const room = roomOf(rooms, size, event);
      const rowsOf = (of: Float32Array): Float32Array => of.subarray(start * width, (start + taken) * width);
      // By what the encoder sees: rows that are far in the same way are scored by the same codes.
      rowKeys(rowsOf(near ?? values), width, seed, block, room.keyNumbers);
      room.keys.assign(room.keyNumbers);
      room.fill(room.x, rowsOf(values), taken);
      if (lengths !== undefined) {
        room.lengths.assign(
          Float32Array.from({ length: size }, (_, i) => lengths[start + Math.min(i, taken - 1)] as number),
        );
      }
      const ends = lengths === undefined ? null : room.lengths;
      let part: Record<K, Tensor>;
      if (near === null) part = scoring(() => usual(room.x, room.keys, samples, ends));
      else {
        room.fill(room.near, rowsOf(near), taken);
        part = scoring(() => far(room.x, room.near, room.keys, samples, ends));
      }
      if (taken === count) return mapValues(part, (x) => firstRows(x, taken));
      parts.push(part);
      for (const name in part) {
        const x = part[name];
        const perRow = x.size / (x.shape[0] as number);
        results[name] ??= { values: new Float32Array(count * perRow), shape: [count, ...x.shape.slice(1)] };
        results[name].values.set(x.data.subarray(0, taken * perRow), start * perRow);
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

/** Where the rows of one size are handed over, written over and over. */
interface Room {
  readonly x: Tensor;
  readonly near: Tensor;
  readonly keys: Tensor;
  /** Steps of each row. */
  readonly lengths: Tensor;
  readonly keyNumbers: Float32Array;
  /** Writes `rows` rows, and the last again in the places after them. */
  fill(target: Tensor, values: Float32Array, rows: number): void;
}

function roomOf(rooms: Map<string, Room>, size: number, event: Shape): Room {
  const key = `${size} ${event[0]}`;
  let room = rooms.get(key);
  if (room === undefined) {
    const width = sizeOf(event);
    const padded = new Float32Array(size * width);
    const pinned = (shape: Shape): Tensor => zeros(shape).persisted(true);
    room = {
      x: pinned([size, ...event]),
      near: pinned([size, ...event]),
      keys: pinned([size, 2]),
      lengths: pinned([size]),
      keyNumbers: new Float32Array(2 * size),
      fill(target, values, rows) {
        if (rows === size) {
          target.assign(values);
          return;
        }
        padded.set(values);
        for (let r = rows; r < size; r++) padded.copyWithin(r * width, (rows - 1) * width, rows * width);
        target.assign(padded);
      },
    };
    rooms.set(key, room);
  }
  return room;
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
