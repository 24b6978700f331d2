import type { Checks } from '@latent/tensor';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraph } from './model-graph.ts';

/** How a part of a model becomes a graph: the options that it has, and its outputs by name. */
export interface GraphRule {
  readonly options: Checks;
  build(graph: ModelGraph, options: unknown): Readonly<Record<string, Operand>>;
}

/** What becomes a file of models of a class, by name: each is a graph with inputs and outputs of its own. */
export type ModelGraphs = Readonly<Record<string, GraphRule>>;
