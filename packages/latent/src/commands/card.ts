import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { MODEL, readModel } from './model.ts';
import { jsonText } from './output.ts';

export const card: Command = {
  summary: 'What a model is and what it can promise, as Markdown',
  args: { ...MODEL, ...COMMON },
  async run(call: Call, terminal: Terminal) {
    const model = await readModel(call.needed('model'), terminal);
    await terminal.out(call.flag('json') ? jsonText(model.card()) : `${String(model).trimEnd()}\n`);
    return EXIT.fine;
  },
};
