import { DataFault } from '../terminal/fault.ts';

/** Rows of a file: the cells of each column, in the order of the file. */
export interface FileTable {
  readonly names: readonly string[];
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  readonly rows: number;
}

/** Columns beyond this are no table. */
const MOST_COLUMNS = 10_000;

/** Columns by their names, which must differ. A column without a name is called by its place. */
export function fileTable(file: string, heads: readonly string[], cells: readonly (readonly unknown[])[]): FileTable {
  if (heads.length > MOST_COLUMNS) {
    throw new DataFault(`${file} has ${heads.length} columns, and a table at most ${MOST_COLUMNS}`);
  }
  const names = heads.map((head, c) => (head.trim() === '' ? `column ${c + 1}` : head.trim()));
  const seen = new Set<string>();
  for (const [c, name] of names.entries()) {
    if (seen.has(name)) throw new DataFault(`${file}: two columns are named '${name}', the second is number ${c + 1}`);
    // It would not be a field of its own.
    if (name === '__proto__') throw new DataFault(`${file}: a column cannot be named '${name}'`);
    seen.add(name);
  }
  const columns = Object.fromEntries(names.map((name, c) => [name, cells[c] ?? []]));
  return { names, columns, rows: cells[0]?.length ?? 0 };
}

/** Records as columns, by the names that any of them has; what a record lacks is a hole. */
export function tableOfRecords(file: string, records: readonly Readonly<Record<string, unknown>>[]): FileTable {
  const places = new Map<string, number>();
  for (const record of records) {
    for (const name of Object.keys(record)) if (!places.has(name)) places.set(name, places.size);
    if (places.size > MOST_COLUMNS) {
      throw new DataFault(`${file} has more than ${MOST_COLUMNS} columns; its records have too little in common`);
    }
  }
  const names = [...places.keys()];
  return fileTable(
    file,
    names,
    names.map((name) => records.map((record) => (Object.hasOwn(record, name) ? record[name] : null))),
  );
}

/** The records of a table, some of them or all. */
export function recordsOf({ names, columns, rows }: FileTable, from = 0, to = rows): Record<string, unknown>[] {
  return Array.from({ length: Math.max(0, Math.min(to, rows) - from) }, (_, i) =>
    Object.fromEntries(names.map((name) => [name, columns[name]?.[from + i] ?? null])),
  );
}

/** Rows [from, to). */
export function tableSlice({ names, columns, rows }: FileTable, from: number, to: number): FileTable {
  const end = Math.min(to, rows);
  const own = Object.fromEntries(names.map((name) => [name, (columns[name] ?? []).slice(from, end)]));
  return { names, columns: own, rows: end - from };
}
