import { inferSchema, type Schema } from '@latent/tables';
import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { plainText } from '../terminal/words.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { jsonText, writeText } from './output.ts';

/** What a person should know of the columns before anything is fitted. */
export function alertsOf(schema: Schema, rows: number): string[] {
  const named = (columns: readonly { readonly name: string }[]): string =>
    columns.length > 6
      ? `${columns
          .slice(0, 6)
          .map(({ name }) => name)
          .join(', ')} and ${columns.length - 6} more`
      : columns.map(({ name }) => name).join(', ');
  const of = (kind: string) => schema.columns.filter((column) => column.kind.name === kind);
  const empty = schema.columns.filter(({ holes }) => holes > 0.5);
  const unseen = schema.columns.filter(({ kind }) => kind.role === 'none');
  return [
    ...(rows < 300 ? [`${rows} rows are few: a model learns little from them, and can promise little`] : []),
    ...(of('constant').length > 0 ? [`always the same: ${named(of('constant'))}`] : []),
    ...(empty.length > 0 ? [`more than half holes: ${named(empty)}`] : []),
    ...(unseen.length > 0 ? [`a model does not see ids, texts and ignored columns: ${named(unseen)}`] : []),
  ];
}

export const inspect: Command = {
  summary: 'What the columns hold, and why that is thought',
  args: {
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    write: {
      type: 'string',
      valueHint: 'schema.json',
      description: 'Write the schema, to be edited and given to train',
    },
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const table = await readTable(call.needed('data'), terminal, call.text('input-format'));
    const schema = inferSchema(table.columns);
    const alerts = alertsOf(schema, table.rows);
    const path = call.text('write');
    if (path !== undefined) await writeText(path, `${JSON.stringify(schema.toJSON(), null, 2)}\n`);
    if (call.flag('json')) {
      await terminal.out(jsonText({ rows: table.rows, ...schema.toJSON(), alerts }));
      return EXIT.fine;
    }
    await terminal.out(`${plainText(String(schema))}\n`);
    if (!call.flag('quiet')) {
      terminal.say(`\n${table.rows} rows, ${table.names.length} columns`);
      for (const alert of alerts) terminal.say(`! ${alert}`);
    }
    return EXIT.fine;
  },
};
