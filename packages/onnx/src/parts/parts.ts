import { ColumnNodes } from '../graph/columns.ts';
import { autoencoderRules } from '../models/autoencoder.ts';
import { hierarchicalVaeRules } from '../models/hierarchical-vae.ts';
import { maskedAutoencoderRules } from '../models/masked-autoencoder.ts';
import { sparseAutoencoderRules } from '../models/sparse-autoencoder.ts';
import { classifierRules, regressorRules, semiSupervisedRules } from '../models/supervised.ts';
import { scoreRule, vaeRules } from '../models/vae.ts';
import { vqVaeRules } from '../models/vq-vae.ts';
import { imageRules } from '../rules/image-ops.ts';
import type { OnnxPart } from '../rules/part.ts';
import { sequenceRules } from '../rules/sequence-ops.ts';

/** Graphs of a `Vae`, and scores of it as values. */
export const vaeGraphs: OnnxPart = { models: () => ({ vae: vaeRules() }), scores: scoreRule };
/** Graphs of an `Autoencoder` and a `DenoisingAutoencoder`. */
export const autoencoderGraphs: OnnxPart = {
  models: () => ({ autoencoder: autoencoderRules(), denoisingAutoencoder: autoencoderRules() }),
};
/** The graph of a `Classifier` and a `Regressor`, and those of a `SemiSupervisedVae`. */
export const supervisedGraphs: OnnxPart = {
  models: () => ({
    classifier: classifierRules(),
    regressor: regressorRules(),
    semiSupervisedVae: semiSupervisedRules(),
  }),
};
/** Graphs of a `HierarchicalVae`. */
export const hierarchicalGraphs: OnnxPart = { models: () => ({ hierarchicalVae: hierarchicalVaeRules() }) };
/** Graphs of a `MaskedAutoencoder`. */
export const maskedGraphs: OnnxPart = { models: () => ({ maskedAutoencoder: maskedAutoencoderRules() }) };
/** Graphs of a `SparseAutoencoder`. */
export const sparseGraphs: OnnxPart = { models: () => ({ sparseAutoencoder: sparseAutoencoderRules() }) };
/** Graphs of a `VqVae`. */
export const vqVaeGraphs: OnnxPart = { models: () => ({ vqVae: vqVaeRules() }) };
/** The ops of convolutions and pooling. */
export const imageOps: OnnxPart = { ops: imageRules };
/** The ops of recurrent layers. */
export const sequenceOps: OnnxPart = { ops: sequenceRules };
/** Transforms: of rows, and of a regressor's targets. */
export const scales: OnnxPart = { scales: (fitted, event) => ColumnNodes.of(fitted, event) };
