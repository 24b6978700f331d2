import type { TableModel } from '@latent/tables';
import { nearestName } from '@latent/tensor';
import { EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, OUTPUT } from './command.ts';
import { MODEL, readModel } from './model.ts';
import { writeRows } from './output.ts';

type Condition = Record<string, unknown>;

/**
 * Conditions as they are written: `income=>50K` is a level, `age>=60` and `age<=70` are the ends of a range. The name is the longest
 * column that the text begins with and that an operator follows.
 */
export function conditionsOf(texts: readonly string[], model: TableModel): Condition {
  const where: Condition = {};
  const { columns } = model.schema;
  for (const text of texts) {
    const column = columns
      .filter(({ name }) => text.startsWith(name) && /^\s*(>=|<=|=)/.test(text.slice(name.length)))
      .sort((a, b) => b.name.length - a.name.length)[0];
    if (column === undefined) {
      const name = text.split(/[<>=]/)[0]?.trim() ?? '';
      const near = nearestName(
        name,
        columns.map((each) => each.name),
      );
      const remedy = near === null ? 'write column=value, column>=number or column<=number' : `did you mean ${near}?`;
      throw new UsageFault(`synthesize: --where ${JSON.stringify(text)} begins with no column; ${remedy}`);
    }
    const { name, kind } = column;
    const [, operator, written = ''] = text.slice(name.length).match(/^\s*(>=|<=|=)\s*(.*)$/s) as RegExpMatchArray;
    const number = Number(written);
    const value = kind.role === 'number' && written.trim() !== '' && Number.isFinite(number) ? number : written;
    const before = where[name];
    if (operator === '=') {
      where[name] =
        before === undefined ? value : Array.isArray(before) ? [...(before as unknown[]), value] : [before, value];
    } else {
      if (before !== undefined && (typeof before !== 'object' || before === null || Array.isArray(before))) {
        throw new UsageFault(`synthesize: --where asks for a value and for a range of ${name}`);
      }
      where[name] = { ...(before as object | undefined), [operator === '>=' ? 'min' : 'max']: value };
    }
  }
  return where;
}

export const synthesize: Command = {
  summary: 'New rows as those that were learned from have them',
  args: {
    ...MODEL,
    n: { type: 'string', valueHint: 'number', description: 'How many rows; 1000 by default' },
    where: {
      type: 'string',
      valueHint: 'column=value',
      description: 'What rows must be, also column>=number and column<=number; may be given several times',
    },
    seed: { type: 'string', valueHint: 'number', description: "The model's by default" },
    ...OUTPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const n = call.number('n', { min: 0, max: 10_000_000, whole: true }) ?? 1000;
    const seed = call.number('seed', { min: 0, whole: true });
    const model = await readModel(call.needed('model'), terminal);
    const where = conditionsOf(call.list('where'), model);
    const rows = model.synthesize(n, { where: where as never, ...(seed !== undefined && { seed }) });
    const { names } = model.schema;
    const lines = function* (): Generator<readonly unknown[]> {
      for (const row of rows) yield names.map((name) => row[name]);
    };
    await writeRows(call, terminal, names, lines());
    return EXIT.fine;
  },
};
