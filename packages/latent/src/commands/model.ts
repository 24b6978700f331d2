import { TableModel } from '@latent/tables';
import { ValueError } from '@latent/tensor';
import { bytesOf, nameOf } from '../files/bytes.ts';
import type { FileTable } from '../files/columns.ts';
import { DataFault, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** What models are written to unless told. */
export const MODEL_FILE = 'model.safetensors';

/** The argument of commands that ask a model. */
export const MODEL = {
  model: { type: 'positional', required: true, description: `The file of a model, such as ${MODEL_FILE}` },
} as const;

/** A model of a table from its file. */
export async function readModel(path: string, terminal: Terminal): Promise<TableModel> {
  const bytes = await bytesOf(path, terminal);
  try {
    const model = TableModel.fromBytes(bytes);
    // Commands say it in their own way: see `rowsFor`.
    model.onWarning = () => {};
    return model;
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new DataFault(`${nameOf(path)} is no model of a table: ${error.message}`);
  }
}

/** One of the two only may be what comes in. */
export function checkInputs(...paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1) throw new UsageFault('only one of the files may be -');
}

/** The rows as a model takes them, with what is odd about their columns said. */
export function rowsFor(model: TableModel, table: FileTable, say: (text: string) => void): FileTable['columns'] {
  for (const note of table.rows === 0 ? [] : model.notes(table.columns)) say(note);
  return table.columns;
}
