import type { Layer, Module } from '@latent/nn';
import type { Model } from '@latent/vae';
import { type ExportModelOptions, type ExportNetworkOptions, modelOfAny } from './export.ts';
import type { ModelGraphs } from './models/graph-rule.ts';
import {
  autoencoderGraphs,
  hierarchicalGraphs,
  imageOps,
  maskedGraphs,
  scales,
  sequenceOps,
  sparseGraphs,
  supervisedGraphs,
  vaeGraphs,
  vqVaeGraphs,
} from './parts/parts.ts';
import { onnxBytes } from './proto/bytes.ts';
import type { OnnxModel } from './proto/schema.ts';
import { include, knownModels, type OnnxPart } from './rules/part.ts';
import { opRules as knownOps, type OpRule, type Rules } from './rules/rules.ts';

/** All parts, by name and not as a namespace, which a bundler would keep whole. */
const allParts = (): readonly OnnxPart[] => [
  ...[vaeGraphs, autoencoderGraphs, supervisedGraphs, hierarchicalGraphs, maskedGraphs, sparseGraphs, vqVaeGraphs],
  ...[imageOps, sequenceOps, scales],
];

/** Rules, once all parts are known. */
function withAll<R>(rules: Rules<R>): Rules<R> {
  include(allParts());
  return rules;
}

/** The graphs of models, by the names that the models' files have. */
export const modelRules: Rules<ModelGraphs> = /* @__PURE__ */ withAll(knownModels);

/** Rules of ops by their names. An op that is a formula (`elementwise`, `rowSum`) needs none. */
export const opRules: Rules<OpRule> = /* @__PURE__ */ withAll(knownOps);

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
  include(allParts());
  return modelOfAny(model, options);
}
