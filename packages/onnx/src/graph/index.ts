export { heldRows, nearRows, type RowLimits } from '../models/limits.ts';
export { onnxBytes } from '../proto/bytes.ts';
export type { OnnxModel } from '../proto/schema.ts';
export type { BrokenLine, ColumnFormula } from '../rules/transforms.ts';
export { type Operand, trace } from '../trace/trace.ts';
export { ColumnNodes, type ColumnStep, transformSteps } from './columns.ts';
export { formula, formulaNodes } from './formula.ts';
export { type Dims, type ElementType, Graph, N, type Value } from './graph.ts';
export { countBelow } from './line.ts';
