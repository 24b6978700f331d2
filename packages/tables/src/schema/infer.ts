import { ValueError } from '@latent/tensor';
import { HOLES, isHole, levelKey, losesDigits, NUMBER_HOLES, numberOf } from '../input/cell.ts';
import { DATE_FORMATS, formatOf, TIME_FORMATS } from '../input/date-format.ts';
import { type TableRows, tableOf } from '../input/source.ts';
import type { Table } from '../input/table.ts';
import { boolean, category, constant } from '../kinds/category.ts';
import type { ColumnKind } from '../kinds/column-kind.ts';
import { date, time } from '../kinds/date.ts';
import { count, mixed, numeric, positive } from '../kinds/numeric.ts';
import { id, ignore, text } from '../kinds/passive.ts';
import type { AnyRow, ColumnName } from '../results.ts';
import { Schema, type SchemaColumn } from './schema.ts';

/** Rows that kinds are told from. */
export const LOOKED_AT = 10_000;

/** A kind and the reason for it. */
type Found = readonly [kind: ColumnKind, why: string];

/** What is known of a column's values. */
interface Values {
  readonly name: string;
  readonly cells: readonly unknown[];
  /** Rows, with or without a value. */
  readonly rows: number;
  /** How often each value occurs, by its key, most frequent first. */
  readonly levels: readonly (readonly [key: string, count: number])[];
}

/**
 * What the columns of a table hold, with the reason for each, from at most 10,000 rows spread over it. This is advice: every
 * choice can be changed with `schema.with({ name: column.kind() })`.
 */
export function inferSchema<Row extends object>(rows: TableRows<Row>): Schema<Row> {
  const table = tableOf('inferSchema', rows as TableRows);
  const sample = new RowSample();
  sample.add(table, 0);
  return schemaOf('inferSchema', sample) as unknown as Schema<Row>;
}

/** A column with more different values than this has no rare value that tells its kind. */
const FEW_VALUES = 24;

/** Every 2ᵏ-th row of a table as it comes by, at most 10,000 of them, and of columns of few values one cell of each value. */
export class RowSample {
  readonly #rows: Record<string, unknown>[] = [];
  readonly #names = new Set<string>();
  readonly #few = new Map<string, Map<string, unknown>>();
  #stride = 1;
  #count = 0;

