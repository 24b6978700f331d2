export type { ExportModelOptions, ExportNetworkOptions } from './export.ts';
export { exportOnnx, modelRules, onnxModel, opRules } from './export-all.ts';
export {
  type Attributes,
  type Dim,
  type Dims,
  type ElementType,
  float,
  type Graph,
  type Value,
} from './graph/graph.ts';
export type { GraphRule, ModelGraphs } from './models/graph-rule.ts';
export { graphRule, type ModelGraph } from './models/model-graph.ts';
export { type LayerRule, layerRules, type OpRule, type Rules, type StepCall } from './rules/rules.ts';
export { type BrokenLine, type ColumnFormula, type TransformRule, transformRules } from './rules/transforms.ts';
export type { Operand } from './trace/trace.ts';
