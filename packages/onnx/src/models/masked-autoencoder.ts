import type { Tensor } from '@latent/tensor';
import type { MaskedAutoencoder } from '@latent/vae';
import type { ModelGraphs } from './graph-rule.ts';
import { graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<MaskedAutoencoder>;

/** What becomes a file of a masked autoencoder. Holes are NaN. */
export const maskedAutoencoderRules = (): ModelGraphs => ({
  encoder: graphRule({}, (graph: Graph) =>
    graph.trace([graph.near('codes')], (near) => ({ code: graph.model.forward(near as Tensor) })),
  ),
  /** Rows with their holes filled by what is expected there. */
  imputer: graphRule({}, (graph: Graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.near('codes')], (near) => ({
      mean: model.options.reconstruction.mean(model.likelihoodParams(near as Tensor)),
    }));
    return { rows: graph.filled(graph.restored(mean)) };
  }),
});
