import { noGrad } from '@latent/autograd';
import type { Normaliser } from '@latent/nn';
import { compile, formatShape, ShapeError, Tensor, tensor, ValueError } from '@latent/tensor';

/**
 * Rows of numbers, as users have them: a tensor [n, width], arrays of rows, or one flat array with rows end to end. NaN
 * and null are holes.
 */
export type Rows = Tensor | readonly (readonly (number | null)[])[] | readonly Float32Array[] | Float32Array;

/** Rows at a time when a whole data set is scored: enough to keep the kernels busy, little enough to stay in memory. */
const CHUNK = 512;

/** The rows end to end, after checking that each has `width` values. The caller's arrays are only read. */
export function flatRows(caller: string, data: Rows, width: number): Float32Array {
  if (data instanceof Tensor) {
    if (data.shape.length !== 2 || data.shape[1] !== width) {
      throw new ShapeError(
        `${caller}: expected rows of ${width} values, got ${formatShape(data.shape)}; reshape to [n, ${width}] first`,
      );
    }
    return Float32Array.from(data.data);
  }
  if (data instanceof Float32Array) {
    if (data.length % width !== 0) {
      throw new ShapeError(`${caller}: expected a multiple of ${width} values, got ${data.length}`);
    }
    return data;
  }
  if (!Array.isArray(data)) throw new ValueError(`${caller}: expected rows of numbers, got ${typeof data}`);
  const flat = new Float32Array(data.length * width);
  data.forEach((row: ArrayLike<number | null>, r) => {
    if (row?.length !== width)
      throw new ShapeError(`${caller}: row ${r} has ${row?.length ?? 'no'} values, expected ${width}`);
    for (let c = 0; c < width; c++) flat[r * width + c] = row[c] ?? Number.NaN;
  });
  return flat;
}

/** Rows on the normaliser's scale, which learns it from them the first time; as they are without one. */
export function normalisedRows(rows: Float32Array, width: number, normaliser: Normaliser | null): Float32Array {
  if (normaliser === null) return rows;
  if (normaliser.config().columns === undefined) normaliser.fit(rows, { width });
  return normaliser.transform(rows);
}

/** Rows on the scale of the data again. */
export function originalRows(rows: Tensor, normaliser: Normaliser | null): Tensor {
  return normaliser === null ? rows : normaliser.inverse(rows);
}

/** Computes over rows end to end, each of `width` values; see `overRows`. */
export type RowsFunction<K extends string, A extends readonly unknown[]> = (
  rows: Float32Array,
  width: number,
  ...rest: A
) => Record<K, Tensor>;

/**
 * `compute` over any number of rows: some hundred at a time, recorded once for each number of rows and replayed. It
 * returns tensors whose first axis is the rows; the results are put together again. Nothing is differentiated.
 */
export function overRows<K extends string, A extends readonly unknown[]>(
  compute: (batch: Tensor, ...rest: A) => Record<K, Tensor>,
): RowsFunction<K, A> {
  const run = compile((batch: Tensor, ...rest: A) => noGrad(() => compute(batch, ...rest)), { reuse: true });
  return (rows, width, ...rest) => {
    const count = rows.length / width;
    if (count <= CHUNK) {
      const part = run(tensor(rows, { shape: [count, width] }), ...rest);
      return mapValues(part, (x) => x.clone());
    }
    const results = {} as Record<K, { values: Float32Array; shape: readonly number[] }>;
    for (let start = 0; start < count; start += CHUNK) {
      const size = Math.min(CHUNK, count - start);
      const batch = tensor(rows.subarray(start * width, (start + size) * width), { shape: [size, width] });
      const part = run(batch, ...rest);
      for (const name of Object.keys(part) as K[]) {
        const { shape, data } = part[name];
        const perRow = shape.slice(1).reduce((a, b) => a * b, 1);
        results[name] ??= { values: new Float32Array(count * perRow), shape: [count, ...shape.slice(1)] };
        results[name].values.set(data, start * perRow);
      }
    }
    return mapValues(results, ({ values, shape }) => tensor(values, { shape }));
  };
}

function mapValues<K extends string, V, W>(object: Record<K, V>, change: (value: V) => W): Record<K, W> {
  const result = {} as Record<K, W>;
  for (const name in object) result[name] = change(object[name]);
  return result;
}
