import type { RowSize } from '../recurrence/row-sizes.ts';
import type { RecurrenceGradientCall } from './recurrence-gradient.ts';

/** Of each operand, in order; W_hh is not the rows'. */
export function rowSizes({ cell, units, lengths, given }: RowForm): RowSize[] {
  const once = (width: number): RowSize => ({ width, perStep: false });
  const each = (width: number): RowSize => ({ width, perStep: true });
  return [
    each(cell.columns.length * units),
    ...new Array<RowSize>(cell.states).fill(once(units)),
    each(cell.kept.length * units),
    once(0),
    ...given.flatMap((there, i) => (there ? [i === 0 ? each(units) : once(units)] : [])),
    ...(lengths ? [once(1)] : []),
  ];
}

/** The part of a call that its code depends on. */
export type RowForm = Pick<RecurrenceGradientCall, 'cell' | 'units' | 'lengths' | 'given'>;
