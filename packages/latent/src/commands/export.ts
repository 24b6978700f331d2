import { decodeSafetensors } from '@latent/nn';
import { exportOnnx } from '@latent/onnx';
import { onnxBytes } from '@latent/onnx/graph';
import { TableModel } from '@latent/tables';
import { type ExportTableOptions, type OnnxColumn, onnxTable } from '@latent/tables/onnx';
import { LatentError } from '@latent/tensor';
import { modelFromBytes } from '@latent/vae';
import { bytesOf, nameOf } from '../files/bytes.ts';
import { DataFault, EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { jsonText, writeText } from './output.ts';
import { predictOptions } from './predict.ts';

/** The parts of a table's model. */
const OF_TABLES = ['score', 'detector', 'contributions', 'imputer', 'encoder'] as const satisfies readonly NonNullable<
  ExportTableOptions['graph']
>[];
/** Options of a detector of a table, which says by them what is odd. */
const LINES = ['false-alarms', 'confidence', 'contamination', 'threshold'] as const;

export const exporting: Command = {
  summary: 'A model as an ONNX file',
  args: {
    model: { type: 'positional', required: true, description: 'The file of a model: of a table, or of @latent/vae' },
    graph: {
      type: 'string',
      valueHint: 'part',
      description:
        'Of a table: score (default), detector, contributions, imputer, encoder; of others encoder, decoder, elbo, detector, prediction, …',
    },
    'false-alarms': {
      type: 'string',
      valueHint: 'rate',
      description: 'Of a detector of a table: at most this share of usual rows is called odd; 0.01 by default',
    },
    confidence: { type: 'string', valueHint: 'share', description: 'Keep the rate of false alarms this surely' },
    contamination: {
      type: 'string',
      valueHint: 'share',
      description: 'Of a detector of a table: the odd share of rows',
    },
    threshold: { type: 'string', valueHint: 'score', description: 'Of a detector: scores above it are anomalies' },
    categories: {
      type: 'string',
      valueHint: 'codes|text',
      description: 'How levels of a table go in; codes by default, and the file says which',
    },
    rows: { type: 'string', valueHint: 'float64|float32', description: 'What numbers go in as' },
    noise: { type: 'string', valueHint: 'mean|input', description: 'Where codes are taken; at their mean by default' },
    out: {
      type: 'string',
      alias: ['o', 'onnx'],
      valueHint: 'file',
      description: 'model.onnx by default; - for the output',
    },
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const out = call.text('out') ?? 'model.onnx';
    const path = call.needed('model');
    const common = {
      rows: call.choice('rows', ['float64', 'float32']),
      noise: call.choice('noise', ['mean', 'input']),
    };
    const categories = call.choice('categories', ['codes', 'text']);
    const line = predictOptions(call);
    const model = modelOf(path, await bytesOf(path, terminal));
    if (model instanceof TableModel) {
      const graph = call.choice('graph', OF_TABLES) ?? 'score';
      const odd = LINES.find((name) => call.text(name) !== undefined);
      if (odd !== undefined && graph !== 'detector') {
        throw new UsageFault(`export: --${odd} is for --graph detector, got ${graph}`);
      }
      const options = given({ graph, categories, ...common, ...(graph === 'detector' && line) });
      const file = onnxTable(model, options as ExportTableOptions);
      const told = file.metadataProps?.find(({ key }) => key === 'columns')?.value ?? '[]';
      await write(call, terminal, out, onnxBytes(file), JSON.parse(told) as OnnxColumn[]);
      return EXIT.fine;
    }
    const wrong = [...LINES.slice(0, -1), 'categories'].find((name) => call.text(name) !== undefined);
    if (wrong !== undefined) throw new UsageFault(`export: --${wrong} is for models of tables`);
    const options = given({ graph: call.text('graph'), threshold: call.number('threshold'), ...common });
    await write(call, terminal, out, exported(model, options), []);
    return EXIT.fine;
  },
};

/** What is wrong there is what was asked for. */
function exported(model: Exclude<ReturnType<typeof modelOf>, TableModel>, options: object): Uint8Array {
  try {
    return exportOnnx(model, options);
  } catch (error) {
    if (!(error instanceof LatentError)) throw error;
    throw new UsageFault(error.message);
  }
}

async function write(
  call: Call,
  terminal: Terminal,
  out: string,
  bytes: Uint8Array,
  columns: readonly OnnxColumn[],
): Promise<void> {
  if (out === '-') {
    await terminal.out(bytes);
    return;
  }
  await writeText(out, bytes);
  if (call.flag('json')) await terminal.out(jsonText({ file: out, bytes: bytes.length, columns }));
  if (call.flag('quiet')) return;
  terminal.say(`${out}: ${bytes.length} bytes`);
  for (const { input, type, unit, levels } of columns.slice(0, MOST_TOLD)) {
    const codes = levels === undefined ? '' : `, ${levels.length} levels`;
    terminal.say(`  ${input}: ${type}${unit === undefined ? '' : `, ${unit}`}${codes}`);
  }
  const more = columns.length - MOST_TOLD;
  if (more > 0) terminal.say(`  and ${more} more`);
}

/** Inputs that are told, at most. */
const MOST_TOLD = 30;

/** Without what was left out. */
function given(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function modelOf(path: string, bytes: Uint8Array): ReturnType<typeof modelFromBytes> | TableModel {
  try {
    return decodeSafetensors(bytes).metadata.model === 'table' ? TableModel.fromBytes(bytes) : modelFromBytes(bytes);
  } catch (error) {
    if (!(error instanceof LatentError)) throw error;
    throw new DataFault(`${nameOf(path)} is no model: ${error.message}`);
  }
}
