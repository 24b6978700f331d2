import type { BatchSpec, Dataset, FlatRows, TypedArray } from '@latent/nn';
import { formatShape, sameShape, sizeOf, UsageError, ValueError } from '@latent/tensor';
import type { Columns } from './training-rows.ts';

/** Throws unless a data set brings what stands beside rows x, and in its shape. */
export function checkBeside(caller: string, data: Dataset, beside: BatchSpec): void {
  for (const [name, shape] of Object.entries(beside)) {
    const given = data.spec[name];
    if (given !== undefined && sameShape(given, shape)) continue;
    throw new ValueError(
      `${caller}: the data set must have ${name} of ${formatShape(shape)} beside x, got ${given === undefined ? Object.keys(data.spec).join(', ') : formatShape(given)}`,
    );
  }
}

/** The rows of a data set as a whole: x, and what stands beside each. */
export async function inMemory(caller: string, data: Dataset) {
  const columns: Record<string, Columns[string]> = {};
  for (const [name, shape] of Object.entries(data.spec)) {
    if (data.scan === undefined) throw new UsageError(`${caller}: takes all rows at once; give rows in memory`);
    const pieces: TypedArray[] = [];
    for await (const { values } of data.scan(name)) pieces.push(values);
    const width = sizeOf(shape);
    const values = endToEnd(pieces);
    columns[name] = { rows: { values, count: values.length / width, width }, shape, called: `rows '${name}'` };
  }
  const { x, ...beside } = columns;
  return { x: (x as Columns[string]).rows satisfies FlatRows, beside };
}

/** Arrays as one, of their own type if they have one, else in double precision. */
function endToEnd(pieces: readonly TypedArray[]): TypedArray {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const own = first !== undefined && pieces.every((piece) => piece.constructor === first.constructor);
  const values = own ? new (first.constructor as new (length: number) => TypedArray)(length) : new Float64Array(length);
  let at = 0;
  for (const piece of pieces) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}
