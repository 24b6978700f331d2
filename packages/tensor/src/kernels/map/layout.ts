import type { Layout } from '../kernel.ts';

/**
 * How an operand of a `rows × cols` formula is laid out:
 * `FULL` [rows, cols] · `ROW` one value per column, the same for every row · `COLUMN` one value per row · `SCALAR` one value.
 * Bit 0 says that it varies along the columns, bit 1 that it varies along the rows.
 */
export const SCALAR = 0;
export const ROW = 1;
export const COLUMN = 2;
export const FULL = 3;

/** Whether operands of these layouts may be read as one row of rows·cols. */
export function isFlat(layouts: readonly Layout[]): boolean {
  for (let i = 0; i < layouts.length; i++) if (layouts[i] !== FULL && layouts[i] !== SCALAR) return false;
  return true;
}

/** Whether an operand of this layout moves along the columns. */
export function variesAlongColumns(layout: Layout): boolean {
  return (layout & ROW) !== 0;
}

/** The elements from the first to the last that are read of an operand; `line` goes on from row to row. */
export function layoutExtent(layout: Layout, rows: number, cols: number, line: number = cols): number {
  if (rows === 0 || cols === 0) return 0;
  if (layout === FULL) return (rows - 1) * line + cols;
  return layout === ROW ? cols : layout === COLUMN ? rows : 1;
}

/** Elements from row 0 of an operand to row `row`. */
export function rowStep(layout: Layout, row: number, line: number): number {
  return layout === FULL ? row * line : layout === COLUMN ? row : 0;
}

/** The layouts as one small number. */
export function layoutsKey(layouts: readonly Layout[]): number {
  let key = 0;
  for (let i = layouts.length - 1; i >= 0; i--) key = key * 4 + (layouts[i] as Layout);
  return key;
}
