export { type ExportModelOptions, type ExportNetworkOptions, exportOnnx, onnxModel } from './export.ts';
export {
  type Attributes,
  type Dim,
  type Dims,
  type ElementType,
  float,
  type Graph,
  type Value,
} from './graph/graph.ts';
export { type GraphRule, graphRule, type ModelGraph } from './models/model-graph.ts';
export { type ModelGraphs, modelRules } from './models/models.ts';
export { type LayerRule, layerRules, type OpRule, opRules, type Rules, type StepCall } from './rules/rules.ts';
export { type ColumnFormula, type TransformRule, transformRules } from './rules/transforms.ts';
export type { Operand } from './trace/trace.ts';
