import { columnSummary, report as pageOf, principalPlane, type ReportContents } from '@latent/report';
import type { TableModel } from '@latent/tables';
import type { FileTable } from '../files/columns.ts';
import { readTable } from '../files/table.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { checkInputs, MODEL_FILE, readModel } from './model.ts';
import { writeText } from './output.ts';
import { PREDICT, predictOptions } from './predict.ts';
import { rowsAt } from './score.ts';

/** Odd rows that are explained, and rows that are put on the map. */
const MOST_ODD = 100;
const MOST_POINTS = 2000;

/** What the rows of a file add to a report. */
function ofRows(model: TableModel, table: FileTable, call: Call): Partial<ReportContents> {
  const rows = table.columns;
  const columns = table.names.map((name) => {
    const known = model.schema.columns.find((column) => column.name === name);
    return columnSummary(name, table.columns[name] ?? [], known && { kind: known.kind.name, why: known.why });
  });
  if (table.rows === 0) return { rows: 0, columns };
  const options = predictOptions(call);
  const predictions = model.predict(rows, options);
  const odd = predictions
    .flatMap(({ anomaly, score }, row) => (anomaly ? [{ row, score }] : []))
    .sort((a, b) => b.score - a.score)
    .map(({ row }) => row);
  const shown = odd.slice(0, MOST_ODD);
  const cells = rowsAt(table, shown);
  const explanations = shown.length === 0 ? [] : model.explain(cells);
  const every = Math.max(1, Math.ceil(table.rows / MOST_POINTS));
  const places = Array.from({ length: Math.ceil(table.rows / every) }, (_, i) => i * every);
  const codes = model.embed(rowsAt(table, places));
  const colour = call.text('colour') ?? bestColour(model);
  return {
    rows: table.rows,
    columns,
    alerts: model.notes(rows),
    anomalies: {
      scores: predictions.map(({ score }) => score),
      calibrationScores: model.calibrationScores,
      threshold: model.threshold(options, rows),
      count: odd.length,
      rows: explanations.map((explanation, i) => ({ row: shown[i] as number, cells: cells[i] ?? {}, explanation })),
    },
    ...(table.rows > 1 && { drift: model.drift(rows) }),
    map: {
      points: principalPlane(codes),
      ...(colour !== undefined &&
        table.columns[colour] !== undefined && {
          column: colour,
          values: places.map((place) => table.columns[colour]?.[place]),
        }),
    },
  };
}

/** The last column of few levels: what tables end in is often what they are about. */
function bestColour(model: TableModel): string | undefined {
  return model.schema.columns.findLast(({ kind, distinct }) => kind.role === 'category' && distinct <= 6)?.name;
}

export const report: Command = {
  summary: 'A page about a model, and about rows: one file, for any browser',
  args: {
    model: { type: 'positional', required: false, default: MODEL_FILE, description: 'The file of a model' },
    data: {
      type: 'positional',
      required: false,
      description: 'A file of rows, or -; without it the page is about the model',
    },
    out: { type: 'string', alias: 'o', valueHint: 'file', description: 'report.html by default; - for the output' },
    title: { type: 'string', valueHint: 'text', description: 'By default the name of the data' },
    colour: { type: 'string', valueHint: 'column', description: 'What colours the map of the rows' },
    ...PREDICT,
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, data] = [call.needed('model'), call.text('data')];
    checkInputs(path, data);
    const out = call.text('out') ?? 'report.html';
    const model = await readModel(path, terminal);
    const table = data === undefined ? null : await readTable(data, terminal, call.text('input-format'));
    const contents: ReportContents = {
      title: call.text('title') ?? (data === undefined || data === '-' ? path : data),
      command: `latent report ${[path, data].filter((each) => each !== undefined).join(' ')}`,
      card: model.card(),
      history: model.history,
      ...(table === null ? {} : ofRows(model, table, call)),
    };
    const page = pageOf(contents);
    if (out === '-') await terminal.out(page);
    else await writeText(out, page);
    if (!call.flag('quiet') && out !== '-') terminal.say(`${out}: open it in a browser`);
    return EXIT.fine;
  },
};
