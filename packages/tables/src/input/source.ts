import { describeValue, ValueError } from '@latent/tensor';
import {
  type ArrowTable,
  type Columns,
  isArrow,
  RecordTable,
  type Table,
  tableOfArrow,
  tableOfColumns,
} from './table.ts';

/** Rows in memory: records, columns by name, or a table as Arrow shows it. */
export type TableRows<Row extends object = object> = Iterable<Row> | Columns<Row> | ArrowTable;

/** Opens rows at the first, again and again: for data larger than memory. It must give the same rows each time. */
export type TableSource<Row extends object = object> = () => Iterable<Row> | AsyncIterable<Row>;

/**
 * All that can be learned from. Rows in memory are read while a model is fitted and not copied, since there may be many: leave
 * them as they are until it is done.
 */
export type TableInput<Row extends object = object> = TableRows<Row> | AsyncIterable<Row> | TableSource<Row>;

/** Rows that come one after the other, of any length. */
export type TableStream<Row extends object = object> = AsyncIterable<Row> | Iterable<Row> | TableSource<Row>;

/** Rows that are dealt with at a time. */
export const CHUNK = 2048;

const EXPECTED =
  'an array of records, columns { name: [ … ] }, an Arrow table, or a function that opens a stream of records';

/** Rows in memory as a table. A stream is refused, with what to do. */
export function tableOf(caller: string, rows: TableRows): Table {
  const value: unknown = rows;
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) return new RecordTable(caller, value as readonly object[]);
    if (Symbol.iterator in value) return new RecordTable(caller, Array.from(value as Iterable<object>));
    if (Symbol.asyncIterator in value) {
      throw new ValueError(`${caller}: a stream is not in memory; use ${caller.replace(/^.*\./, '')}Stream(rows)`);
    }
    if (isArrow(value)) return tableOfArrow(caller, value);
    if (Object.values(value).every((cells) => isArrayLike(cells))) return tableOfColumns(caller, value as never);
  }
  throw new ValueError(`${caller}: the rows must be ${EXPECTED}, got ${describeValue(value)}`);
}

function isArrayLike(value: unknown): boolean {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

/** A walk over rows, some at a time; opened anew each time. */
export type Walk = () => Iterable<Table> | AsyncIterable<Table>;

/** What is learned from: walks over it, and the table where it is in memory. */
export interface Rows {
  readonly table: Table | null;
  readonly walk: Walk;
}

/** Rows to walk over as often as it takes. A stream that is not a function can be walked over once, so it is taken into memory. */
export async function openRows(caller: string, input: TableInput): Promise<Rows> {
  const value: unknown = input;
  if (typeof value === 'function') return { table: null, walk: () => chunks(caller, (value as TableSource)()) };
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    const rows: object[] = [];
    for await (const row of value as AsyncIterable<object>) rows.push(row);
    return inMemory(new RecordTable(caller, rows));
  }
  return inMemory(tableOf(caller, input as TableRows));
}

function inMemory(table: Table): Rows {
  return {
    table,
    walk: function* () {
      for (let from = 0; from < table.count; from += CHUNK) yield table.slice(from, from + CHUNK);
    },
  };
}

/** Rows of a stream, so many at a time. */
export async function* chunks(
  caller: string,
  rows: Iterable<object> | AsyncIterable<object>,
  size = CHUNK,
): AsyncGenerator<Table> {
  if (typeof rows !== 'object' || rows === null || !(Symbol.asyncIterator in rows || Symbol.iterator in rows)) {
    throw new ValueError(`${caller}: a source must give records one by one, got ${describeValue(rows)}`);
  }
  let held: object[] = [];
  let first = 0;
  if (Symbol.asyncIterator in rows) {
    for await (const row of rows) {
      held.push(row);
      if (held.length < size) continue;
      yield new RecordTable(caller, held, first);
      first += held.length;
      held = [];
    }
  } else {
    for (const row of rows) {
      held.push(row);
      if (held.length < size) continue;
      yield new RecordTable(caller, held, first);
      first += held.length;
      held = [];
    }
  }
  if (held.length > 0) yield new RecordTable(caller, held, first);
}

/** Refuses what gives no records, where that can be seen without taking a row away. */
function checkFirst(caller: string, rows: Iterable<unknown>): void {
  const walk = rows[Symbol.iterator]();
  if ((walk as unknown) === rows) return;
  const { value, done } = walk.next();
  walk.return?.();
  if (!done) new RecordTable(caller, [value as object]);
}

/** A stream's rows, however it is given; opened when they are asked for. */
export function streamOf(caller: string, stream: TableStream): () => Iterable<object> | AsyncIterable<object> {
  const value: unknown = stream;
  if (typeof value === 'function') return value as TableSource;
  if (typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)) {
    if (Symbol.iterator in value) checkFirst(caller, value as Iterable<unknown>);
    return () => value as Iterable<object>;
  }
  throw new ValueError(
    `${caller}: expected records one by one, or a function that opens them, got ${describeValue(value)}`,
  );
}
