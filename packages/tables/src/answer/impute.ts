import { Rng } from '@latent/tensor';
import { joinRows, pickRows, type ReadRows, type RowCode } from '../encode/row-code.ts';
import { levelKey } from '../input/cell.ts';
import type { Blend, LinearFill } from '../model/linear-fill.ts';
import { rowsAtOnce } from '../model/some-rows.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, ColumnImputationError, ColumnName, Expected } from '../results.ts';
import { ask, type Belief, belief, bestValue, blended, drawnValue, expectedOf, meanOf, weightsOf } from './beliefs.ts';

type Asked = Pick<TableState, 'code' | 'members' | 'seed' | 'recipe'>;
/** What fills holes: networks, linear relations, and how much each says of a column. */
type Filling = Asked & Pick<TableState, 'linear' | 'blends'>;

/** A hole and what the networks believe to be in it. */
interface Hole {
  readonly row: number;
  readonly column: number;
  readonly believed: Belief;
}

/** Whether a coded row has a hole in a column. */
function isHole(coded: Float32Array, code: RowCode, row: number, column: number): boolean {
  const { at, code: own } = code.columns[column] as RowCode['columns'][number];
  // An atom's number is a hole of its own; the slot that says which it is comes first.
  return own.slots.length > 0 && Number.isNaN(coded[row * code.width + (at[0] as number)]);
}

/** What the networks believe of every hole of coded rows, row by row. */
function* beliefsOfHoles(state: Asked, coded: Float32Array, samples: number): Generator<Hole> {
  const { code } = state;
  const count = coded.length / code.width;
  const holes = (r: number): number[] => code.columns.flatMap((_, c) => (isHole(coded, code, r, c) ? [c] : []));
  const rows = Array.from({ length: count }, (_, r) => ({ r, columns: holes(r) })).filter(
    ({ columns }) => columns.length > 0,
  );
  const size = rowsAtOnce(samples * code.width);
  for (let start = 0; start < rows.length; start += size) {
    const block = rows.slice(start, start + size);
    const own = new Float32Array(block.length * code.width);
    block.forEach(({ r }, i) => {
      own.set(coded.subarray(r * code.width, (r + 1) * code.width), i * code.width);
    });
    const said = ask(state, own, own, samples);
    for (const [i, { r, columns }] of block.entries()) {
      const weights = weightsOf(said, i, columns);
      for (const column of columns) yield { row: r, column, believed: belief(said, i, column, weights) };
    }
  }
}

/** Rows filled in straight lines, one at a time and each once. */
function linesOf(linear: LinearFill | null, placed: Float64Array | null): (row: number) => Float64Array | null {
  let [last, filled]: [number, Float64Array | null] = [-1, null];
  return (row) => {
    if (linear === null || placed === null) return null;
    if (row !== last) [last, filled] = [row, linear.filled(placed, row)];
    return filled;
  };
}

/** A filled cell as it goes into a row. */
export interface FilledCell {
  readonly row: number;
  readonly column: ColumnName<AnyRow>;
  readonly value: unknown;
  readonly draws: readonly unknown[];
  readonly expected: Expected;
}

/** The cells for all holes of rows. */
export function fillHoles(state: Filling, read: ReadRows, draws: number, samples: number, seed: number): FilledCell[] {
  const { code, linear, blends } = state;
  const rng = new Rng(seed);
  const line = linesOf(linear, linear?.place(read) ?? null);
  const cells: FilledCell[] = [];
  for (const { row, column, believed: network } of beliefsOfHoles(state, code.encode(read), samples)) {
    const believed =
      linear === null || !linear.knows(column)
        ? network
        : blended(network, linear, column, line(row), blends[column] as Blend);
    const u = draws === 0 ? [] : rng.uniform([draws]).data;
    cells.push({
      row,
      column: code.columns[column]?.name as ColumnName<AnyRow>,
      value: bestValue(believed),
      draws: Array.from(u, (share) => drawnValue(believed, share)),
      expected: expectedOf(believed),
    });
  }
  return cells;
}

/** Parts that known cells are hidden in, one after the other: each cell is hidden once. */
const PARTS = 20;
const MOST_ROWS = 800;
/** And of wide tables so few rows that there are not more cells. */
const MOST_CELLS = 400_000;
const SAMPLES = 16;
/** Of the rows: what one says of the mixtures chooses among them for the other, where the error is told. */
const HALVES: readonly number[] = [0, 1];
/** The network alone, and what else it may be mixed with, by quarters. */
const ALONE: Blend = [1, 0, 0];
const BLENDS: readonly Blend[] = [0, 1, 2, 3, 4].flatMap((usual) =>
  Array.from({ length: 5 - usual }, (_, linear): Blend => [1 - (linear + usual) / 4, linear / 4, usual / 4]),
);

