import { Kind, type Part } from '@latent/nn';
import type { Rng, Tensor } from '@latent/tensor';

/** What an objective asks of a model. Tensors of draws are [samples, rows]. */
export interface ObjectiveModel {
  posterior(x: Tensor): { mean: Tensor; logVariance: Tensor };
  /** log p(x | z): z [..., rows, latent] → [..., rows]. */
  conditionalLogProb(x: Tensor, z: Tensor): Tensor;
  /** KL(q ‖ p) of each row [rows] where it is exact; null for learned priors. */
  exactKl(mean: Tensor, logVariance: Tensor): Tensor | null;
  logPrior(z: Tensor): Tensor;
}

/** Scalars: what is minimised, and its parts in nats per row. */
export interface ObjectiveParts {
  readonly loss: Tensor;
  readonly reconstruction: Tensor;
  readonly kl: Tensor;
}

/** What training minimises, as a value. */
export interface Objective extends Part {
  /** A number that may change by epoch (β, a capacity), read from memory; null when it is always 1. */
  readonly weightAt: ((epoch: number) => number) | null;
  /** Whether it needs a prior whose KL is exact. */
  readonly needsExactKl: boolean;
  /** Whether its gradient takes q(z | x) to be Gaussian; false by default. */
  readonly needsNormalPosterior?: boolean;
  compute(model: ObjectiveModel, x: Tensor, rng: Rng, weight: Tensor | null): ObjectiveParts;
  /**
   * The loss of an epoch at the weight where it will settle, from its parts: what early stopping watches, since a loss
   * whose weight still rises says nothing of the model. The loss itself by default.
   */
  settled?(parts: { readonly loss: number; readonly reconstruction: number; readonly kl: number }): number;
}

/** The objectives that models, and their files, may have. */
export const objectives: Kind<Objective> = /* @__PURE__ */ new Kind<Objective>(
  'objective',
  (part) => `{ ${part} } from '@latent/vae'`,
);