  /** The rows of a chunk; `first` is the number of its first. */
  add(table: Table, first: number): void {
    for (const name of table.names) {
      this.#names.add(name);
      this.#addFew(name, table);
    }
    this.#count = first + table.count;
    for (let r = (this.#stride - (first % this.#stride)) % this.#stride; r < table.count; r += this.#stride) {
      this.#rows.push(table.row(r));
      if (this.#rows.length <= LOOKED_AT) continue;
      const kept = this.#rows.filter((_, i) => i % 2 === 0);
      this.#rows.length = 0;
      for (const row of kept) this.#rows.push(row);
      this.#stride *= 2;
      // On to the next row that is kept at the new stride.
      r += (this.#stride - ((first + r) % this.#stride)) % this.#stride;
      r -= this.#stride;
    }
  }

  /** Rows that came by. */
  get count(): number {
    return this.#count;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  column(name: string): readonly unknown[] {
    const cells = this.#rows.map((row) => row[name]);
    const values = this.#few.get(name) ?? new Map<string, unknown>();
    if (values.size > FEW_VALUES) return cells;
    const met = new Set(cells.map((cell) => (isHole(cell) ? '' : levelKey(cell))));
    for (const [key, cell] of values) if (!met.has(key)) cells.push(cell);
    return cells;
  }

  #addFew(name: string, table: Table): void {
    let values = this.#few.get(name);
    if (values === undefined) {
      values = new Map();
      this.#few.set(name, values);
    }
    if (values.size > FEW_VALUES) return;
    const cells = table.column(name);
    for (let r = 0; r < cells.length && values.size <= FEW_VALUES; r++) {
      const cell = cells[r];
      if (typeof cell === 'function' || typeof cell === 'symbol' || isHole(cell)) continue;
      const key = levelKey(cell);
      if (!values.has(key)) values.set(key, cell);
    }
  }
}

/** The schema of sampled rows. */
export function schemaOf(caller: string, sample: RowSample): Schema {
  const columns = sample.names.map((name): SchemaColumn => {
    const cells = sample.column(name);
    const [kind, why] = kindOf(name, cells);
    const present = cells.filter((cell) => !isHole(cell, kind.holes));
    const example = kind.role === 'none' || present.length === 0 ? '' : exampleOf(present[0]);
    return {
      name: name as ColumnName<AnyRow>,
      kind,
      holes: cells.length === 0 ? 0 : 1 - present.length / cells.length,
      distinct: new Set(present.map(levelKey)).size,
      example,
      why,
    };
  });
  if (columns.length === 0) throw new ValueError(`${caller}: the rows have no columns`);
  return new Schema(columns);
}

function exampleOf(cell: unknown): string {
  return levelKey(cell).slice(0, 60);
}

/** More holes than this leave nothing to learn. */
const MOST_HOLES = 0.99;

/** The kind of a column, and why. */
export function kindOf(name: string, cells: readonly unknown[]): Found {
  const rows = cells.length;
  const worded = valuesOf(name, cells, HOLES, rows);
  const plain = valuesOf(name, cells, NUMBER_HOLES, rows);
  if (plain.cells.length === 0 || worded.cells.length < (1 - MOST_HOLES) * rows) {
    return [ignore(), `${(100 * (1 - worded.cells.length / Math.max(1, rows))).toFixed(1)} % holes`];
  }
  return (
    objectKind(worded) ??
    constantKind(worded) ??
    dateKind(plain) ??
    numberKind(plain) ??
    truthKind(plain) ??
    wordKind(worded)
  );
}

function valuesOf(name: string, all: readonly unknown[], holes: readonly string[], rows: number): Values {
  const cells = all.filter((cell) => !isHole(cell, holes));
  const counts = new Map<string, number>();
  for (const cell of cells) {
    const key = levelKey(cell);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return { name, cells, rows, levels: [...counts].sort(([, a], [, b]) => b - a) };
}

/** Arrays and objects are no cells that a model reads. */
function objectKind({ cells }: Values): Found | null {
  const odd = cells.find((cell) => typeof cell === 'object' && cell !== null && !(cell instanceof Date));
  return odd === undefined ? null : [ignore(), `holds ${Array.isArray(odd) ? 'arrays' : 'objects'}`];
}

function constantKind({ cells, levels, name }: Values): Found | null {
  if (levels.length > 1 || cells.length === 0) return null;
  // One row says nothing of whether a value varies.
  return cells.length === 1 && isIdName(name) ? null : [constant(), 'one value'];
}

function isIdName(name: string): boolean {
  return /(^|[^a-z])(id|key|uuid|guid)$/i.test(name) || /[a-z](Id|ID|Key|Uuid|UUID)$/.test(name);
}

function dateKind({ cells }: Values): Found | null {
  if (cells.every((cell) => cell instanceof Date)) return [date(), 'Date objects'];
  if (!cells.every((cell) => typeof cell === 'string')) return null;
  const texts = [...new Set(cells as string[])];
  const day = formatOf(texts, DATE_FORMATS);
  if (day !== null) {
    const doubt = day.ambiguous && !day.format.name.startsWith('YYYY') && /\d[/]\d/.test(texts[0] as string);
    const note = doubt ? '; day and month could change places, declare the format to be sure' : '';
    return [date({ format: day.format.name }), `dates as ${day.format.name}${note}`];
  }
  const clock = formatOf(texts, TIME_FORMATS);
  return clock === null ? null : [time({ format: clock.format.name }), `times of day as ${clock.format.name}`];
}

/** Of whole numbers, so many different ones are codes; with some below 0, which count nothing, twice as many. */
const MOST_CODES = 10;
/** A value is apart from the other numbers of a column where it holds more than this share. */
const ATOM = 0.05;
/** And so many times the share that each would have if all had the same. */
const STANDS_OUT = 10;
/** Of fewer different numbers, all are values of their own. */
const FEWEST_AROUND_ATOMS = 24;
const LARGEST_COUNT = 1e6;

function numberKind({ name, cells, levels }: Values): Found | null {
  const numbers = cells.map(numberOf);
  if (numbers.some(Number.isNaN) || cells.some((cell) => typeof cell === 'boolean')) return null;
  if (cells.some(losesDigits)) return null;
  const n = numbers.length;
  const distinct = new Set(numbers).size;
  const least = numbers.reduce((a, b) => Math.min(a, b), Infinity);
  const most = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
  const whole = numbers.every(Number.isInteger);
  if (distinct === 2) return [boolean(), `two values, ${least} and ${most}`];
  const share = `${distinct} of ${n} values differ`;
  if (whole && isIdName(name) && distinct > 0.95 * n) return [id(), `named like an id, and ${share}`];
  if (whole && distinct === n && n >= 20 && most - least < 2 * n)
    return [id(), 'whole numbers, all different, hardly a gap'];
  if (whole && distinct <= (least < 0 ? 2 * MOST_CODES : MOST_CODES) && distinct <= n / 2) {
    return [category(), `${distinct} whole numbers${least < 0 ? ', some below 0' : ''}`];
  }
  const top = levels[0]?.[1] ?? 0;
  const atoms = levels.filter(([, count]) => count > ATOM * n && count > 1).map(([key]) => Number(key));
  if (atoms.length > 0 && distinct > FEWEST_AROUND_ATOMS && top > (STANDS_OUT * n) / distinct) {
    const held = levels.slice(0, atoms.length).reduce((sum, [, count]) => sum + count, 0) / n;
    const shown = atoms.slice(0, 3).join(', ') + (atoms.length > 3 ? ', …' : '');
    return [
      mixed({ atoms: [...atoms].sort((a, b) => a - b) }),
      `${shown} ${atoms.length > 1 ? 'hold' : 'holds'} ${(100 * held).toFixed(0)} % of the rows`,
    ];
  }
  if (least > 0) {
    const [before, after] = [skewOf(numbers), skewOf(numbers.map(Math.log))];
    if (before > 2 && Math.abs(after) < 1) {
      return [positive(), `above 0 with a long tail: skew ${before.toFixed(1)}, of logarithms ${after.toFixed(1)}`];
    }
  }
  if (whole && least >= 0 && most < LARGEST_COUNT && distinct > MOST_CODES) {
    return [count(), `whole numbers from ${least} to ${most}`];
  }
  return [numeric(), `numbers from ${least} to ${most}`];
}

/** E[(x − μ)³]/σ³; 0 of a constant. */
function skewOf(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const second = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const third = values.reduce((sum, x) => sum + (x - mean) ** 3, 0) / values.length;
  return second > 0 ? third / second ** 1.5 : 0;
}

function truthKind({ levels }: Values): Found | null {
  return levels.length === 2 ? [boolean(), `two values, ${levels.map(([key]) => key).join(' and ')}`] : null;
}

/** Levels of fewer rows each on average are names rather than levels, unless there are few. */
const ROWS_PER_LEVEL = 10;
const WORDS_OF_TEXT = 3;

function wordKind({ name, cells, levels }: Values): Found {
  const n = cells.length;
  const distinct = levels.length;
  const share = `${distinct} of ${n} values differ`;
  const few = distinct <= Math.max(50, Math.sqrt(n)) && distinct <= n / 2;
  if (few || n >= ROWS_PER_LEVEL * distinct) return [category(), `${distinct} different values`];
  const words = cells.reduce((sum: number, cell) => sum + levelKey(cell).trim().split(/\s+/).length, 0) / n;
  if (isIdName(name) && distinct > 0.95 * n) return [id(), `named like an id, and ${share}`];
  if (words > WORDS_OF_TEXT) return [text(), `${words.toFixed(1)} words on average`];
  if (distinct === n) return [id(), 'all values differ'];
  return [text(), `${share}, too many for a category`];
}
