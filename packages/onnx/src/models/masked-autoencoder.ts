import type { MaskedAutoencoder } from '@latent/vae';
import type { ModelGraphs } from './graph-rule.ts';
import { graphRule, type ModelGraph } from './model-graph.ts';

/** What becomes a file of a masked autoencoder. Holes are NaN. */
export const maskedAutoencoderRules = (): ModelGraphs => ({
  encoder: graphRule({}, (graph: ModelGraph<MaskedAutoencoder>) =>
    graph.ofRows('codes', ({ near }) => ({ code: graph.model.forward(near) })),
  ),
  /** Rows with their holes filled by what is expected there. */
  imputer: graphRule({}, (graph: ModelGraph<MaskedAutoencoder>) => {
    const { model } = graph;
    const { mean } = graph.ofRows('codes', ({ near }) => ({
      mean: model.options.reconstruction.mean(model.likelihoodParams(near)),
    }));
    return { rows: graph.filled(graph.restored(mean)) };
  }),
});
