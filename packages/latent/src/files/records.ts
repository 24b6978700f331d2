import { TableModel } from '@latent/tables';
import { tensor } from '@latent/tensor';
import { UsageFault } from '../terminal/fault.ts';
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
    const table = await tableOf(name, bytes);
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

/** A table as a file that can be sent: what cells there are, JSON has words for. */
export async function recordsFile({ names, columns, rows }: FileTable): Promise<{ name: string; bytes: Uint8Array }> {
  const dated = names.find((name) => columns[name]?.some((cell) => cell instanceof Date));
  if (dated !== undefined) {
    throw new UsageFault(
      `column '${dated}' holds dates that are no text, which cannot be sent to workers; leave out --workers`,
    );
  }
  const cells = Array.from({ length: rows }, (_, r) => names.map((name) => columns[name]?.[r]));
  const parts: string[] = [];
  for await (const part of tableText('ndjson', names, cells)) parts.push(part);
  return { name: 'rows.ndjson', bytes: new TextEncoder().encode(parts.join('')) };
}
