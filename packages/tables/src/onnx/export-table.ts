import { N, type OnnxModel, type Operand, onnxBytes } from '@latent/onnx/graph';
import {
  type Checked,
  type Checks,
  checkOptions,
  describeValue,
  oneOf,
  optional,
  real,
  refuseUnknown,
  type Tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { Calibration } from '../calibrate/conformal.ts';
import { stateOf, type TableState } from '../model/state.ts';
import type { Threshold } from '../results.ts';
import type { TableModel } from '../table-model.ts';
import { decision } from './decision.ts';
import { filled, filledName } from './fill.ts';
import { Members, type Noise } from './members.ts';
import { contributions, referenceAtMean, score } from './scores.ts';
import { TableGraph } from './table-graph.ts';

const CALLER = 'exportTable';
/** Codes of each row with holes, as `TableModel.impute` takes them. */
const IMPUTE_SAMPLES = 64;

/** What is exported of a table's model, and how cells go in. */
export interface ExportTableOptions {
  /**
   * `score` (default): how odd rows are, in nats; `detector`: that, and whether it is too odd; `contributions`: what each column has to do
   * with it; `imputer`: the cells with holes filled; `encoder`: codes.
   */
  readonly graph?: 'score' | 'detector' | 'contributions' | 'imputer' | 'encoder';
  /** Of numbers: `float64` (default) or `float32`. Dates are always in double precision. */
  readonly rows?: 'float64' | 'float32';
  /** Levels of categories as whole numbers, their `codes` (default), or as `text`, which takes the operators of ai.onnx.ml. */
  readonly categories?: 'codes' | 'text';
  /** At the `mean` of each code (default), or with noise that is an `input`, `eps` [samples, N, latent]. */
  readonly noise?: 'mean' | 'input';
  /** Draws of each row, with noise as an input; as many as the model itself takes by default. */
  readonly samples?: number;
  /** Of a detector: at most this share of usual rows raises an alarm; see `TableModel.predict`. */
  readonly falseAlarmRate?: number;
  /** The rate above is kept with this confidence, not on average. */
  readonly confidence?: number;
  /** Of a detector: this share of calibration rows is odder. */
  readonly contamination?: number;
  /** Of a detector: scores from here on are odd. */
  readonly threshold?: number;
}

const inputChecks = {
  rows: /* @__PURE__ */ optional(oneOf('float64', 'float32'), 'float64' as const),
  categories: /* @__PURE__ */ optional(oneOf('codes', 'text'), 'codes' as const),
};
const noiseChecks = {
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
  samples: /* @__PURE__ */ optional(whole({ min: 1 })),
};
const lineChecks = {
  falseAlarmRate: /* @__PURE__ */ optional(real()),
  confidence: /* @__PURE__ */ optional(real()),
  contamination: /* @__PURE__ */ optional(real()),
  threshold: /* @__PURE__ */ optional(real()),
};

/** A part of a table's model as a graph. */
interface TableRule {
  readonly options: Checks;
  /** The names of what comes out, of columns of these names. */
  outputs(columns: readonly string[]): readonly string[];
  /** What comes out, and what is said of it in the metadata. */
  build(table: TableGraph, options: unknown): { readonly outputs: Record<string, Operand>; readonly said?: object };
}

function rule<S extends Checks>(
  options: S,
  outputs: readonly string[] | TableRule['outputs'],
  build: (
    table: TableGraph,
    options: Checked<S>,
  ) => { readonly outputs: Record<string, Operand>; readonly said?: object },
): TableRule {
  const names = typeof outputs === 'function' ? outputs : () => outputs;
  return { options, outputs: names, build: build as TableRule['build'] };
}

const GRAPHS: Readonly<Record<string, TableRule>> = {
  score: rule(noiseChecks, ['score', 'pValue'], (table, options) => {
    const noise = noiseOf(table.state, options);
    const calibration = calibrationOf(table.state, noise);
    return { outputs: decision(table, score(table, noise), calibration, null) };
  }),
  detector: rule(
    { ...noiseChecks, ...lineChecks },
    ['score', 'pValue', 'anomaly'],
    (table, { noise: of, samples, ...line }) => {
      const noise = noiseOf(table.state, { noise: of, samples });
      const calibration = calibrationOf(table.state, noise);
      const threshold = lineOf(calibration, line);
      return { outputs: decision(table, score(table, noise), calibration, threshold), said: { threshold } };
    },
  ),
  contributions: rule(noiseChecks, ['score', 'columns', 'kl', 'distance'], (table, options) => ({
    outputs: contributions(table, noiseOf(table.state, options)),
  })),
  imputer: rule(
    noiseChecks,
    (columns) => columns.map(filledName),
    (table, options) => ({
      outputs: filled(table, noiseOf(table.state, options, IMPUTE_SAMPLES)),
    }),
  ),
  encoder: rule({}, ['code'], (table) => ({ outputs: { code: codesOf(table) } })),
};

/**
 * A part of a table's model as the bytes of an ONNX file; see `onnxTable`. Needs the package `@latent/onnx`.
 *
 * ```ts
 * const file = exportTable(model, { graph: 'detector', falseAlarmRate: 0.01 });
 * ```
 */
export function exportTable<Row extends object>(
  model: TableModel<Row>,
  options: ExportTableOptions = {},
): Uint8Array<ArrayBuffer> {
  return onnxBytes(onnxTable(model, options));
}

/**
 * A part of a table's model as ONNX, of opset 17. Each column that the model sees is an input [N] of its name: numbers (NaN in a hole),
 * dates as numbers whose unit the metadata tell, and levels of categories as whole numbers, their places in the list in the metadata
 * (the one after the last for any other level, −1 for a hole) or as texts. Scores are those of `TableModel.score`, in nats.
 */
export function onnxTable<Row extends object>(model: TableModel<Row>, options: ExportTableOptions = {}): OnnxModel {
  const state = typeof model === 'object' && model !== null ? stateOf(model) : undefined;
  if (state === undefined) {
    throw new ValueError(
      `${CALLER}: expected a model of a table, got ${describeValue(model)}; other models have exportOnnx of @latent/onnx`,
    );
  }
  const name = (options as ExportTableOptions | null)?.graph ?? 'score';
  const chosen = Object.hasOwn(GRAPHS, name) ? GRAPHS[name] : undefined;
  const own = chosen ?? refuseUnknown(CALLER, 'graph', String(name), Object.keys(GRAPHS));
  const {
    rows,
    categories,
    graph: _,
    ...rest
  } = checkOptions(`${CALLER}: ${name}`, options, {
    graph: (value) => value,
    ...inputChecks,
    ...own.options,
  } as Checks) as Record<string, unknown>;
  const table = new TableGraph(
    state,
    { rows, categories } as never,
    own.outputs(state.code.columns.map((column) => column.name)),
  );
  const { outputs, said = {} } = own.build(table, rest);
  for (const [output, { value, dims }] of Object.entries(outputs)) table.graph.output(output, value, dims);
  const told = Object.entries(said).map(([key, value]): [string, string] => [key, JSON.stringify(value)]);
  return table.graph.model(name, {
    model: 'table',
    graph: name,
    task: state.recipe.task,
    columns: JSON.stringify(table.cells.columns),
    ...Object.fromEntries(told),
  });
}

function noiseOf(
  { recipe }: TableState,
  { noise, samples }: { readonly noise: Noise['noise']; readonly samples: number | undefined },
  usual = recipe.draws,
): Noise {
  if (noise === 'mean' && samples !== undefined && samples > 1) {
    throw new ValueError(
      `${CALLER}: the mean of a code is one, got ${samples} samples; leave them out, or say noise: 'input'`,
    );
  }
  return { noise, samples: noise === 'mean' ? 1 : (samples ?? usual) };
}

/** What scores of such a file are held against: those that it would give the calibration rows. */
function calibrationOf(state: TableState, { noise }: Noise): Calibration {
  return noise === 'input' ? state.calibration : new Calibration(Float32Array.from(referenceAtMean(state)));
}

function lineOf(calibration: Calibration, given: object): Threshold {
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const lines = ['falseAlarmRate', 'contamination', 'threshold'].filter((name) => name in options);
  if (lines.length !== 1) {
    throw new ValueError(
      `${CALLER}: detector: give one of falseAlarmRate, contamination, threshold, got ${lines.join(' and ') || 'none'}; a false discovery rate is of a batch: take the p-values of the graph 'score'`,
    );
  }
  return calibration.threshold(CALLER, options as never);
}

/** The codes of rows, as `TableModel.embed` gives them. */
function codesOf({ graph, coded, state }: TableGraph): Operand {
  const [first] = state.members as TableState['members'] & readonly [TableState['members'][number]];
  const { code } = new Members([first]).trace(
    graph,
    coded,
    { noise: 'mean', samples: 1 },
    ([only]) => ({
      code: only?.member.posterior(only.rows.near).mean as Tensor,
    }),
    'codes',
  );
  return { value: code.value, dims: [N, first.options.latentSize] };
}
