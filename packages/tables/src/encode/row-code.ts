import { isPlainObject, type Rng, ValueError } from '@latent/tensor';
import { type CompositePart, categorical, composite, gaussian, type ReconstructionDistribution } from '@latent/vae';
import { isHole } from '../input/cell.ts';
import type { Table } from '../input/table.ts';
import {
  type ColumnCode,
  type ColumnKind,
  type ColumnLearner,
  type Encoding,
  type ReadCells,
  refuseCell,
} from '../kinds/column-kind.ts';
import type { Schema } from '../schema/schema.ts';

/** The cells of rows, read by their kinds. */
export interface ReadRows {
  readonly count: number;
  /** Of the columns that a model sees, in the schema's order. */
  readonly columns: readonly ReadCells[];
}

/** What was learned of each column that a model sees, by name. */
export type LearnedColumns = Readonly<Record<string, unknown>>;

/** A column in a model's rows. */
export interface CodedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly code: ColumnCode;
  /** Where its slots begin in a row. */
  readonly at: readonly number[];
}

/** The columns of a schema that a model sees. */
export function seenColumns(schema: Schema): readonly { readonly name: string; readonly kind: ColumnKind }[] {
  return schema.columns.filter(({ kind }) => kind.role !== 'none');
}

/** Reads the columns that a model sees; `first` is the number of the first row, for errors. */
export function readRows(caller: string, schema: Schema, table: Table, first = 0): ReadRows {
  return {
    count: table.count,
    columns: seenColumns(schema).map(({ name, kind }) => readColumn(caller, name, kind, table.column(name), first)),
  };
}

function readColumn(
  caller: string,
  name: string,
  kind: ColumnKind,
  cells: ArrayLike<unknown>,
  first: number,
): ReadCells {
  const refused = (r: number): never => {
    const cell = cells[r];
    const shown = typeof cell === 'string' ? JSON.stringify(cell.slice(0, 40)) : String(cell).slice(0, 40);
    return refuseCell(caller, first + r, name, kind.expects, shown);
  };
  if (kind.role === 'number') {
    const values = new Float64Array(cells.length);
    for (let r = 0; r < cells.length; r++) {
      const cell = cells[r];
      const value = typeof cell === 'number' ? numberIn(kind, cell) : (kind.number?.(cell) ?? Number.NaN);
      values[r] = Number.isNaN(value) && !isHole(cell, kind.holes) ? refused(r) : value;
    }
    return { role: 'number', values, cells };
  }
  const values = Array.from({ length: cells.length }, (_, r) => {
    const cell = cells[r];
    if (isHole(cell, kind.holes)) return null;
    return kind.level?.(cell) ?? refused(r);
  });
  return { role: 'category', values, cells };
}

function numberIn(kind: ColumnKind, cell: number): number {
  return kind.number?.(cell) ?? Number.NaN;
}

/** Some of the rows. */
export function pickRows({ columns }: ReadRows, rows: ArrayLike<number>): ReadRows {
  const picked = <T>(of: ArrayLike<T>): T[] => Array.from(rows, (r) => of[r] as T);
  return {
    count: rows.length,
    columns: columns.map((column) =>
      column.role === 'number'
        ? { role: 'number', values: Float64Array.from(picked(column.values)), cells: picked(column.cells) }
        : { role: 'category', values: picked(column.values), cells: picked(column.cells) },
    ),
  };
}

/** Rows after rows. */
export function joinRows(parts: readonly ReadRows[]): ReadRows {
  const [first, ...rest] = parts;
  if (first === undefined) return { count: 0, columns: [] };
  if (rest.length === 0) return first;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return {
    count,
    columns: first.columns.map((column, c): ReadCells => {
      const own = parts.map((part) => part.columns[c] as ReadCells);
      const cells = own.flatMap(({ cells }) => Array.from(cells));
      if (column.role === 'category') {
        return { role: 'category', values: own.flatMap(({ values }) => values as readonly (string | null)[]), cells };
      }
      const values = new Float64Array(count);
      let at = 0;
      for (const part of own) {
        values.set(part.values as Float64Array, at);
        at += part.values.length;
      }
      return { role: 'number', values, cells };
    }),
  };
}

/** Rows [from, to), as views where they can be. */
export function sliceRows({ columns, count }: ReadRows, from: number, to: number): ReadRows {
  const end = Math.min(to, count);
  return {
    count: end - from,
    columns: columns.map((column) =>
      column.role === 'number'
        ? { role: 'number', values: column.values.subarray(from, end), cells: [] }
        : { role: 'category', values: column.values.slice(from, end), cells: [] },
    ),
  };
}

