import { real, type Tensor } from '@latent/tensor';
import type { SparseAutoencoder } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<SparseAutoencoder>;

/** What becomes a file of a sparse autoencoder. */
export const sparseAutoencoderRules = (): ModelGraphs => ({
  /** How much of each feature, mostly 0. */
  encoder: graphRule({}, (graph: Graph) =>
    graph.trace([graph.near('codes')], (near) => ({ code: graph.model.codes(near as Tensor) })),
  ),
  decoder: graphRule({}, (graph: Graph) => {
    const { model } = graph;
    const codes = graph.input('z', [N, model.bias.size]);
    const { mean } = graph.trace([codes], (z) => ({ mean: model.decoded(z as Tensor) }));
    return { mean: graph.restored(mean) };
  }),
  reconstruction: graphRule({}, (graph: Graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.near('codes')], (near) => ({
      mean: model.decoded(model.codes(near as Tensor)),
    }));
    return { reconstruction: graph.restored(mean) };
  }),
  reconstructionError: graphRule({}, (graph: Graph) => ({ error: errorOf(graph) })),
  /** The error, and whether it is above the threshold. */
  detector: graphRule({ threshold: real() }, (graph: Graph, { threshold }) =>
    decision(graph, errorOf(graph), threshold),
  ),
});

/** ‖x − x̂‖² of each row, on the model's scale. */
function errorOf(graph: Graph): Operand {
  const { model } = graph;
  return graph.trace([graph.x, graph.near('scores')], (x, near) => ({
    error: (x as Tensor)
      .sub(model.decoded(model.codes(near as Tensor)))
      .square()
      .sum({ axis: -1 }),
  })).error;
}
