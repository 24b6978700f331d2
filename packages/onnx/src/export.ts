import { type Layer, Module } from '@latent/nn';
import {
  anything,
  checkOptions,
  describeValue,
  flag,
  list,
  oneOf,
  optional,
  refuseUnknown,
  type Shape,
  type Tensor,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { Model, type ModelClass, type Score, VaeCore } from '@latent/vae';
import { Graph, N } from './graph/graph.ts';
import { type GraphRule, ModelGraph } from './models/model-graph.ts';
import { type ModelGraphs, modelRules } from './models/models.ts';
import { scoreRule } from './models/vae.ts';
import { onnxBytes } from './proto/bytes.ts';
import type { OnnxModel } from './proto/schema.ts';
import { type Operand, trace } from './trace/trace.ts';

const CALLER = 'exportOnnx';

/** What is exported of a model. */
export interface ExportModelOptions {
  /**
   * Which part. Of a VAE: `encoder`, `decoder`, `reconstruction`, `elbo`, `contributions`, `reconstructionError`,
   * `reconstructionLogProbability`, `logLikelihood`, `detector`, `imputer`; of an autoencoder, a sparse one or a VQ-VAE: `encoder`,
   * `decoder`, `reconstruction`, `reconstructionError`, `detector`, and of a VQ-VAE `codeBound`; of a classifier or regressor:
   * `prediction`, which is the default there; of a semi-supervised VAE: `prediction`, `elbo`, `detector`. Or a score of a VAE as a value.
   */
  readonly graph?: string | Score<string>;
  /** Of rows in and out. `float64` by default where there is a transform, which works in double precision; else `float32`. */
  readonly rows?: 'float32' | 'float64';
  /** Of scores of a VAE: at the `mean` of each code (default), or with noise that is an `input` of the graph, `eps`. */
  readonly noise?: 'mean' | 'input';
  /** Codes for each row, with noise as an input: eps is then [samples, N, latentSize]. 1 by default. */
  readonly samples?: number;
  /** What a detector goes by: `elbo` (default; the score is minus the bound), `reconstructionError` or `logLikelihood`. */
  readonly score?: 'elbo' | 'reconstructionError' | 'logLikelihood';
  /** Scores above it are anomalies. */
  readonly threshold?: number;
}

/** What is exported of a network alone. */
export interface ExportNetworkOptions {
  /** The shape of a row that goes in. */
  readonly input: Shape;
  /** Rows have steps of their own: a second input `lengths` [N], whole numbers, for the layers that ask for them. False by default. */
  readonly lengths?: boolean;
}

/** The bytes of an ONNX file; see `onnxModel`. */
export function exportOnnx(model: Model, options?: ExportModelOptions): Uint8Array<ArrayBuffer>;
export function exportOnnx(network: Layer, options: ExportNetworkOptions): Uint8Array<ArrayBuffer>;
export function exportOnnx(model: Module, options?: unknown): Uint8Array<ArrayBuffer> {
  return onnxBytes(onnxModel(model as Layer, options as ExportNetworkOptions));
}

/**
 * A part of a model, or a network alone, as ONNX: operators of opset 17 (IR version 8), the number of rows open, weights under
 * the names of the state dictionary. What rows go through before and after, the transform and the limits of what was seen, is
 * in the graph, so the file takes rows as the model's own methods do. Values that are missing are NaN; rows are not checked.
 *
 * Rows go in as `x` [N, …event] and codes as `z`; the outputs have the names that the model's methods give them. Scores are in
 * nats per row, of the data as given.
 *
 * What ONNX cannot say is refused with its path and the reason; see `opRules`, `layerRules`, `transformRules`, `modelRules`.
 */
export function onnxModel(model: Model, options?: ExportModelOptions): OnnxModel;
export function onnxModel(network: Layer, options: ExportNetworkOptions): OnnxModel;
export function onnxModel(model: Module, options: unknown = {}): OnnxModel {
  if (model instanceof Model) return modelOf(model, options);
  if (model instanceof Module && typeof (model as unknown as Partial<Layer>).forward === 'function') {
    return networkOf(model as Layer, options);
  }
  throw new ValueError(
    `${CALLER}: expected a model, or a module with forward(x), got ${describeValue(model)}; models of tables have exportTable of @latent/tables/onnx`,
  );
}

function modelOf(model: Model, options: unknown): OnnxModel {
  const { modelName } = model.constructor as unknown as ModelClass<Model>;
  const graphs = modelRules.get(modelName);
  if (graphs === undefined) {
    throw new UsageError(
      `${CALLER}: models of the class '${modelName}' have no graphs; give them with modelRules.define('${modelName}', …)`,
    );
  }
  if (model instanceof VaeCore) model.prior?.refresh();
  const [name, rule] = chosenGraph(model, graphs, (options as ExportModelOptions | null)?.graph);
  // Each graph has its own options: one of another is as unknown as any.
  const checks = { graph: anything(), rows: rowsCheck, ...rule.options };
  const { graph: _, rows, ...own } = checkOptions(`${CALLER}: ${name}`, options, checks);
  const double = rows === undefined ? model.transform !== null : rows === 'float64';
  const graph = new ModelGraph(model, double ? 'double' : 'float');
  const outputs = rule.build(graph, own);
  for (const [output, { value, dims }] of Object.entries(outputs)) graph.graph.output(output, value, dims);
  const { config } = model.metadata();
  return graph.graph.model(name, { model: modelName, graph: name, ...(config !== undefined && { config }) });
}

const rowsCheck = /* @__PURE__ */ optional(oneOf('float32', 'float64'));

function chosenGraph(model: Model, graphs: ModelGraphs, chosen: unknown): readonly [name: string, rule: GraphRule] {
  const names = Object.keys(graphs);
  if (typeof chosen === 'object' && chosen !== null && 'compute' in chosen) {
    if (!(model instanceof VaeCore)) throw new UsageError(`${CALLER}: scores are of a Vae, got ${model.type}`);
    const score = chosen as Score<string>;
    return [score.name, scoreRule(score)];
  }
  const name = chosen ?? (names.length === 1 ? names[0] : undefined);
  if (typeof name !== 'string') {
    throw new ValueError(`${CALLER}: graph must say which part: ${names.join(', ')}; got ${describeValue(chosen)}`);
  }
  const rule = Object.hasOwn(graphs, name) ? graphs[name] : undefined;
  return [name, rule ?? refuseUnknown(CALLER, 'graph', name, names)];
}

function networkOf(network: Layer, options: unknown): OnnxModel {
  const { input, lengths } = checkOptions(CALLER, options, {
    input: list(whole({ min: 1 }), { min: 1 }),
    lengths: optional(flag(), false),
  });
  const graph = new Graph();
  const dims = [N, ...input];
  const x = { value: graph.input('x', 'float', dims), dims };
  const ends = (): Operand => ({ value: graph.cast(graph.input('lengths', 'int64', [N]), 'float'), dims: [N] });
  const { y } = trace(graph, network, lengths ? [x, ends()] : [x], (rows, own) => ({
    y: network.forward(rows as Tensor, own === undefined ? {} : { lengths: own }),
  }));
  graph.output('y', y.value, y.dims);
  return graph.model('network', { model: network.type });
}