/**
 * How much networks, linear relations and the usual value each say of a column, and how far cells are off that are filled so: every
 * known cell of rows that were not learned is hidden once, a twentieth of them at a time, so that rows have hardly more holes than
 * they came with. Of the mixtures, the one is taken that these cells like best (Wolpert 1992).
 */
export function settleFills(
  state: Asked,
  linear: LinearFill | null,
  learned: ReadRows,
  others: readonly ReadRows[],
): { readonly blends: readonly Blend[]; readonly errors: ColumnImputationError[] } {
  const { code } = state;
  const joined = joinRows(others);
  const columns = code.columns.length;
  const count = Math.min(joined.count, MOST_ROWS, Math.max(PARTS, Math.floor(MOST_CELLS / columns)));
  const rows = pickRows(
    joined,
    Array.from({ length: count }, (_, r) => r),
  );
  const coded = code.encode(rows);
  const placed = linear?.place(rows) ?? null;
  const parts = new Rng(state.seed + 17).uniform([Math.max(1, count * columns)]).data;
  const partOf = (r: number, c: number): number => Math.floor((parts[r * columns + c] as number) * PARTS);
  const ways = code.columns.map((_, c) => (linear?.knows(c) ? BLENDS : [ALONE]));
  const sums = ways.map((own) => ({
    errors: HALVES.map(() => own.map(() => 0)),
    gains: HALVES.map(() => own.map(() => 0)),
    baseline: 0,
    cells: 0,
  }));
  const usual = code.columns.map((_, c) => usualOf(learned, c));
  for (let part = 0; part < PARTS; part++) {
    const hidden = coded.slice();
    const holed = placed?.slice() ?? null;
    for (let r = 0; r < count; r++) {
      for (let i = 0; i < code.width; i++)
        if (partOf(r, code.owner[i] as number) === part) hidden[r * code.width + i] = Number.NaN;
      if (holed !== null) for (let c = 0; c < columns; c++) if (partOf(r, c) === part) linear?.hide(holed, r, c);
    }
    const line = linesOf(linear, holed);
    for (const { row, column, believed: network } of beliefsOfHoles(state, hidden, SAMPLES)) {
      if (partOf(row, column) !== part) continue;
      const truth = rows.columns[column]?.values[row];
      if (truth === null || truth === undefined || Number.isNaN(truth)) continue;
      const sum = sums[column] as (typeof sums)[number];
      const baseline =
        typeof truth === 'number' ? ((usual[column] as number) - truth) ** 2 : usual[column] === truth ? 0 : 1;
      const [errors, gains] = [sum.errors[row % 2] as number[], sum.gains[row % 2] as number[]];
      ways[column]?.forEach((way, w) => {
        const believed = linear === null || way === ALONE ? network : blended(network, linear, column, line(row), way);
        const error =
          believed.role === 'numbers'
            ? (meanOf(believed) - (truth as number)) ** 2
            : levelKey(bestValue(believed)) === truth
              ? 0
              : 1;
        errors[w] = (errors[w] as number) + error;
        gains[w] = (gains[w] as number) + (baseline - error) ** 2;
      });
      sum.baseline += baseline;
      sum.cells++;
    }
  }
  return {
    blends: sums.map(({ errors: [first = [], second = []] }, c) => {
      const both = first.map((error, w) => error + (second[w] as number));
      return (ways[c] as readonly Blend[])[leastOf(both)] as Blend;
    }),
    errors: sums.map(({ errors, gains, baseline, cells }, c) => {
      const { name, kind } = code.columns[c] as RowCode['columns'][number];
      const { unit = 1 } = kind;
      // Each half by the mixture that the other half likes best: the best of many is the luckiest too.
      const fair = (of: readonly (readonly number[])[]): number =>
        HALVES.reduce((sum, half) => sum + (of[half]?.[leastOf(errors[1 - half] as number[])] as number), 0);
      const error = fair(errors);
      const measure = kind.role === 'number' ? 'rmse' : 'wrong';
      const settled = (sum: number): number =>
        cells === 0 ? 0 : measure === 'rmse' ? Math.sqrt(sum / cells) / unit : sum / cells;
      return {
        column: name as ColumnName<AnyRow>,
        measure,
        error: settled(error),
        baseline: settled(baseline),
        cells,
        // By more than chance: a standard error of the sum of what each cell gains.
        better: baseline - error > Math.sqrt(fair(gains)),
      };
    }),
  };
}

function leastOf(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
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
