import { describeValue, ValueError } from '@latent/tensor';

/** Rows in memory, read column by column. */
export interface Table {
  readonly names: readonly string[];
  readonly count: number;
  /** The cells of a column; holes where there is no such column. */
  column(name: string): ArrayLike<unknown>;
  /** Rows [from, to). */
  slice(from: number, to: number): Table;
  /** A row as a record. */
  row(index: number): Record<string, unknown>;
}

/** Columns by name, each as long as the others. */
export type Columns<Row> = { readonly [K in keyof Row]: ArrayLike<Row[K]> };

/** A table as Apache Arrow shows it, and what works with Arrow (DuckDB, Arquero, Polars): read by its shape, not imported. */
export interface ArrowTable {
  readonly numRows: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
  getChild(name: string): { get(index: number): unknown } | null | undefined;
}

export function isArrow(value: object): value is ArrowTable {
  const { numRows, schema, getChild } = value as Partial<ArrowTable>;
  return typeof numRows === 'number' && typeof getChild === 'function' && Array.isArray(schema?.fields);
}

/** Names that are looked for, at most this many rows deep, where rows differ in what they have. */
const NAMED_ROWS = 10_000;

/** A table over records. */
export class RecordTable implements Table {
  readonly #rows: readonly object[];
  readonly #first: number;
  #names: readonly string[] | null;

  /** `first`: the number of the first row, for errors. */
  constructor(caller: string, rows: readonly object[], first = 0, names: readonly string[] | null = null) {
    rows.forEach((row, r) => {
      if (typeof row !== 'object' || row === null || Array.isArray(row)) {
        throw new ValueError(
          `${caller}: row ${first + r} must be a record such as { age: 39, city: 'Lyon' }, got ${describeValue(row)}`,
        );
      }
    });
    this.#rows = rows;
    this.#first = first;
    this.#names = names;
  }

  get names(): readonly string[] {
    if (this.#names === null) {
      const found = new Set<string>();
      for (const row of this.#rows.slice(0, NAMED_ROWS)) for (const name of Object.keys(row)) found.add(name);
      this.#names = [...found];
    }
    return this.#names;
  }

  get count(): number {
    return this.#rows.length;
  }

  column(name: string): readonly unknown[] {
    return this.#rows.map((row) => (row as Record<string, unknown>)[name]);
  }

  slice(from: number, to: number): Table {
    if (from === 0 && to >= this.count) return this;
    return new RecordTable('rows', this.#rows.slice(from, to), this.#first + from, this.#names);
  }

  row(index: number): Record<string, unknown> {
    return { ...this.#rows[index] };
  }
}

/** A table over columns, from cell `from` on. */
export class ColumnTable implements Table {
  readonly names: readonly string[];
  readonly count: number;
  readonly #columns: ReadonlyMap<string, ArrayLike<unknown>>;
  readonly #from: number;

  constructor(columns: ReadonlyMap<string, ArrayLike<unknown>>, from: number, count: number) {
    this.names = [...columns.keys()];
    this.#columns = columns;
    this.#from = from;
    this.count = count;
  }

  column(name: string): ArrayLike<unknown> {
    const cells = this.#columns.get(name);
    if (cells === undefined) return new Array<undefined>(this.count).fill(undefined);
    if (this.#from === 0 && cells.length === this.count) return cells;
    return Array.from({ length: this.count }, (_, i) => cells[this.#from + i]);
  }

  slice(from: number, to: number): Table {
    const end = Math.min(to, this.count);
    return new ColumnTable(this.#columns, this.#from + from, Math.max(0, end - from));
  }

  row(index: number): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.#columns, ([name, cells]) => [name, cells[this.#from + index]]));
  }
}

export function tableOfColumns(caller: string, columns: Readonly<Record<string, ArrayLike<unknown>>>): Table {
  const entries = Object.entries(columns);
  const [first] = entries;
  if (first === undefined) throw new ValueError(`${caller}: needs at least one column, got none`);
  for (const [name, cells] of entries) {
    if (typeof cells === 'string' || !Number.isSafeInteger(cells?.length)) {
      throw new ValueError(`${caller}: column '${name}' must be an array, got ${describeValue(cells)}`);
    }
    if (cells.length !== first[1].length) {
      throw new ValueError(
        `${caller}: column '${name}' has ${cells.length} cells, but '${first[0]}' has ${first[1].length}`,
      );
    }
  }
  return new ColumnTable(new Map(entries), 0, first[1].length);
}

/** Reads an Arrow table's columns one cell at a time, as they are asked for. */
export function tableOfArrow(caller: string, arrow: ArrowTable): Table {
  const columns = new Map<string, ArrayLike<unknown>>();
  for (const { name } of arrow.schema.fields) {
    const vector = arrow.getChild(name);
    if (vector === null || vector === undefined) throw new ValueError(`${caller}: the table has no column '${name}'`);
    const cells = Array.from({ length: arrow.numRows }, (_, i) => vector.get(i));
    columns.set(name, cells);
  }
  return new ColumnTable(columns, 0, arrow.numRows);
}
