import { describeValue, formatShape, type Shape, ShapeError, sizeOf, Tensor, ValueError } from '@latent/tensor';
import { isList, isTyped, type TypedArray } from './arrays.ts';
import { lengthsOf, listedRagged } from './ragged.ts';

/** A row as users have it: numbers nested as its shape says, null or NaN where one is missing. */
export type Row = TypedArray | readonly RowPart[];
/** A value of a row, or a list of parts: rows are nested as deep as their shape is. */
export type RowPart = number | null | TypedArray | readonly RowPart[];

/**
 * Rows as users have them: a tensor [n, …event], an array of rows, or one flat array with the rows end to end. NaN and null
 * are holes. Of models of text, texts.
 */
export type Rows = Tensor | TypedArray | readonly Row[] | readonly string[];

/** Rows end to end, in the precision they were given in: arrays of numbers in double, typed arrays as they are. */
export interface FlatRows {
  readonly values: TypedArray;
  readonly count: number;
  /** Numbers in a row. */
  readonly width: number;
  /** Steps of each row, where rows are sequences that end before the longest: past its end a row is NaN. */
  readonly lengths?: Uint32Array;
  /** Where these rows are the steps of longer rows, how many each of those has. */
  readonly steps?: number;
}

/** What rows may hold. */
export interface ParseOptions {
  /** Whether values may be missing; refused by default. */
  readonly holes?: boolean;
  /** What to do about a hole that may not be; said in the error. */
  readonly remedy?: string;
  /** Whether no rows at all are fine; refused by default. */
  readonly empty?: boolean;
  /** Whether lists come out in single precision: for rows that nothing reads in double. Past its range they are ±∞. */
  readonly single?: boolean;
  /** Whether rows may have fewer steps than the event's first axis; refused by default. */
  readonly ragged?: boolean;
}

/**
 * The rows that users pass, checked: every way into a model or a data set goes through here. Anything that is not a finite
 * number (or a hole, where holes may be) is refused by its row and column. The caller's arrays are only read, and copied
 * where what comes out could otherwise be changed by the caller.
 */
export function parseRows(caller: string, data: unknown, event: Shape, options: ParseOptions = {}): FlatRows {
  const width = sizeOf(event);
  if (width === 0)
    throw new ShapeError(`${caller}: rows must have at least one value, got rows of ${formatShape(event)}`);
  let values: TypedArray;
  if (data instanceof Tensor) values = tensorRows(caller, data, event);
  else if (isTyped(data)) values = flatRows(caller, data, event);
  else if (Array.isArray(data))
    values = options.ragged ? listedRagged(caller, data, event) : listedRows(caller, data, event, options);
  else if (isForeignTensor(data)) {
    throw new ValueError(
      `${caller}: this tensor was made by another copy of @latent/tensor; see that one version is installed`,
    );
  } else throw new ValueError(`${caller}: expected rows of numbers, got ${describeValue(data)}`);
  const count = values.length / width;
  if (count === 0 && !options.empty) throw new ValueError(`${caller}: needs at least one row, got none`);
  if (options.ragged) return { values, count, width, lengths: lengthsOf(caller, values, event) };
  if (!Array.isArray(data)) checkFinite(caller, values, event, options);
  return { values, count, width };
}

function isForeignTensor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'storage' in value && 'dtype' in value;
}

/** `rows of 4 values`, `rows of [28, 28, 1]`. */
function eventInWords(event: Shape): string {
  return event.length === 1 ? `${event[0]} values` : formatShape(event);
}

function tensorRows(caller: string, x: Tensor, event: Shape): TypedArray {
  const flat = x.shape.length === 2 && x.shape[1] === sizeOf(event);
  const shaped = x.shape.length === event.length + 1 && event.every((size, axis) => x.shape[axis + 1] === size);
  if (!flat && !shaped) {
    const remedy = x.size % sizeOf(event) === 0 ? `; reshape to ${formatShape(['n', ...event] as never)} first` : '';
    throw new ShapeError(`${caller}: expected rows of ${eventInWords(event)}, got ${formatShape(x.shape)}${remedy}`);
  }
  return x.data; // a copy
}

function flatRows(caller: string, data: TypedArray, event: Shape): TypedArray {
  const width = sizeOf(event);
  if (data.length % width !== 0) {
    throw new ShapeError(
      `${caller}: expected rows of ${eventInWords(event)} end to end, but ${data.length} is not a multiple of ${width}`,
    );
  }
  // One of another realm would not be an instance of the arrays here.
  return data instanceof Float32Array || data instanceof Float64Array ? data.slice() : ownCopy(data);
}

function ownCopy(data: TypedArray): TypedArray {
  const tag = (data as unknown as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag];
  const Own = (globalThis as unknown as Record<string, new (values: ArrayLike<number>) => TypedArray>)[tag];
  return Own === undefined ? Float64Array.from(data) : new Own(data);
}

