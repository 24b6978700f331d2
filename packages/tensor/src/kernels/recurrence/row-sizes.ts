import type { Course } from './recurrence.ts';

/** Numbers that are kept of each step for the products of the way back. */
export function seenWidth({ features, units, steady }: Pick<Course, 'features' | 'units' | 'steady'>): number {
  return steady ? units : features + 1 + units;
}

/** What a row of the batch has of an operand: so many elements, at each step or once. */
export interface RowSize {
  readonly width: number;
  readonly perStep: boolean;
}

/** Of each operand, in order; the weights are not the rows'. */
export function rowSizes({ cell, features, units, steady, lengths, keep }: RowForm): RowSize[] {
  const once = (width: number): RowSize => ({ width, perStep: false });
  const each = (width: number): RowSize => ({ width, perStep: true });
  const states = new Array<RowSize>(cell.states).fill(once(units));
  return [
    each(units),
    ...states,
    ...(keep ? [each(seenWidth({ features, units, steady })), each(cell.kept.length * units)] : []),
    steady ? once(features) : each(features),
    ...new Array<RowSize>(4).fill(once(0)),
    ...states,
    ...(lengths ? [once(1)] : []),
  ];
}

/** The part of a call that its code depends on. */
export type RowForm = Omit<Course, 'rows' | 'steps' | 'reverse'> & { readonly keep: boolean };

/** Elements of each operand that belong to so many rows. */
export function ofRows(sizes: readonly RowSize[], rows: number, steps: number): number[] {
  return sizes.map(({ width, perStep }) => rows * width * (perStep ? steps : 1));
}
