import { type Bins, binsOf } from './charts/bins.ts';
import { plain } from './text.ts';

/** What a column holds, in as little as a chart needs. */
export interface ColumnSummary {
  readonly name: string;
  /** What it is taken for, and why. */
  readonly kind?: string;
  readonly why?: string;
  /** Share of holes. */
  readonly holes: number;
  readonly distinct: number;
  /** Of numbers and dates (milliseconds): their distribution. */
  readonly bins?: Bins;
  /** Whether the numbers are dates. */
  readonly dates?: boolean;
  /** Of all else: the most frequent values, and how many cells have others. */
  readonly levels?: readonly { readonly value: string; readonly count: number }[];
  readonly others?: number;
}

/** Levels that are told apart. */
const MOST_LEVELS = 10;
/** Different values that are counted. */
const MOST_DISTINCT = 100_000;

const isHole = (cell: unknown): boolean =>
  cell === null || cell === undefined || cell === '' || (typeof cell === 'number' && Number.isNaN(cell));

/**
 * A column in short: bins of its numbers (and of text that is a number, where `kind` says that it is one), or its most frequent
 * values. Of ids and texts no value is kept.
 */
export function columnSummary(
  name: string,
  cells: ArrayLike<unknown>,
  options: { readonly kind?: string; readonly why?: string } = {},
): ColumnSummary {
  const { kind, why } = options;
  const given = Array.from(cells).filter((cell) => !isHole(cell));
  const holes = cells.length === 0 ? 0 : 1 - given.length / cells.length;
  const distinct = new Set(given.slice(0, MOST_DISTINCT).map((cell) => (cell instanceof Date ? cell.getTime() : cell)))
    .size;
  const about = { name, ...(kind !== undefined && { kind }), ...(why !== undefined && { why }), holes, distinct };
  if (kind === 'id' || kind === 'text' || kind === 'ignore') return about;
  const dates = given.length > 0 && (kind === 'date' || given.every((cell) => cell instanceof Date));
  const asked = kind === undefined || !['category', 'boolean', 'ordinal', 'constant'].includes(kind);
  const numbers = asked ? given.map((cell) => numberOf(cell, dates, kind !== undefined)) : [];
  if (numbers.length > 0 && numbers.every(Number.isFinite))
    return { ...about, bins: binsOf(numbers), ...(dates && { dates }) };
  const counts = new Map<string, number>();
  for (const cell of given) {
    const value = plain(cell);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const levels = sorted.slice(0, MOST_LEVELS).map(([value, count]) => ({ value, count }));
  const others = given.length - levels.reduce((sum, { count }) => sum + count, 0);
  return { ...about, levels, others };
}

function numberOf(cell: unknown, dates: boolean, texts: boolean): number {
  if (cell instanceof Date) return cell.getTime();
  if (dates) return typeof cell === 'string' ? Date.parse(cell) : Number(cell);
  if (typeof cell === 'number') return cell;
  if (typeof cell === 'bigint') return Number(cell);
  return texts && typeof cell === 'string' && cell.trim() !== '' ? Number(cell) : Number.NaN;
}
