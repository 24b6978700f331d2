import { tensor } from '@latent/tensor';
import { holm } from '../calibrate/conformal.ts';
import type { RowCode } from '../encode/row-code.ts';
import type { Table } from '../input/table.ts';
import { wholeReadersOf } from '../model/recipe.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, CellReason, ColumnName } from '../results.ts';
import { ask, belief, expectedOf, surprise } from './beliefs.ts';
import { Marginals } from './marginals.ts';

/** Calibration rows that cells are held against, at most. */
const MOST_REFERENCE = 500;
/** Codes for each column of each row. */
const SAMPLES = 32;
/** Rows that are asked about at a time. */
const BLOCK = 64;

/** Two numbers for each cell of some rows: [rows, columns], NaN in holes. */
interface CellNumbers {
  /** −log p(x_j | x_−j). */
  readonly surprise: Float64Array;
  /** −E log p(x_j | z). */
  readonly contribution: Float64Array;
}

/** What usual cells are like. */
export interface UsualCells {
  /** Of each column, the surprises of reference rows, rising. */
  readonly surprises: readonly Float64Array[];
  /** Medians of the contributions. */
  readonly contributions: Float64Array;
  readonly marginals: Marginals;
}

/** The cells of the reference rows; costly, so it is computed when it is first asked for. */
export function usualCells(state: TableState): UsualCells {
  const { code, reference } = state;
  const { width } = code;
  const count = Math.min(MOST_REFERENCE, reference.rows.length / width);
  const { surprise: own, contribution } = cellNumbers(state, reference.rows.subarray(0, count * width));
  const columns = code.columns.length;
  const ofColumn = (numbers: Float64Array, c: number): Float64Array =>
    Float64Array.from({ length: count }, (_, r) => numbers[r * columns + c] as number)
      .filter((value) => !Number.isNaN(value))
      .sort();
  return {
    surprises: code.columns.map((_, c) => ofColumn(own, c)),
    contributions: Float64Array.from(code.columns, (_, c) => {
      const sorted = ofColumn(contribution, c);
      return sorted[sorted.length >> 1] ?? 0;
    }),
    marginals: new Marginals(state),
  };
}

/** Whether a coded row has a value in a column. */
function isThere(coded: Float32Array, code: RowCode, row: number, column: number): boolean {
  const [first = 0] = code.columns[column]?.at ?? [];
  return !Number.isNaN(coded[row * code.width + first]);
}

/** Rows of which each hides one column: for every row, all its columns in turn. */
function withOneHidden(coded: Float32Array, code: RowCode): { rows: Float32Array; shown: Float32Array } {
  const { width, owner } = code;
  const columns = code.columns.length;
  const count = coded.length / width;
  const rows = new Float32Array(count * columns * width);
  for (let r = 0; r < count; r++) {
    for (let c = 0; c < columns; c++) rows.set(coded.subarray(r * width, (r + 1) * width), (r * columns + c) * width);
  }
  const shown = rows.slice();
  for (let i = 0; i < shown.length; i++) {
    if (owner[i % width] === Math.floor(i / width) % columns) shown[i] = Number.NaN;
  }
  return { rows, shown };
}

function cellNumbers(state: TableState, coded: Float32Array): CellNumbers {
  const { code, members, seed, recipe } = state;
  const { width } = code;
  const columns = code.columns.length;
  const count = coded.length / width;
  const own = new Float64Array(count * columns).fill(Number.NaN);
  for (let start = 0; start < count; start += BLOCK) {
    const block = coded.subarray(start * width, Math.min(count, start + BLOCK) * width);
    const { rows, shown } = withOneHidden(block, code);
    const said = ask(state, rows, shown, SAMPLES);
    for (let r = 0; r < block.length / width; r++) {
      for (let c = 0; c < columns; c++) {
        if (isThere(block, code, r, c)) own[(start + r) * columns + c] = surprise(said, r * columns + c, c);
      }
    }
  }
  const contribution = new Float64Array(count * columns);
  const scorers = wholeReadersOf(members, recipe);
  for (const member of scorers) {
    const terms = member.contributions(tensor(coded, { shape: [count, width] }), { samples: recipe.draws, seed })
      .columns.data;
    for (let i = 0; i < terms.length; i++) {
      const place = Math.floor(i / width) * columns + (code.owner[i % width] as number);
      contribution[place] = (contribution[place] as number) + (terms[i] as number) / scorers.length;
    }
  }
  return { surprise: own, contribution };
}

/** The cells of a table by row and column, each column read once. */
export function cellsOf(table: Table): (row: number, column: string) => unknown {
  const columns = new Map<string, ArrayLike<unknown>>();
  return (row, column) => {
    const cells = columns.get(column) ?? table.column(column);
    columns.set(column, cells);
    return cells[row];
  };
}

/** What explanations are ordered by: what is unexplained by the rest of the row, or what moved, explained or not. */
export type ExplainBy = 'unexplained' | 'moved';

/**
 * The reasons of coded rows, one list for each; `cellOf` gives a cell as it was. What is unexplained is ordered by the odds that
 * something else wrote the cell, log p(x_j | anything) − log p(x_j | x_−j): a value that is rare in every row tells less.
 */
export function explainRows(
  state: TableState,
  usual: UsualCells,
  coded: Float32Array,
  by: ExplainBy,
  cellOf: (row: number, column: string) => unknown,
): CellReason[][] {
  const { code } = state;
  const columns = code.columns.length;
  const count = coded.length / code.width;
  const numbers = cellNumbers(state, coded);
  const result: CellReason[][] = [];
  for (let r = 0; r < count; r++) {
    const { rows, shown } = withOneHidden(coded.subarray(r * code.width, (r + 1) * code.width), code);
    const said = ask(state, rows, shown, SAMPLES);
    const there = code.columns.flatMap((_, c) => (isThere(coded, code, r, c) ? [c] : []));
    const pValues = there.map((c) => {
      const sorted = usual.surprises[c] as Float64Array;
      const nats = numbers.surprise[r * columns + c] as number;
      return (1 + atLeast(sorted, nats)) / (sorted.length + 1);
    });
    const adjusted = holm(pValues);
    const cells = there.map((c, i): CellReason => {
      const name = code.columns[c]?.name as ColumnName<AnyRow>;
      return {
        column: name,
        value: cellOf(r, name),
        nats: numbers.surprise[r * columns + c] as number,
        pValue: pValues[i] as number,
        adjustedPValue: adjusted[i] as number,
        moved: (numbers.contribution[r * columns + c] as number) - (usual.contributions[c] as number),
        expected: expectedOf(belief(said, c, c, (j) => j === c)),
      };
    });
    const odds = new Map(
      there.map((c, i) => {
        const cell = cells[i] as CellReason;
        return [cell, cell.nats + usual.marginals.logOther(coded, r, code.columns[c] as RowCode['columns'][number])];
      }),
    );
    const key = (cell: CellReason): number => (by === 'moved' ? cell.moved : (odds.get(cell) as number));
    result.push(cells.sort((a, b) => key(b) - key(a)));
  }
  return result;
}

/** How many of rising numbers are at least a value. */
function atLeast(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) >= value) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}
