import { formatShape, type Tensor } from '@latent/tensor';
import { roleOf } from './role.ts';

/** A module with its own tensors. */
export interface SummaryRow {
  readonly path: string;
  readonly type: string;
  readonly tensors: readonly (readonly [name: string, tensor: Tensor])[];
}

/** The modules that hold tensors, as a table for a terminal: shapes, counts and the total. Buffers are shown but not counted. */
export function summaryTable(modules: readonly SummaryRow[]): string {
  const rows: string[][] = [['module', 'type', 'parameters', 'count']];
  let total = 0;
  for (const { path, type, tensors } of modules) {
    if (tensors.length === 0) continue;
    const count = tensors.reduce((sum, [, x]) => sum + (roleOf(x) === 'buffer' ? 0 : x.size), 0);
    total += count;
    const shapes = tensors.map(
      ([name, x]) => `${name} ${formatShape(x.shape)}${roleOf(x) === 'buffer' ? ' (kept)' : ''}`,
    );
    rows.push([path || '(this)', type, shapes.join(', '), count.toLocaleString('en-US')]);
  }
  rows.push(['total', '', '', total.toLocaleString('en-US')]);
  return aligned(rows, [3]);
}

/** Rows of cells as lines with columns under each other; the columns in `right` end at one edge. */
export function aligned(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
