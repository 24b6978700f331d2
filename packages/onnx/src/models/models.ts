import { Rules } from '../rules/rules.ts';
import { AUTOENCODER_GRAPHS } from './autoencoder.ts';
import { HIERARCHICAL_VAE_GRAPHS } from './hierarchical-vae.ts';
import { MASKED_AUTOENCODER_GRAPHS } from './masked-autoencoder.ts';
import type { GraphRule } from './model-graph.ts';
import { SPARSE_AUTOENCODER_GRAPHS } from './sparse-autoencoder.ts';
import { CLASSIFIER_GRAPHS, REGRESSOR_GRAPHS, SEMI_SUPERVISED_GRAPHS } from './supervised.ts';
import { VAE_GRAPHS } from './vae.ts';
import { VQ_VAE_GRAPHS } from './vq-vae.ts';

/** What becomes a file of models of a class, by name: each is a graph with inputs and outputs of its own. */
export type ModelGraphs = Readonly<Record<string, GraphRule>>;

/** The graphs of models, by the names that the models' files have. */
export const modelRules: Rules<ModelGraphs> = /* @__PURE__ */ new Rules<ModelGraphs>('model', {
  vae: VAE_GRAPHS,
  autoencoder: AUTOENCODER_GRAPHS,
  denoisingAutoencoder: AUTOENCODER_GRAPHS,
  classifier: CLASSIFIER_GRAPHS,
  regressor: REGRESSOR_GRAPHS,
  semiSupervisedVae: SEMI_SUPERVISED_GRAPHS,
  hierarchicalVae: HIERARCHICAL_VAE_GRAPHS,
  maskedAutoencoder: MASKED_AUTOENCODER_GRAPHS,
  sparseAutoencoder: SPARSE_AUTOENCODER_GRAPHS,
  vqVae: VQ_VAE_GRAPHS,
});
