import { type Measure, quality as qualityOf } from '@latent/tables';
import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { checkInputs } from './model.ts';
import { jsonText } from './output.ts';

const line = (name: string, best: string, { value, independent, real }: Measure): string =>
  `${name.padEnd(34)} ${value.toFixed(3)}  ${independent.toFixed(3)}        ${(real === null ? '–' : real.toFixed(3)).padEnd(6)}  ${best}\n`;

export const quality: Command = {
  summary: 'How good synthetic rows are, each figure beside those of real and of independent ones',
  args: {
    real: { type: 'positional', required: true, description: 'The rows that were learned from' },
    synthetic: { type: 'positional', required: true, description: 'The rows that were made' },
    holdout: {
      type: 'string',
      valueHint: 'file',
      description: 'Real rows that were not learned from: for utility and privacy',
    },
    target: { type: 'string', valueHint: 'column', description: 'What is to be predicted, for utility' },
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const paths = [call.needed('real'), call.needed('synthetic'), call.text('holdout')] as const;
    checkInputs(...paths);
    const format = call.text('input-format');
    const real = await readTable(paths[0], terminal, format);
    const synthetic = await readTable(paths[1], terminal, format);
    const holdout = paths[2] === undefined ? null : await readTable(paths[2], terminal, format);
    const target = call.text('target');
    const found = qualityOf(real.columns as never, synthetic.columns as never, {
      ...(holdout !== null && { holdout: holdout.columns as never }),
      ...(target !== undefined && { target: target as never }),
    });
    if (call.flag('json')) {
      await terminal.out(jsonText(found));
      return EXIT.fine;
    }
    await terminal.out(`${''.padEnd(34)} these  independent  real    best\n`);
    await terminal.out(line('shapes of columns', '1', found.shapes));
    await terminal.out(line('pairs of columns', '1', found.pairs));
    await terminal.out(line('pairs that belong together', '1', found.pairs.associated));
    await terminal.out(line('told from real rows', '0.5', found.detection));
    if (found.utility !== null)
      await terminal.out(line(`${found.utility.of} of ${found.utility.target}`, 'real', found.utility));
    if (found.privacy !== null) {
      const { copies, holdoutCopies, nearerShare } = found.privacy;
      await terminal.out(`copies of real rows: ${copies}, and ${holdoutCopies} of the rows held out\n`);
      await terminal.out(
        `nearer to learned than to other rows: ${(100 * nearerShare).toFixed(1)} %, best 50 %; measured, not guaranteed\n`,
      );
    }
    return EXIT.fine;
  },
};
