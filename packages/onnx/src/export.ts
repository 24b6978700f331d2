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
import type { GraphRule, ModelGraphs } from './models/graph-rule.ts';
import { ModelGraph } from './models/model-graph.ts';
import { onnxBytes } from './proto/bytes.ts';
import type { OnnxModel } from './proto/schema.ts';
import { include, knownModels, type OnnxPart, scoreGraph } from './rules/part.ts';
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

/**
 * `exportOnnx` with the rules of these parts alone, for bundles that hold no others: `exportWith([vaeGraphs], vae, { graph: 'elbo' })`. The
 * ops of dense layers, attention and scores need none. What a model needs and was not given is refused by name.
 */
export function exportWith(
  parts: readonly OnnxPart[],
  model: Model,
  options?: ExportModelOptions,
): Uint8Array<ArrayBuffer>;
export function exportWith(
  parts: readonly OnnxPart[],
  network: Layer,
  options: ExportNetworkOptions,
): Uint8Array<ArrayBuffer>;
export function exportWith(parts: readonly OnnxPart[], model: Module, options?: unknown): Uint8Array<ArrayBuffer> {
  const wrong = Array.isArray(parts) ? parts.find((part: unknown) => typeof part !== 'object' || part === null) : parts;
  if (wrong !== undefined) {
    throw new ValueError(
      `exportWith: the first argument must be parts such as [vaeGraphs, scales], got ${describeValue(wrong)}`,
    );
  }
  include(parts);
  return onnxBytes(modelOfAny(model, options));
}

/** What `onnxModel` gives, with the rules that are known. */
export function modelOfAny(model: Module, options: unknown = {}): OnnxModel {
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
  const graphs = knownModels.get(modelName);
  if (graphs === undefined) {
    throw new UsageError(
      `${CALLER}: models of the class '${modelName}' have no graphs; name the part that has them, or give them with modelRules.define('${modelName}', …)`,
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
    return [score.name, scoreGraph(score)];
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
