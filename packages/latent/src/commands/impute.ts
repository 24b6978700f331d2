import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT, OUTPUT } from './command.ts';
import { checkInputs, MODEL, readModel, rowsFor } from './model.ts';
import { writeRows } from './output.ts';

export const impute: Command = {
  summary: 'Rows with their holes filled',
  args: {
    ...MODEL,
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    draw: { type: 'boolean', description: 'Fill by a draw, as real rows vary, not by what is expected' },
    seed: { type: 'string', valueHint: 'number', description: 'Of draws; 0 by default' },
    ...OUTPUT,
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.needed('data')];
    checkInputs(path, data);
    const seed = call.number('seed', { min: 0, whole: true }) ?? 0;
    const draw = call.flag('draw');
    const quiet = call.flag('quiet');
    const model = await readModel(path, terminal);
    const table = await readTable(data, terminal, call.text('input-format'));
    const rows = rowsFor(model, table, (text) => quiet || terminal.say(`! ${text}`));
    const { rows: expected, draws, cells } = model.impute(rows, { draws: draw ? 1 : 0, seed });
    const filled = (draw ? draws[0] : expected) as readonly Readonly<Record<string, unknown>>[];
    // Columns that the rows lack, and that the model has filled.
    const names = [...new Set([...table.names, ...cells.map(({ column }) => column as string)])];
    const lines = function* (): Generator<readonly unknown[]> {
      for (const row of filled) yield names.map((name) => row[name]);
    };
    await writeRows(call, terminal, names, lines());
    if (!quiet) {
      terminal.say(`${cells.length} holes of ${table.rows} rows were filled`);
      const touched = new Set(cells.map(({ column }) => column));
      const worse = model.imputationError.filter(
        ({ column, better, cells: known }) => touched.has(column) && known > 0 && !better,
      );
      if (worse.length > 0) {
        terminal.say(
          `! no better than the mean or the most frequent level: ${worse.map(({ column }) => column).join(', ')}`,
        );
      }
    }
    return EXIT.fine;
  },
};
