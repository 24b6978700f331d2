import type { Local } from '../wasm/assembler.ts';
import type { Cell, Column } from './cell.ts';
import { PANEL, PANEL_ROW } from './product.ts';

/** What the code of a recurrence depends on; everything else is an argument. */
export interface Form {
  readonly cell: Cell;
  readonly features: number;
  readonly units: number;
  readonly steady: boolean;
  readonly reverse: boolean;
  readonly lengths: boolean;
  readonly keep: boolean;
}

/** Where parts of the room that a call has are, in bytes; those after the panels for each row. */
export interface Layout {
  /** Blocks of `PANEL` units. */
  readonly blocks: number;
  /** A row of the products' left operand, [x, 1, h]. */
  readonly line: number;
  /** Of the panels of a block: where each column's begin, and the bytes of all. */
  readonly panels: readonly number[];
  readonly panelBytes: number;
  /** Of the pre-activations, whole blocks of units: a column of a row, and a row. */
  readonly column: number;
  readonly sums: number;
}

export function layoutOf({ cell, features, units }: Form): Layout {
  const panels: number[] = [];
  let panelBytes = 0;
  for (const column of cell.columns) {
    panels.push(panelBytes);
    panelBytes += PANEL_ROW * (endOf(column, features, units) - beginOf(column, features));
  }
  const blocks = Math.ceil(units / PANEL);
  const column = blocks * PANEL_ROW;
  return {
    blocks,
    line: 4 * (features + 1 + units),
    panels,
    panelBytes,
    column,
    sums: column * cell.columns.length,
  };
}

/** The part of [x, 1, h] that a column is a product of. */
export function beginOf({ part }: Column, features: number): number {
  return part === 'state' ? features : 0;
}
export function endOf({ part }: Column, features: number, units: number): number {
  return part === 'input' ? features + 1 : features + 1 + units;
}

/** Words that are kept of each row: where its numbers of this step are, and its length. */
export const WORDS = 2;

/** The pointers of a call, as parameters from number 3 on. */
export interface Operands {
  readonly y: Local;
  readonly last: readonly Local[];
  readonly seen: Local;
  readonly kept: Local;
  readonly x: Local;
  readonly weights: readonly [input: Local, state: Local, inputBias: Local, stateBias: Local];
  readonly first: readonly Local[];
  readonly lengths: Local;
  readonly count: number;
}

export function operandsOf({ cell, keep, lengths }: Form): Operands {
  let next = 3;
  const one = (): Local => next++;
  const states = (): Local[] => Array.from({ length: cell.states }, one);
  const y = one();
  const last = states();
  const [seen, kept] = keep ? [one(), one()] : [-1, -1];
  const x = one();
  const weights = [one(), one(), one(), one()] as const;
  const first = states();
  return { y, last, seen, kept, x, weights, first, lengths: lengths ? one() : -1, count: next };
}