/** A known number of rows that are kept as they come by, without the cells they were read from. */
export class KeptRows {
  readonly #count: number;
  readonly #columns: readonly (
    | { readonly role: 'number'; readonly values: Float64Array; readonly cells: readonly [] }
    | { readonly role: 'category'; readonly values: (string | null)[]; readonly cells: readonly [] }
  )[];
  #kept = 0;

  constructor(schema: Schema, count: number) {
    this.#count = count;
    this.#columns = seenColumns(schema).map(({ kind }) =>
      kind.role === 'number'
        ? { role: 'number', values: new Float64Array(count), cells: [] }
        : { role: 'category', values: new Array<string | null>(count).fill(null), cells: [] },
    );
  }

  /** Keeps some of the rows. */
  add({ columns }: ReadRows, places: readonly number[]): void {
    const from = this.#kept;
    this.#columns.forEach(({ values }, c) => {
      const read = columns[c]?.values as readonly never[];
      for (let i = 0; i < places.length; i++) values[from + i] = read[places[i] as number] as never;
    });
    this.#kept += places.length;
  }

  get rows(): ReadRows {
    return { count: this.#count, columns: this.#columns };
  }
}

/** Learns all columns in one walk. */
export class RowLearner {
  readonly #columns: readonly { readonly name: string; readonly learner: ColumnLearner }[];

  constructor(schema: Schema, encoding: Encoding) {
    this.#columns = seenColumns(schema).map(({ name, kind }) => ({
      name,
      learner: kind.learner(encoding) as ColumnLearner,
    }));
  }

  add(rows: ReadRows): void {
    this.#columns.forEach(({ learner }, c) => {
      learner.add(rows.columns[c] as ReadCells);
    });
  }

  learned(): LearnedColumns {
    return Object.fromEntries(this.#columns.map(({ name, learner }) => [name, learner.learned()]));
  }
}

/** Between the columns of a table and the rows of a model: numbers first, then one group for each category. */
export class RowCode {
  readonly schema: Schema;
  readonly learned: LearnedColumns;
  readonly columns: readonly CodedColumn[];
  /** Numbers of a row. */
  readonly width: number;
  /** How many of them, at the start, are on the common scale. */
  readonly numbers: number;
  /** The column that each number belongs to. */
  readonly owner: Int32Array;

  constructor(caller: string, schema: Schema, learned: unknown) {
    const seen = seenColumns(schema);
    if (seen.length === 0) {
      throw new ValueError(`${caller}: there is no column to learn from; all are ids, texts or ignored`);
    }
    const plain = isPlainObject(learned) ? learned : {};
    const codes = seen.map(({ name, kind }) =>
      kind.code(plain[name], (problem) => {
        throw new ValueError(`${caller}: column '${name}' ${problem}; the file is altered`);
      }),
    );
    let numbers = 0;
    for (const { slots } of codes) for (const { role, size } of slots) if (role === 'numbers') numbers += size;
    let [number, level] = [0, numbers];
    this.columns = seen.map(({ name, kind }, c) => {
      const code = codes[c] as ColumnCode;
      const at = code.slots.map(({ role, size }) => {
        const start = role === 'numbers' ? number : level;
        if (role === 'numbers') number += size;
        else level += size;
        return start;
      });
      return { name, kind, code, at };
    });
    this.schema = schema;
    this.learned = plain;
    this.width = level;
    this.numbers = numbers;
    this.owner = new Int32Array(level);
    this.columns.forEach(({ code, at }, c) => {
      code.slots.forEach(({ size }, s) => {
        this.owner.fill(c, at[s] as number, (at[s] as number) + size);
      });
    });
  }

  /** The groups [from, to) of the categories. */
  groups(): readonly (readonly [from: number, to: number])[] {
    return this.columns.flatMap(({ code, at }) =>
      code.slots.flatMap(({ role, size }, s) =>
        role === 'levels' ? [[at[s] as number, (at[s] as number) + size] as const] : [],
      ),
    );
  }

  /** How rows are distributed given a code: Gaussians whose variance depends on the row, and categories. */
  likelihood(minStd: number): ReconstructionDistribution {
    const parts: CompositePart[] = this.groups()
      .toSorted(([a], [b]) => a - b)
      .map(([from, to]) => [to - from, categorical(to - from)]);
    return composite([...(this.numbers > 0 ? [[this.numbers, gaussian({ minStd })] as const] : []), ...parts]);
  }

  /** Rows as a model sees them, end to end; NaN in holes. */
  encode(rows: ReadRows): Float32Array {
    const values = new Float32Array(rows.count * this.width);
    this.columns.forEach(({ code, at }, c) => {
      code.encode(rows.columns[c] as ReadCells, { values, count: rows.count, width: this.width, at });
    });
    return values;
  }

  /** The cells of rows that a model drew, by column. */
  decode(values: Float32Array, rng: Rng): readonly (readonly unknown[])[] {
    const count = values.length / this.width;
    return this.columns.map(({ code, at }) => code.decode({ values, count, width: this.width, at }, rng));
  }

  read(caller: string, table: Table, first = 0): ReadRows {
    return readRows(caller, this.schema, table, first);
  }
}
