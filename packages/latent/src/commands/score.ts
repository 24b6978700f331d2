import type { AnyRow } from '@latent/tables';
import { type FileTable, recordsOf } from '../files/columns.ts';
import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT, OUTPUT } from './command.ts';
import { checkInputs, MODEL, readModel, rowsFor } from './model.ts';
import { writeRows } from './output.ts';
import { PREDICT, predictOptions } from './predict.ts';
import { because } from './reasons.ts';

/** Names of the columns that are added, clear of those of the rows. */
export function addedNames(names: readonly string[], added: readonly string[]): string[] {
  return added.map((name) => {
    let own = name;
    while (names.includes(own)) own = `latent_${own}`;
    return own;
  });
}

/** Rows of a table by their places, as records. */
export function rowsAt(table: FileTable, places: readonly number[]): AnyRow[] {
  return places.map((place) => recordsOf(table, place, place + 1)[0] as AnyRow);
}

export const score: Command = {
  summary: 'Rows with their score, p-value, whether they are odd, and why',
  args: {
    ...MODEL,
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    ...PREDICT,
    reasons: { type: 'boolean', default: true, negativeDescription: 'Do not say why; faster', description: 'Say why' },
    odd: { type: 'boolean', description: 'Write the odd rows alone' },
    'fail-on': { type: 'string', valueHint: 'anomaly', description: 'End with 4 where a row is odd' },
    ...OUTPUT,
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.needed('data')];
    checkInputs(path, data);
    const failOn = call.choice('fail-on', ['anomaly']);
    const options = predictOptions(call);
    const quiet = call.flag('quiet');
    const say = (text: string): void => {
      if (!quiet) terminal.say(`! ${text}`);
    };
    const model = await readModel(path, terminal);
    const table = await readTable(data, terminal, call.text('input-format'));
    const rows = rowsFor(model, table, say);
    const predictions = model.predict(rows, options);
    const odd = predictions.flatMap(({ anomaly }, row) => (anomaly ? [row] : []));
    const reasons = new Map<number, string>();
    if (call.flag('reasons') && odd.length > 0) {
      model.explain(rowsAt(table, odd)).forEach(({ cells }, i) => {
        reasons.set(odd[i] as number, because(cells));
      });
    }
    const names = [...table.names, ...addedNames(table.names, ['score', 'p', 'anomaly', 'because'])];
    const written = call.flag('odd') ? odd : predictions.map((_, row) => row);
    const lines = function* (): Generator<readonly unknown[]> {
      for (const row of written) {
        const { score: nats, pValue, anomaly } = predictions[row] as (typeof predictions)[number];
        const cells = table.names.map((name) => table.columns[name]?.[row]);
        yield [...cells, Number(nats.toPrecision(6)), Number(pValue.toPrecision(4)), anomaly, reasons.get(row) ?? null];
      }
    };
    await writeRows(call, terminal, names, lines());
    if (!quiet) {
      const { guarantee } = model.threshold(options, rows);
      terminal.say(`${odd.length} of ${table.rows} rows are odd; ${guarantee}`);
    }
    return failOn !== undefined && odd.length > 0 ? EXIT.found : EXIT.fine;
  },
};
