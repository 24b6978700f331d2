import { readRows } from '../encode/row-code.ts';
import { RecordTable } from '../input/table.ts';
import { scoreRows, type TableState } from '../model/state.ts';
import type { AnyRow, CellReason, ColumnName, Repair } from '../results.ts';
import { explainRows, type UsualCells } from './explain.ts';

/** Columns that are tried at each step. */
const TRIED = 3;

/**
 * The fewest cells whose change makes a row usual: at each step, of the three cells that the rest explains least, the one is set to
 * what was expected that leaves the row least odd. At the end, changes that the row is usual without are taken back, so
 * that every one that stays is needed.
 */
export function repairRow(
  state: TableState,
  usual: UsualCells,
  row: AnyRow,
  index: number,
  alpha: number,
  mostChanges: number,
): Repair {
  const { code, calibration } = state;
  const pOf = (rows: readonly AnyRow[]): Float64Array => {
    const read = readRows('TableModel.repair', code.schema, new RecordTable('TableModel.repair', rows));
    return calibration.pValues(scoreRows(state, read, code.encode(read)));
  };
  const reasons = (of: AnyRow): readonly CellReason[] => {
    const read = readRows('TableModel.repair', code.schema, new RecordTable('TableModel.repair', [of]));
    return explainRows(state, usual, code.encode(read), 'unexplained', (_, column) => of[column])[0] ?? [];
  };
  const before = pOf([row])[0] as number;
  let [now, p] = [row, before];
  const changed = new Map<ColumnName<AnyRow>, unknown>();
  while (p <= alpha && changed.size < Math.min(mostChanges, code.columns.length)) {
    const tried = reasons(now)
      .filter(({ column }) => !changed.has(column))
      .slice(0, TRIED)
      .map(({ column, expected }) => ({
        column,
        to: 'likely' in expected ? expected.likely[0]?.value : expected.value,
      }))
      .filter(({ column, to }) => to !== now[column]);
    if (tried.length === 0) break;
    const rows = tried.map(({ column, to }) => ({ ...now, [column]: to }));
    const found = pOf(rows);
    let best = 0;
    found.forEach((value, i) => {
      if (value > (found[best] as number)) best = i;
    });
    const { column, to } = tried[best] as (typeof tried)[number];
    changed.set(column, to);
    now = rows[best] as AnyRow;
    p = found[best] as number;
  }
  // Until no change can be taken back.
  for (let again = p > alpha; again; ) {
    again = false;
    const columns = [...changed.keys()];
    if (columns.length === 0) break;
    const undone = columns.map((column) => ({ ...now, [column]: row[column] }));
    const found = pOf(undone);
    let best = -1;
    found.forEach((value, i) => {
      if (value > alpha && (best < 0 || value > (found[best] as number))) best = i;
    });
    if (best >= 0) {
      changed.delete(columns[best] as ColumnName<AnyRow>);
      now = undone[best] as AnyRow;
      p = found[best] as number;
      again = true;
    }
  }
  return {
    row: index,
    usual: p > alpha,
    pValueBefore: before,
    pValueAfter: p,
    changes: Array.from(changed, ([column, to]) => ({ column, from: row[column], to })),
    repaired: now,
  };
}
