import { Kind, type Part, type Transform } from '@latent/nn';
import type { Rng } from '@latent/tensor';
import { ValueError } from '@latent/tensor';

/**
 * What a column's cells are to statistics: numbers, levels of a category, or nothing (ids and texts, which are carried
 * through).
 */
export type ColumnRole = 'number' | 'category' | 'none';

/** How the columns of a model are encoded: what its task asks for. Files have it. */
export interface Encoding {
  /** How numbers are put on a common scale. */
  readonly numbers: Transform;
  /** A column of numbers with at most so many values is drawn value by value; 0 for none. */
  readonly discrete: number;
}

/** Numbers of a row that belong together: the levels of a category, one of which is 1, or numbers on the common scale. */
export interface Slot {
  readonly role: 'levels' | 'numbers';
  readonly size: number;
}

/** What a column's slots stand for, for whoever asks what is to be expected in a cell. */
export type Outcomes =
  /** Of a category: its levels in their order; the last of the slot stands for all others. */
  | { readonly role: 'levels'; readonly levels: readonly unknown[]; readonly slot: number }
  /** Of numbers: values apart, whose slot has one more level for the rest, and the way back from the common scale. */
  | {
      readonly role: 'numbers';
      readonly atoms: readonly number[];
      readonly levelSlot: number | null;
      readonly numberSlot: number | null;
      inverse(places: Float64Array): Float64Array;
      cellOf(value: number): unknown;
    };

/** Cells of one column, read: numbers (NaN for a hole) or level keys (null for a hole), and as they were given. */
export type ReadCells =
  | { readonly role: 'number'; readonly values: Float64Array; readonly cells: ArrayLike<unknown> }
  | { readonly role: 'category'; readonly values: readonly (string | null)[]; readonly cells: ArrayLike<unknown> };

/** Learns from a column's cells as they come by, in as many walks over the rows as it takes. */
export interface ColumnLearner {
  add(cells: ReadCells): void;
  /** At the end of a walk: whether there must be another. */
  again(): boolean;
  /** What was learned, as plain data. */
  learned(): unknown;
}

/** Numbers of rows on a model's scale, and where a column's slots begin in each row. */
export interface EncodedColumn {
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  readonly at: readonly number[];
}

/** What a column's cells must be: one of these levels, or numbers from `min` to `max`. */
export interface CellCondition {
  readonly equals?: readonly unknown[];
  readonly min?: unknown;
  readonly max?: unknown;
}

/** What a condition asks of a slot: weights of its levels, or a range of its number; null asks nothing. */
export type SlotCondition =
  | { readonly levels: readonly boolean[] }
  | { readonly low: number; readonly high: number }
  | null;

/** A column as a model sees it, after learning. */
export interface ColumnCode {
  readonly slots: readonly Slot[];
  /** Writes the numbers of cells into `target`, which is all zeros, NaN where there are none. */
  encode(cells: ReadCells, target: EncodedColumn): void;
  /** Cells for rows that a model drew. `rng` draws what the model has no word for. */
  decode(source: EncodedColumn, rng: Rng): unknown[];
  /** Null where a model sees nothing of the column. */
  readonly outcomes: Outcomes | null;
  /**
   * What drawn rows must satisfy for a condition to hold: one of several ways, each asking something of every slot. Empty
   * where it cannot hold.
   */
  conditions(
    condition: CellCondition,
    fail: (expected: string, got: unknown) => never,
  ): readonly (readonly SlotCondition[])[];
}

/** How a column is read, learned from and drawn, as a value. */
export interface ColumnKind extends Part {
  readonly role: ColumnRole;
  /** In words, for errors. */
  readonly expects: string;
  /** Words that stand for a hole. */
  readonly holes: readonly string[];
  /** What errors of its numbers are told in; 1 by default. Dates are milliseconds, told in days. */
  readonly unit?: number;
  /** The number that a cell is; NaN where it is none. Of numbers. */
  number?(cell: unknown): number;
  /** The key of the level that a cell is; null where it is none. Of categories. */
  level?(cell: unknown): string | null;
  /** Null where a model sees nothing of the column. */
  learner(encoding: Encoding): ColumnLearner | null;
  code(learned: unknown, fail: (problem: string) => never): ColumnCode;
}

/** The kinds of columns that schemas, and files of models, may have. */
export const columnKinds: Kind<ColumnKind> = /* @__PURE__ */ new Kind<ColumnKind>('kind of column');

/** Throws for a cell that cannot be in its column. */
export function refuseCell(caller: string, row: number, column: string, expected: string, cell: string): never {
  throw new ValueError(`${caller}: row ${row}, column '${column}': expected ${expected}, got ${cell}`);
}
