import { Rng } from '@latent/tensor';
import { pickRows, type ReadRows, type RowCode } from '../encode/row-code.ts';
import { levelKey } from '../input/cell.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, ColumnImputationError, ColumnName, Expected } from '../results.ts';
import { ask, type Belief, belief, bestValue, drawnValue, expectedOf, meanOf } from './beliefs.ts';

type Asked = Pick<TableState, 'code' | 'members' | 'seed' | 'recipe'>;

/** A hole and what is believed to be in it. */
export interface FilledHole {
  readonly row: number;
  readonly column: number;
  readonly believed: Belief;
}

/** Rows that are asked about at a time. */
const BLOCK = 128;

/** Whether a coded row has a hole in a column. */
function isHole(coded: Float32Array, code: RowCode, row: number, column: number): boolean {
  const { at, code: own } = code.columns[column] as RowCode['columns'][number];
  // An atom's number is a hole of its own; the slot that says which it is comes first.
  return own.slots.length > 0 && Number.isNaN(coded[row * code.width + (at[0] as number)]);
}

/** What is believed of every hole of coded rows. */
export function* beliefsOfHoles(state: Asked, coded: Float32Array, samples: number): Generator<FilledHole> {
  const { code } = state;
  const count = coded.length / code.width;
  const holes = (r: number): number[] => code.columns.flatMap((_, c) => (isHole(coded, code, r, c) ? [c] : []));
  const rows = Array.from({ length: count }, (_, r) => ({ r, columns: holes(r) })).filter(
    ({ columns }) => columns.length > 0,
  );
  for (let start = 0; start < rows.length; start += BLOCK) {
    const block = rows.slice(start, start + BLOCK);
    const own = new Float32Array(block.length * code.width);
    block.forEach(({ r }, i) => {
      own.set(coded.subarray(r * code.width, (r + 1) * code.width), i * code.width);
    });
    const said = ask(state, own, own, samples);
    for (const [i, { r, columns }] of block.entries()) {
      for (const column of columns)
        yield { row: r, column, believed: belief(said, i, column, (j) => columns.includes(j)) };
    }
  }
}

/** A filled cell as it goes into a row. */
export interface FilledCell {
  readonly row: number;
  readonly column: ColumnName<AnyRow>;
  readonly value: unknown;
  readonly draws: readonly unknown[];
  readonly expected: Expected;
}

/** The cells for all holes of coded rows. */
export function fillHoles(
  state: Asked,
  coded: Float32Array,
  draws: number,
  samples: number,
  seed: number,
): FilledCell[] {
  const rng = new Rng(seed);
  const cells: FilledCell[] = [];
  for (const { row, column, believed } of beliefsOfHoles(state, coded, samples)) {
    const u = draws === 0 ? [] : rng.uniform([draws]).data;
    cells.push({
      row,
      column: state.code.columns[column]?.name as ColumnName<AnyRow>,
      value: bestValue(believed),
      draws: Array.from(u, (share) => drawnValue(believed, share)),
      expected: expectedOf(believed),
    });
  }
  return cells;
}

/** Parts that known cells are hidden in, one after the other: each cell is hidden once. */
const PARTS = 20;
const MOST_ROWS = 500;
const SAMPLES = 16;

/**
 * How far filled cells are off: every known cell of some rows is hidden once, a twentieth
 * of them at a time, so that rows have hardly more holes than they came with.
 */
export function imputationErrors(state: Asked, learned: ReadRows, all: ReadRows): ColumnImputationError[] {
  const { code } = state;
  const count = Math.min(all.count, MOST_ROWS);
  const rows = pickRows(
    all,
    Array.from({ length: count }, (_, r) => r),
  );
  const coded = code.encode(rows);
  const columns = code.columns.length;
  const parts = new Rng(state.seed + 17).uniform([Math.max(1, count * columns)]).data;
  const partOf = (r: number, c: number): number => Math.floor((parts[r * columns + c] as number) * PARTS);
  const sums = code.columns.map(() => ({ error: 0, baseline: 0, cells: 0 }));
  const usual = code.columns.map((_, c) => usualOf(learned, c));
  for (let part = 0; part < PARTS; part++) {
    const hidden = coded.slice();
    for (let r = 0; r < count; r++) {
      for (let i = 0; i < code.width; i++)
        if (partOf(r, code.owner[i] as number) === part) hidden[r * code.width + i] = Number.NaN;
    }
    for (const { row, column, believed } of beliefsOfHoles(state, hidden, SAMPLES)) {
      if (partOf(row, column) !== part) continue;
      const read = rows.columns[column] as ReadRows['columns'][number];
      const sum = sums[column] as (typeof sums)[number];
      if (read.role === 'number') {
        const truth = read.values[row] as number;
        if (Number.isNaN(truth) || believed.role !== 'numbers') continue;
        sum.error += (meanOf(believed) - truth) ** 2;
        sum.baseline += ((usual[column] as number) - truth) ** 2;
      } else {
        const truth = read.values[row];
        if (truth === null || truth === undefined) continue;
        sum.error += levelKey(bestValue(believed)) === truth ? 0 : 1;
        sum.baseline += usual[column] === truth ? 0 : 1;
      }
      sum.cells++;
    }
  }
  return sums.map(({ error, baseline, cells }, c) => {
    const { name, kind } = code.columns[c] as RowCode['columns'][number];
    const { unit = 1 } = kind;
    const measure = kind.role === 'number' ? 'rmse' : 'wrong';
    const settled = (sum: number): number =>
      cells === 0 ? 0 : measure === 'rmse' ? Math.sqrt(sum / cells) / unit : sum / cells;
    return {
      column: name as ColumnName<AnyRow>,
      measure,
      error: settled(error),
      baseline: settled(baseline),
      cells,
      better: error < baseline,
    };
  });
}

/** The mean of a column of numbers, or the key of its most frequent level. */
function usualOf({ columns }: ReadRows, column: number): number | string {
  const read = columns[column] as ReadRows['columns'][number];
  if (read.role === 'number') {
    let [sum, n] = [0, 0];
    for (const value of read.values) {
      if (Number.isNaN(value)) continue;
      sum += value;
      n++;
    }
    return sum / Math.max(1, n);
  }
  const counts = new Map<string, number>();
  for (const key of read.values) if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}
