import { TableModel } from '@latent/tables';
import { tensor } from '@latent/tensor';
import { type FileTable, tableSlice } from './columns.ts';
import { tableOf, tableText } from './table.ts';

/** Rows of a file that are scored at a time. */
const BLOCK = 8192;

/** Models of tables, as workers score with them: of files of any format that is read here. `null` are holes. */
export const tableKind = {
  name: 'table',
  is: (model: unknown): model is TableModel => model instanceof TableModel,
  toBytes: (model: TableModel): Uint8Array => model.toBytes(),
  fromBytes(bytes: Uint8Array): TableModel {
    const model = TableModel.fromBytes(bytes);
    // What is odd about columns is said where the rows are given.
    model.onWarning = () => {};
    return model;
  },
  async *read({ name, bytes }: { readonly name: string; readonly bytes: Uint8Array }): AsyncGenerator<FileTable> {
    const table = name === CELLS ? revived(await tableOf(name, bytes, 'ndjson')) : await tableOf(name, bytes);
    yield tableSlice(table, 0, BLOCK);
    for (let from = BLOCK; from < table.rows; from += BLOCK) yield tableSlice(table, from, from + BLOCK);
  },
  scores: {
    score(model: TableModel, { columns }: FileTable) {
      const scores = model.score(columns);
      return { score: tensor(scores, { dtype: 'f64' }) };
    },
  },
} as const;

/** The name of a file whose cells are what JSON has words for, or objects that say what they are. */
const CELLS = 'rows.cells';

/** A table as a file that can be sent, of which `tableKind` reads the same cells again. */
export async function recordsFile({ names, columns, rows }: FileTable): Promise<{ name: string; bytes: Uint8Array }> {
  const cells = Array.from({ length: rows }, (_, r) => names.map((name) => written(columns[name]?.[r])));
  const parts: string[] = [];
  for await (const part of tableText('ndjson', names, cells)) parts.push(part);
  return { name: CELLS, bytes: new TextEncoder().encode(parts.join('')) };
}

/** JSON has no dates, and not all numbers: they travel as objects, and so must all other objects. */
function written(cell: unknown): unknown {
  if (cell instanceof Date) return { date: cell.getTime() };
  if (typeof cell === 'number')
    return Number.isFinite(cell) && !Object.is(cell, -0) ? cell : { number: Object.is(cell, -0) ? '-0' : String(cell) };
  return typeof cell === 'object' && cell !== null ? { cell } : cell;
}

function revived({ names, columns, rows }: FileTable): FileTable {
  const read = (cell: unknown): unknown => {
    if (typeof cell !== 'object' || cell === null) return cell;
    const { date, number, cell: other } = cell as Readonly<Record<string, unknown>>;
    if (number !== undefined) return Number(number);
    return date === undefined ? other : new Date(typeof date === 'number' ? date : Number.NaN);
  };
  return { names, columns: Object.fromEntries(names.map((name) => [name, (columns[name] ?? []).map(read)])), rows };
}
