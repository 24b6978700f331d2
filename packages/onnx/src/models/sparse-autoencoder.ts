import type { SparseAutoencoder } from '@latent/vae';
import type { Operand } from '../trace/trace.ts';
import { codedRules, errorRules } from './coded-rules.ts';
import type { ModelGraphs } from './graph-rule.ts';
import type { ModelGraph } from './model-graph.ts';

/** What becomes a file of a sparse autoencoder. A code says how much there is of each feature, mostly 0. */
export const sparseAutoencoderRules = (): ModelGraphs => ({
  ...codedRules<SparseAutoencoder>({
    size: ({ bias }) => bias.size,
    encode: (model, { near }) => ({ code: model.codes(near) }),
    decode: (model, z) => ({ mean: model.decoded(z) }),
    reconstruct: (model, { near }) => model.decoded(model.codes(near)),
  }),
  ...errorRules(errorOf),
});

/** ‖x − x̂‖² of each row, on the model's scale. */
function errorOf(graph: ModelGraph<SparseAutoencoder>): Operand {
  const { model } = graph;
  return graph.ofRows('scores', ({ x, near }) => ({
    error: x
      .sub(model.decoded(model.codes(near)))
      .square()
      .sum({ axis: -1 }),
  })).error;
}