function listedRows(caller: string, rows: readonly unknown[], event: Shape, options: ParseOptions): TypedArray {
  const width = sizeOf(event);
  // Rows that are all in single precision stay so; others may need double.
  const single =
    options.single || (rows.length > 0 && rows.every((row) => isTyped(row) && tagOf(row) === 'Float32Array'));
  const values = single ? new Float32Array(rows.length * width) : new Float64Array(rows.length * width);
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    const at = r * width;
    if (event.length === 1 && Array.isArray(row)) {
      if (row.length !== width) wrongLength(caller, r, row.length, event);
      for (let c = 0; c < width; c++) {
        const value: unknown = row[c];
        if (typeof value === 'number' && Number.isFinite(value)) values[at + c] = value;
        else values[at + c] = checkedPart(caller, value, at + c, event, options);
      }
    } else if (isTyped(row)) {
      if (row.length !== width) wrongLength(caller, r, row.length, event);
      checkFinite(caller, row, event, options, r);
      values.set(row, at);
    } else nested(caller, row, event, values, at, options);
  }
  return values;
}

/** A value that may be a hole, as a number; `i` counts numbers from the first row. */
function checkedPart(caller: string, value: unknown, i: number, event: Shape, options: ParseOptions): number {
  if (typeof value !== 'number' && value !== null) {
    const width = sizeOf(event);
    const where = `row ${Math.floor(i / width)}${place(indexOf(i % width, event))}`;
    throw new ValueError(`${caller}: expected a number, got ${describeValue(value)} at ${where}`);
  }
  const number = value ?? Number.NaN;
  if (!Number.isFinite(number)) checkHole(caller, number, i, event, options);
  return number;
}

function tagOf(value: TypedArray): string {
  return (value as unknown as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag];
}

function wrongLength(caller: string, r: number, length: number, event: Shape): never {
  throw new ShapeError(`${caller}: row ${r} has ${length} values, expected ${eventInWords(event)}`);
}

/** `, column 3`; of rows of a shape `, position [1, 2, 0]`; of rows that are numbers nothing. */
function place(index: readonly number[]): string {
  if (index.length === 0) return '';
  return index.length === 1 ? `, column ${index[0]}` : `, position ${formatShape(index)}`;
}

/** Writes a row of nested arrays at `at`. */
function nested(
  caller: string,
  row: unknown,
  event: Shape,
  values: Float32Array | Float64Array,
  at: number,
  options: ParseOptions,
): void {
  const r = at / sizeOf(event);
  let next = at;
  const put = (value: unknown): void => {
    values[next] = checkedPart(caller, value, next, event, options);
    next++;
  };
  const visit = (part: unknown, axis: number): void => {
    if (axis === event.length) {
      put(part);
      return;
    }
    const size = event[axis] as number;
    const where = (): string =>
      `row ${r}${axis === 0 ? '' : `, position ${formatShape(indexOf(next - at, event).slice(0, axis))}`}`;
    if (!isList(part)) {
      const expected =
        axis === event.length - 1 ? `an array of ${size} numbers` : `arrays nested as ${formatShape(event)}`;
      throw new ShapeError(`${caller}: ${where()} must be ${expected}, got ${describeValue(part)}`);
    }
    // A flat row of a shaped event is fine too.
    const flat = axis === 0 && event.length > 1 && part.length === sizeOf(event) && !isList(part[0]);
    if (!flat && part.length !== size) {
      throw new ShapeError(
        `${caller}: ${where()} has ${part.length} parts, expected ${size}: rows are nested as ${formatShape(event)}`,
      );
    }
    for (let i = 0; i < part.length; i++) {
      if (flat) put(part[i]);
      else visit(part[i], axis + 1);
    }
  };
  visit(row, 0);
}

const ODD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Throws at the first number that is not finite, a hole where holes may be excepted; `from` is the number of the first row. */
function checkFinite(caller: string, values: TypedArray, event: Shape, options: ParseOptions, from = 0): void {
  // Those of one or two bytes are whole numbers.
  if (values.BYTES_PER_ELEMENT < 4) return;
  // The engine's own search is quick from the first call on, this loop after a million values.
  if (!ODD.some((odd) => values.includes(odd))) return;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) checkHole(caller, value, from * sizeOf(event) + i, event, options);
  }
}

/** Throws unless a number that is not finite is a hole, and holes may be. */
function checkHole(
  caller: string,
  value: number,
  i: number,
  event: Shape,
  { holes = false, remedy = '' }: ParseOptions,
): void {
  const missing = Number.isNaN(value);
  if (holes && missing) return;
  const width = sizeOf(event);
  const where = `row ${Math.floor(i / width)}${place(indexOf(i % width, event))}`;
  throw new ValueError(
    `${caller}: expected a finite number, got ${missing ? 'NaN or null' : value} at ${where}${missing && remedy !== '' ? `; ${remedy}` : ''}`,
  );
}

/** The position of element `flat` of a row. */
function indexOf(flat: number, event: Shape): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = event.length - 1; axis >= 0; axis--) {
    const size = event[axis] as number;
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
