import { Schema, TableModel, type TableOptions, type Task } from '@latent/tables';
import { bytesOf, nameOf, textOf } from '../files/bytes.ts';
import { readTable } from '../files/table.ts';
import { DataFault, EXIT, UsageFault } from '../terminal/fault.ts';
import { progressBar } from '../terminal/progress.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { duration } from '../terminal/words.ts';
import { type Call, COMMON, type Command, INPUT } from './command.ts';
import { checkInputs, MODEL_FILE } from './model.ts';
import { checkWritable, jsonText, writeText } from './output.ts';
import { keptTraining, type Training, WORKERS, workersTraining } from './training.ts';

const TASKS = ['all', 'anomalies', 'imputation', 'synthesis', 'embedding'] as const satisfies readonly Task[];

async function schemaOf(path: string, terminal: Terminal): Promise<Schema> {
  const text = textOf(nameOf(path), await bytesOf(path, terminal));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataFault(`${nameOf(path)} is no JSON: ${(error as Error).message}`);
  }
  return Schema.fromJSON(json);
}

export const train: Command = {
  summary: 'Fit a model to rows and write it to a file',
  args: {
    data: { type: 'positional', required: true, description: 'A file of rows, or -' },
    out: {
      type: 'string',
      alias: 'o',
      valueHint: 'file',
      description: `Where the model goes; ${MODEL_FILE} by default`,
    },
    task: {
      type: 'string',
      valueHint: TASKS.join('|'),
      description: 'What the model is to be best at; all by default',
    },
    schema: { type: 'string', valueHint: 'schema.json', description: 'What the columns hold; see inspect --write' },
    seed: { type: 'string', valueHint: 'number', description: '0 by default' },
    calibration: {
      type: 'string',
      valueHint: 'share',
      description: 'Of the rows, kept apart to tell rates by; 0.2 by default',
    },
    'group-by': { type: 'string', valueHint: 'column', description: 'Rows of one customer, machine, … stay together' },
    order: { type: 'string', valueHint: 'random|time', description: 'time: the last rows calibrate' },
    epochs: { type: 'string', valueHint: 'number', description: 'By the number of rows by default' },
    members: {
      type: 'string',
      valueHint: 'number',
      description: 'Models of different seeds, averaged; by the task by default',
    },
    'max-seconds': { type: 'string', valueHint: 'seconds', description: 'Training ends then' },
    resume: { type: 'boolean', description: 'Go on with a training that was ended, to the same bits' },
    ...WORKERS,
    ...INPUT,
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [data, schemaPath] = [call.needed('data'), call.text('schema')];
    checkInputs(data, schemaPath);
    const out = call.text('out') ?? MODEL_FILE;
    const quiet = call.flag('quiet');
    const numbers = {
      seed: call.number('seed', { min: 0, whole: true }),
      calibration: call.number('calibration', { min: 0, max: 0.5 }),
      epochs: call.number('epochs', { min: 0, whole: true }),
      members: call.number('members', { min: 1, whole: true }),
      maxSeconds: call.number('max-seconds', { min: 0 }),
    };
    const choices = {
      task: call.choice('task', TASKS),
      order: call.choice('order', ['random', 'time']),
      groupBy: call.text('group-by'),
    };
    await checkWritable(out);
    const training = await trainingOf(call, out, terminal);
    const schema = schemaPath === undefined ? undefined : await schemaOf(schemaPath, terminal);
    const table = await readTable(data, terminal, call.text('input-format'));
    const interrupt = new AbortController();
    const bar = progressBar(terminal, quiet);
    const stopListening = terminal.onInterrupt(() => {
      if (!quiet) terminal.say('\nending: what has been learned is calibrated and written; once more to give it up');
      interrupt.abort();
    });
    const warnings: string[] = [];
    const options = {
      ...given({ ...numbers, ...choices, schema }),
      finish: interrupt.signal,
      train: training.train,
      onProgress: bar.update,
      onWarning: (message: string) => warnings.push(message),
    } as TableOptions;
    let model: TableModel;
    try {
      model = await TableModel.fit(table.columns as never, options);
      await writeText(out, model.toBytes());
      await training.over(!interrupt.signal.aborted);
    } finally {
      stopListening();
      bar.stop();
    }
    const card = model.card();
    if (call.flag('json')) await terminal.out(jsonText({ model: out, card }));
    if (!quiet) {
      const { loss, rows, calibration } = card;
      for (const warning of warnings) terminal.say(`! ${warning}`);
      terminal.say(
        `${out}: ${rows.given} rows in ${duration(card.seconds)}; ${loss.model.toFixed(2)} nats a row, ${loss.null.toFixed(2)} with columns that know nothing of each other; rates of false alarms from ${calibration.smallestRate.toPrecision(2)} on can be kept`,
      );
      if (interrupt.signal.aborted) terminal.say(training.remedy);
    }
    return interrupt.signal.aborted ? EXIT.interrupted : EXIT.fine;
  },
};

/** By workers where it says so, else here, so that it can be resumed. */
async function trainingOf(call: Call, out: string, terminal: Terminal): Promise<Training> {
  const connection = call.text('workers');
  const resume = call.flag('resume');
  if (connection !== undefined) {
    if (resume) throw new UsageFault('train: a run of workers goes on by itself; leave out --resume');
    return workersTraining(call, connection, terminal);
  }
  for (const name of ['store', 'shards']) {
    if (call.text(name) !== undefined) throw new UsageFault(`train: --${name} is for --workers`);
  }
  return keptTraining(out, resume);
}

/** Without what was left out. */
function given(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
