import { Rules } from '../rules/rules.ts';
import { AUTOENCODER_GRAPHS } from './autoencoder.ts';
import type { GraphRule } from './model-graph.ts';
import { CLASSIFIER_GRAPHS, REGRESSOR_GRAPHS } from './supervised.ts';
import { VAE_GRAPHS } from './vae.ts';

/** What becomes a file of models of a class, by name: each is a graph with inputs and outputs of its own. */
export type ModelGraphs = Readonly<Record<string, GraphRule>>;

/** The graphs of models, by the names that the models' files have. */
export const modelRules: Rules<ModelGraphs> = /* @__PURE__ */ new Rules<ModelGraphs>('model', {
  vae: VAE_GRAPHS,
  autoencoder: AUTOENCODER_GRAPHS,
  denoisingAutoencoder: AUTOENCODER_GRAPHS,
  classifier: CLASSIFIER_GRAPHS,
  regressor: REGRESSOR_GRAPHS,
});
