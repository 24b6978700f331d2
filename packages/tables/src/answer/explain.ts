import { tensor } from '@latent/tensor';
import { holm } from '../calibrate/conformal.ts';
import type { RowCode } from '../encode/row-code.ts';
import type { Table } from '../input/table.ts';
import { wholeReadersOf } from '../model/recipe.ts';
import { rowsAtOnce } from '../model/some-rows.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, CellReason, ColumnName, Expected } from '../results.ts';
import { ask, belief, expectedOf, type RowWeights, type Said, surprise, weightsOf } from './beliefs.ts';
import { Marginals } from './marginals.ts';

/** Calibration rows that cells are held against, at most. */
const MOST_REFERENCE = 500;
/** Codes for each column of each row. */
const SAMPLES = 32;
/** A row is asked about with each of its columns hidden in turn; one of more columns with a part of them, in so many turns. */
const MOST_TURNS = 128;
const TURNS_OF_WIDE = 32;
/** Reference rows of such a table. */
const WIDE_REFERENCE = 100;

/** Two numbers for each cell of some rows: [rows, columns], NaN in holes. */
interface CellNumbers {
  /** −log p(x_j | the columns that were not hidden with it). */
  readonly surprise: Float64Array;
  /** −E log p(x_j | z). */
  readonly contribution: Float64Array;
}

/** In how many turns the columns of a row are hidden. */
function turnsOf({ columns }: RowCode): number {
  return columns.length <= MOST_TURNS ? columns.length : TURNS_OF_WIDE;
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
  const most = code.columns.length <= MOST_TURNS ? MOST_REFERENCE : WIDE_REFERENCE;
  const count = Math.min(most, reference.rows.length / width);
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

/** What the rest of a row says of one of its cells. */
interface AskedCell {
  readonly row: number;
  readonly column: number;
  readonly said: Said;
  /** Where the row is in what was said, and how much its codes count. */
  readonly place: number;
  readonly weights: RowWeights;
}

/** Asks about every cell of coded rows that has a value. */
function* askedCells(state: TableState, coded: Float32Array): Generator<AskedCell> {
  const { code } = state;
  const { width, owner } = code;
  const turns = turnsOf(code);
  const all = (coded.length / width) * turns;
  const size = rowsAtOnce(SAMPLES * width);
  for (let start = 0; start < all; start += size) {
    const count = Math.min(size, all - start);
    const rowOf = (i: number): number => Math.floor((start + i) / turns);
    const turnOf = (i: number): number => (start + i) % turns;
    const rows = new Float32Array(count * width);
    for (let i = 0; i < count; i++) rows.set(coded.subarray(rowOf(i) * width, (rowOf(i) + 1) * width), i * width);
    const shown = rows.slice();
    for (let i = 0; i < count; i++) {
      for (let n = 0; n < width; n++) if ((owner[n] as number) % turns === turnOf(i)) shown[i * width + n] = Number.NaN;
    }
    const said = ask(state, rows, shown, SAMPLES);
    for (let place = 0; place < count; place++) {
      const row = rowOf(place);
      const hidden: number[] = [];
      for (let c = turnOf(place); c < code.columns.length; c += turns) hidden.push(c);
      const weights = weightsOf(said, place, hidden);
      for (const column of hidden) if (isThere(coded, code, row, column)) yield { row, column, said, place, weights };
    }
  }
}

/** `tell` is told of each cell as it is asked about. */
function cellNumbers(state: TableState, coded: Float32Array, tell: (cell: AskedCell) => void = () => {}): CellNumbers {
  const { code, members, seed, recipe } = state;
  const { width } = code;
  const columns = code.columns.length;
  const count = coded.length / width;
  const own = new Float64Array(count * columns).fill(Number.NaN);
  for (const cell of askedCells(state, coded)) {
    own[cell.row * columns + cell.column] = surprise(cell.said, cell.place, cell.column, cell.weights);
    tell(cell);
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
  const expected = new Map<number, Expected>();
  const numbers = cellNumbers(state, coded, ({ row, column, said, place, weights }) => {
    expected.set(row * columns + column, expectedOf(belief(said, place, column, weights)));
  });
  const result: CellReason[][] = [];
  for (let r = 0; r < count; r++) {
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
        expected: expected.get(r * columns + c) as Expected,
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
