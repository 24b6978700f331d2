import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { cellText } from '../terminal/words.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { checkInputs, MODEL, readModel } from './model.ts';
import { jsonText } from './output.ts';

export const drift: Command = {
  summary: 'Whether new rows still look like those that calibrated the model',
  args: {
    ...MODEL,
    data: { type: 'positional', required: true, description: 'A file of new rows, or -' },
    alpha: {
      type: 'string',
      valueHint: 'rate',
      description: 'Of false findings in each family of tests; 0.05 by default',
    },
    'fail-on': { type: 'string', valueHint: 'drift', description: 'End with 4 where there is drift' },
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.needed('data')];
    checkInputs(path, data);
    const failOn = call.choice('fail-on', ['drift']);
    const alpha = call.number('alpha', { min: 0, max: 1 });
    const model = await readModel(path, terminal);
    const table = await readTable(data, terminal, call.text('input-format'));
    const found = model.drift(table.columns, alpha === undefined ? {} : { alpha });
    if (call.flag('json')) await terminal.out(jsonText(found));
    else {
      const verdict = (drifted: boolean): string => (drifted ? 'DRIFT' : 'none');
      await terminal.out(
        `all rows  ${verdict(found.scores.drift).padEnd(6)} p ${found.scores.pValue.toPrecision(2)} (scores)\n`,
      );
      await terminal.out(
        `all rows  ${verdict(found.codes.drift).padEnd(6)} p ${found.codes.pValue.toPrecision(2)} (codes)\n`,
      );
      for (const { column, adjustedPValue, effect, effectOf, drift: drifted, holes } of found.columns) {
        const gone = holes.drift
          ? `, holes ${(100 * holes.reference).toFixed(1)} % → ${(100 * holes.now).toFixed(1)} %`
          : '';
        await terminal.out(
          `column    ${verdict(drifted || holes.drift).padEnd(6)} p ${adjustedPValue.toPrecision(2)} ${cellText(column)}, ${effect.toFixed(3)} ${effectOf === 'wasserstein' ? 'standard deviations' : 'total variation'}${gone}\n`,
        );
      }
    }
    if (!call.flag('quiet')) {
      for (const note of found.notes) terminal.say(`! ${note}`);
      terminal.say(found.drift ? 'these rows have drifted' : 'no drift was found');
    }
    return found.drift && failOn !== undefined ? EXIT.found : EXIT.fine;
  },
};
