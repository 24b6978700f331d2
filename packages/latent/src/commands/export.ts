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
import { USUAL_RATE } from './predict.ts';

const SHARE = { min: 0, max: 1 };

/** Options that are of tables alone, by what the library calls them. */
const OF_TABLES = {
  'false-alarms': 'falseAlarmRate',
  confidence: 'confidence',
  contamination: 'contamination',
} as const;

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
      graph: call.text('graph'),
      threshold: call.number('threshold'),
      rows: call.choice('rows', ['float64', 'float32']),
      noise: call.choice('noise', ['mean', 'input']),
    };
    const own = Object.entries(OF_TABLES).map(([name, option]) => [option, call.number(name, SHARE)] as const);
    const categories = call.choice('categories', ['codes', 'text']);
    const ofTables = given({ ...Object.fromEntries(own), categories });
    const model = modelOf(path, await bytesOf(path, terminal));
    if (model instanceof TableModel) {
      const options: Record<string, unknown> = given({ ...common, ...ofTables });
      const hasLine = ['falseAlarmRate', 'contamination', 'threshold'].some((name) => name in options);
      // As `score` has it.
      if (options.graph === 'detector' && !hasLine) options.falseAlarmRate = USUAL_RATE;
      const file = onnxTable(model, options as ExportTableOptions);
      const told = file.metadataProps?.find(({ key }) => key === 'columns')?.value ?? '[]';
      await write(call, terminal, out, onnxBytes(file), JSON.parse(told) as OnnxColumn[]);
      return EXIT.fine;
    }
    const [wrong] = Object.keys(ofTables);
    if (wrong !== undefined) {
      const named = Object.entries(OF_TABLES).find(([, option]) => option === wrong)?.[0] ?? wrong;
      throw new UsageFault(`export: --${named} is for models of tables`);
    }
    await write(call, terminal, out, exportOnnx(model, given(common)), []);
    return EXIT.fine;
  },
};

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
