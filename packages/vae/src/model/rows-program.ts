import { noGrad } from '@latent/autograd';
import { scoring } from '@latent/nn';
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
}

/** What a program of rows is computed from. */
export interface RowInputs {
  readonly x: Tensor;
  /** What an encoder is to see in place of x. */
  readonly near: Tensor;
  readonly draws: RowDraws;
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
  const run = (x: Tensor, near: Tensor, keys: Tensor, samples: number): Record<K, Tensor> =>
    noGrad(() =>
      compute({ x, near, draws: { normal: (count, width) => drawRows('normal', keys, count, width) } }, samples),
    );
  const usual = compile((x: Tensor, keys: Tensor, samples: number) => run(x, x, keys, samples), {
    reuse: true,
    onEager: () => {},
  });
  const far = compile(run, { reuse: true, onEager: () => {} });
  const rooms = new Map<number, Room>();

  return ({ values, near, count }, event, { seed = 0, samples = 1, block = 0 } = {}) => {
    const width = sizeOf(event);
    const most = largestSize(Math.max(1, Math.floor(MOST_DRAWS / samples)));
    const parts: Record<K, Tensor>[] = [];
    const results = {} as Record<K, { readonly values: Float32Array; readonly shape: Shape }>;
    for (let start = 0; start < count; start += most) {
      const rows = Math.min(most, count - start);
      const size = SIZES.find((known) => known >= rows) as number;
      const room = roomOf(rooms, size, event);
      const rowsOf = (of: Float32Array): Float32Array => of.subarray(start * width, (start + rows) * width);
      // By what the encoder sees: rows that are far in the same way are scored by the same codes.
      rowKeys(rowsOf(near ?? values), width, seed, block, room.keyNumbers);
      room.keys.assign(room.keyNumbers);
      room.fill(room.x, rowsOf(values), rows);
      let part: Record<K, Tensor>;
      if (near === null) part = scoring(() => usual(room.x, room.keys, samples));
      else {
        room.fill(room.near, rowsOf(near), rows);
        part = scoring(() => far(room.x, room.near, room.keys, samples));
      }
      if (rows === count) return mapValues(part, (x) => firstRows(x, rows));
      parts.push(part);
      for (const name in part) {
        const x = part[name];
        const perRow = x.size / (x.shape[0] as number);
        results[name] ??= { values: new Float32Array(count * perRow), shape: [count, ...x.shape.slice(1)] };
        results[name].values.set(x.data.subarray(0, rows * perRow), start * perRow);
      }
    }
    return mapValues(results, (result) => tensor(result.values, { shape: result.shape }));
  };
}

/** Where the rows of one size are handed over, written over and over. */
interface Room {
  readonly x: Tensor;
  readonly near: Tensor;
  readonly keys: Tensor;
  readonly keyNumbers: Float32Array;
  /** Writes `rows` rows, and the last again in the places after them. */
  fill(target: Tensor, values: Float32Array, rows: number): void;
}

function roomOf(rooms: Map<number, Room>, size: number, event: Shape): Room {
  let room = rooms.get(size);
  if (room === undefined) {
    const width = sizeOf(event);
    const padded = new Float32Array(size * width);
    const pinned = (shape: Shape): Tensor => zeros(shape).persisted(true);
    room = {
      x: pinned([size, ...event]),
      near: pinned([size, ...event]),
      keys: pinned([size, 2]),
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
    rooms.set(size, room);
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
