import { readTable } from '../files/table.ts';
import { EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { cellText } from '../terminal/words.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { checkInputs, MODEL, readModel, rowsFor } from './model.ts';
import { jsonText } from './output.ts';
import { expectedText } from './reasons.ts';
import { rowsAt } from './score.ts';

export const explain: Command = {
  summary: 'Why rows are odd, cell by cell, and what would make them usual',
  args: {
    ...MODEL,
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    row: {
      type: 'string',
      valueHint: 'number',
      description: 'Which row, from 0; may be given several times. The oddest by default',
    },
    by: {
      type: 'string',
      valueHint: 'unexplained|moved',
      description: 'By what the rest of the row does not explain, or by what is unusual at all',
    },
    repair: { type: 'boolean', description: 'The fewest cells whose change makes the row usual' },
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.needed('data')];
    checkInputs(path, data);
    const by = call.choice('by', ['unexplained', 'moved']) ?? 'unexplained';
    const asked = call.list('row').map((text) => {
      const row = text.trim() === '' ? Number.NaN : Number(text);
      if (!Number.isSafeInteger(row) || row < 0) {
        throw new UsageFault(`explain: --row must be a whole number of at least 0, got ${JSON.stringify(text)}`);
      }
      return row;
    });
    const model = await readModel(path, terminal);
    const table = await readTable(data, terminal, call.text('input-format'));
    const rows = rowsFor(model, table, (text) => call.flag('quiet') || terminal.say(`! ${text}`));
    for (const row of asked) {
      if (row >= table.rows) throw new UsageFault(`explain: there is no row ${row}; rows are 0 to ${table.rows - 1}`);
    }
    if (table.rows === 0) return EXIT.fine;
    const places = asked.length > 0 ? asked : [oddest(model.score(rows))];
    const chosen = rowsAt(table, places);
    const found = model.explain(chosen, { by }).map((each, i) => ({ ...each, row: places[i] as number }));
    const repairs = call.flag('repair')
      ? model.repair(chosen).map((each, i) => ({ ...each, row: places[i] as number }))
      : null;
    if (call.flag('json')) {
      await terminal.out(jsonText(found.map((each, i) => ({ ...each, ...(repairs && { repair: repairs[i] }) }))));
      return EXIT.fine;
    }
    for (const [i, { row, score, pValue, cells }] of found.entries()) {
      await terminal.out(`${i > 0 ? '\n' : ''}row ${row}: ${score.toFixed(2)} nats, p ${pValue.toPrecision(2)}\n`);
      for (const { column, value, nats, adjustedPValue, expected } of cells.slice(0, 10)) {
        await terminal.out(
          `  ${nats.toFixed(2).padStart(7)} nats  p ${adjustedPValue.toPrecision(2).padEnd(7)} ${cellText(column, 24)} is ${cellText(value, 32)}, expected ${expectedText(expected)}\n`,
        );
      }
      const repair = repairs?.[i];
      if (repair === undefined) continue;
      const changes = repair.changes.map(
        ({ column, from, to }) => `${cellText(column)} ${cellText(from)} → ${cellText(to)}`,
      );
      const words = repair.usual ? 'usual' : `still odd, p ${repair.pValueAfter.toPrecision(2)}`;
      await terminal.out(changes.length === 0 ? `  ${words} as it is\n` : `  ${words} with ${changes.join('; ')}\n`);
    }
    return EXIT.fine;
  },
};

function oddest(scores: Float64Array): number {
  return scores.reduce((best, value, row) => (value > (scores[best] as number) ? row : best), 0);
}
