import { formatShape, ShapeError, Tensor, tensor, ValueError } from '@latent/tensor';

/** Rows as models take them: a tensor [n, width], arrays of rows, or one flat array with the rows end to end. */
export type NormaliserRows = Tensor | readonly ArrayLike<number>[] | Float32Array;

/** New rows in the caller's form; rows that are neither Float32Arrays nor a tensor become arrays of numbers. */
export type SameRows<R> = R extends Tensor | Float32Array
  ? R
  : R extends readonly Float32Array[]
    ? Float32Array[]
    : number[][];

/**
 * Views of the rows, after checking that each has `width` values (when not given: as many as the tensor or the first
 * row says) and that every value is finite and above `bound`, or NaN.
 */
export function checkedRows(
  caller: string,
  rows: NormaliserRows,
  bound: number,
  width?: number,
): readonly ArrayLike<number>[] {
  let list = rows as readonly ArrayLike<number>[];
  if (!Array.isArray(rows)) {
    const flat = (rows instanceof Tensor ? rows.data : rows) as Float32Array;
    const [length, columns = width as number, ...rest] = rows instanceof Tensor ? rows.shape : [flat?.length, width];
    const count = rows instanceof Tensor ? length : length / columns;
    if (rest.length > 0 || !Number.isInteger(count) || flat.length !== count * columns) {
      const got = formatShape(rows instanceof Tensor ? rows.shape : [length]);
      throw new ShapeError(`${caller}: expected rows [n, ${width ?? 'width'}], got ${got}; a flat array needs a width`);
    }
    list = Array.from({ length: count }, (_, r) => flat.subarray(r * columns, (r + 1) * columns));
  }
  const expected = width ?? list[0]?.length;
  list.forEach((row, r) => {
    if (row?.length !== expected) {
      throw new ShapeError(`${caller}: row ${r} has ${row?.length ?? 'no'} values, expected ${expected}`);
    }
    for (let c = 0; c < expected; c++) {
      if (!Number.isNaN(row[c]) && !(Number.isFinite(row[c]) && row[c] > bound)) {
        throw new ValueError(
          `${caller}: expected a finite number > ${bound}, or NaN where one is missing, got ${row[c]} at row ${r}, column ${c}`,
        );
      }
    }
  });
  return list;
}

/** New rows in the caller's form, every value the `change` of the one before; `list` is `checkedRows` of `rows`. */
export function changedRows<R extends NormaliserRows>(
  rows: R,
  list: readonly ArrayLike<number>[],
  change: (value: number, column: number) => number,
): SameRows<R> {
  if (Array.isArray(rows)) {
    return list.map((row) =>
      row instanceof Float32Array ? row.map(change) : Array.from(row, change),
    ) as readonly ArrayLike<number>[] as SameRows<R>;
  }
  const width = list[0]?.length;
  const flat = (rows instanceof Tensor ? rows.data : (rows as Float32Array)).map((x, i) => change(x, i % width));
  return (rows instanceof Tensor ? tensor(flat, { shape: rows.shape }) : flat) as SameRows<R>;
}
