import type { Batch } from '@latent/nn';
import { real, type Tensor } from '@latent/tensor';
import type { Model } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph, type SeenRows } from './model-graph.ts';

/** How a model makes codes of rows and rows of codes, in tensor ops on its own scale. */
export interface Coding<M extends Model> {
  /** Numbers of a code. */
  size(model: M): number;
  /** What becomes of rows, by name. */
  encode(model: M, rows: SeenRows): Readonly<Record<string, Tensor>>;
  /** The `mean` of the rows of codes, and what else there is to say of them. */
  decode(model: M, codes: Tensor, beside: Batch): DecodedRows;
  /** The mean of the rows of the codes of rows. */
  reconstruct(model: M, rows: SeenRows): Tensor;
}

/** What is made of codes. */
export type DecodedRows = { readonly mean: Tensor } & Readonly<Record<string, Tensor>>;

/** Graphs of models that make codes: `encoder`; `decoder`, whose `mean` is on the scale of the data; `reconstruction`. */
export const codedRules = <M extends Model>({ size, encode, decode, reconstruct }: Coding<M>): ModelGraphs => ({
  encoder: graphRule({}, (graph: ModelGraph<M>) => graph.ofRows('codes', (rows) => encode(graph.model, rows))),
  decoder: graphRule({}, (graph: ModelGraph<M>) => {
    const { mean, ...rest } = graph.ofCodes(
      [N, size(graph.model)],
      (z, beside): Record<string, Tensor> => decode(graph.model, z, beside),
    );
    return { ...rest, mean: graph.restored(mean as Operand) };
  }),
  reconstruction: reconstructionRule(reconstruct),
});

/** The graph `reconstruction`: rows of the codes of rows, on the scale of the data. */
export const reconstructionRule = <M extends Model>(reconstruct: Coding<M>['reconstruct']) =>
  graphRule({}, (graph: ModelGraph<M>) => {
    const { mean } = graph.ofRows('codes', (rows) => ({ mean: reconstruct(graph.model, rows) }));
    return { reconstruction: graph.restored(mean, 'rows') };
  });

/** Graphs of models that go by one error of each row: `reconstructionError`; `detector`, which says whether it is above a threshold. */
export const errorRules = <M extends Model>(errorOf: (graph: ModelGraph<M>) => Operand): ModelGraphs => ({
  reconstructionError: graphRule({}, (graph: ModelGraph<M>) => ({ error: errorOf(graph) })),
  detector: graphRule({ threshold: real() }, (graph: ModelGraph<M>, { threshold }) =>
    decision(graph, errorOf(graph), threshold),
  ),
});
