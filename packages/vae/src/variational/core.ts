import { Activation, inLayer, Linear, Module, type Sequential } from '@latent/nn';
import { concat, equal, Rng, type Tensor, tensor, where, zeros } from '@latent/tensor';
import { klToStandardNormal, normalLogProb } from '../latent/diagonal-normal.ts';
import { buildPrior, type LearnedPrior } from '../latent/prior.ts';
import { mlp } from '../model/mlp.ts';
import type { ObjectiveModel, ObjectiveParts } from '../objectives/objective.ts';
import { matchRows, type ReconstructionDistribution } from '../reconstruction/reconstruction.ts';
import { type ResolvedVaeOptions, resolveVaeOptions, type VaeOptions } from './options.ts';

/**
 * The networks of a variational autoencoder and what is computed of them, differentiably, for training loops of your own.
 * `Vae` adds training, scoring and files.
 */
export class VaeCore extends Module implements ObjectiveModel {
  readonly encoder: Sequential;
  /** Heads of q(z | x). */
  readonly mean: Linear;
  readonly logVariance: Linear;
  readonly decoder: Sequential;
  /** The parameters of p(x | z), before any squashing. */
  readonly head: Module & { forward(x: Tensor): Tensor };
  /** Null for N(0, I). */
  readonly prior: LearnedPrior | null;
  /** Draws of training: shuffling and sampling. */
  readonly rng: Rng;
  readonly #options: ResolvedVaeOptions;
  readonly #pzx: Activation;
  /** What stands where a value is missing: something every column's distribution may hold. */
  readonly #placeholder: Tensor;
  /** β or the capacity of this epoch, read by recorded steps. */
  readonly #weight: Tensor;

  constructor(options: VaeOptions) {
    super();
    const resolved = resolveVaeOptions(options);
    const { inputSize, latentSize, encoder, decoder, reconstruction, dropout, layerNorm, seed } = resolved;
    const [weights, training] = new Rng(seed).split(2);
    this.#options = resolved;
    this.rng = training;
    const layers = { dropout, layerNorm };
    const seen = resolved.missing ? 2 * inputSize : inputSize;
    this.encoder = mlp(seen, encoder, { activation: resolved.encoderActivation, ...layers }, weights, training);
    const encoded = encoder.at(-1) ?? seen;
    this.mean = new Linear(encoded, latentSize, { rng: weights });
    this.logVariance = new Linear(encoded, latentSize, { rng: weights });
    this.decoder = mlp(latentSize, decoder, { activation: resolved.decoderActivation, ...layers }, weights, training);
    const decoded = decoder.at(-1) ?? latentSize;
    this.head =
      reconstruction.head?.(decoded, inputSize, weights) ??
      new Linear(decoded, reconstruction.paramCount(inputSize), { rng: weights });
    this.prior = buildPrior(resolved.prior, resolved, (x) => this.posterior(x), weights);
    this.#pzx = new Activation(resolved.pzxActivation);
    const support = reconstruction.support(inputSize);
    this.#placeholder = tensor(support.map((column) => [0, 0.5, 1].find((value) => column.contains(value)) ?? 0));
    this.#weight = zeros([1]).persisted(true);
    this.setEpoch(0);
    this.eval(); // `fit` trains
  }

  get options(): ResolvedVaeOptions {
    return this.#options;
  }

  get reconstructionDistribution(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  /** Sets what changes by epoch (β, capacity) to its value in this one, from 0; `fit` does it. */
  setEpoch(epoch: number): void {
    this.#weight.assign([this.#options.objective.weightAt?.(epoch) ?? 1]);
  }

  /** Mean and log-variance of q(z | x) for x [..., inputSize]. */
  posterior(x: Tensor): { mean: Tensor; logVariance: Tensor } {
    const features = inLayer('encoder', () => this.encoder.forward(this.#options.missing ? withMask(x) : x));
    const mean = inLayer('mean', () => this.mean.forward(features));
    const logVariance = inLayer('logVariance', () => this.logVariance.forward(features));
    return {
      mean: this.#pzx.forward(mean),
      logVariance: this.#options.pzxActivationOnVariance ? this.#pzx.forward(logVariance) : logVariance,
    };
  }

  /** In a supervised network a VAE is its encoder: the posterior mean [..., latentSize]. */
  forward(x: Tensor): Tensor {
    return this.posterior(x).mean;
  }

  /** The parameters of p(x | z), before any squashing, for z [..., latentSize]. */
  likelihoodParams(z: Tensor): Tensor {
    const features = inLayer('decoder', () => this.decoder.forward(z));
    return inLayer('head', () => this.head.forward(features));
  }

  /** log p(x | z), of what is observed: z [..., rows, latent] → [..., rows]. */
  conditionalLogProb(x: Tensor, z: Tensor): Tensor {
    return this.conditionalLogProbOf(x, this.likelihoodParams(z));
  }

  conditionalLogProbOf(x: Tensor, params: Tensor): Tensor {
    const { reconstruction, missing } = this.#options;
    return missing ? this.columnTerms(x, params).sum({ axis: -1 }) : reconstruction.logProb(x, params);
  }

  /** The terms of log p(x | z) by column, 0 where a value is missing. */
  columnTerms(x: Tensor, params: Tensor): Tensor {
    const { reconstruction, missing } = this.#options;
    if (!missing) return reconstruction.logProbPerColumn(x, params);
    const observed = equal(x, x);
    const filled = where(observed, x, this.#placeholder);
    const terms = reconstruction.logProbPerColumn(filled, params);
    return where(matchRows(reconstruction, observed, params), terms, 0);
  }

  exactKl(mean: Tensor, logVariance: Tensor): Tensor | null {
    return this.prior === null ? klToStandardNormal(mean, logVariance) : null;
  }

  /** KL(q(z | x) ‖ p(z)) of each row: exact for N(0, I), else the estimate log q(z) − log p(z) of the draw z. */
  klOf(mean: Tensor, logVariance: Tensor, z: Tensor): Tensor {
    if (this.prior === null) return klToStandardNormal(mean, logVariance);
    return normalLogProb(z, mean, logVariance).sub(this.logPrior(z));
  }

  /** log p(x | z)p(z)/q(z | x), the importance weight of a draw z whose likelihood has these parameters. */
  logWeight(x: Tensor, params: Tensor, z: Tensor, mean: Tensor, logVariance: Tensor): Tensor {
    return this.conditionalLogProbOf(x, params)
      .add(this.logPrior(z))
      .sub(normalLogProb(z, mean, logVariance));
  }

  /** log p(z): [..., latent] → [...]. */
  logPrior(z: Tensor): Tensor {
    if (this.prior !== null) return this.prior.logProb(z);
    const zero = zeros([1]).broadcastTo(z.shape);
    return normalLogProb(z, zero, zero);
  }

  /** For a classifier that goes on with what was learned without labels. */
  unsupervisedLoss(x: Tensor, rng: Rng): Tensor {
    return this.loss(x, rng).loss;
  }

  /** The training loss of a batch by the model's objective, and its parts. Scalars. */
  loss(x: Tensor, rng: Rng): ObjectiveParts {
    const { objective } = this.#options;
    return objective.compute(this, x, rng, objective.weightAt === null ? null : this.#weight);
  }
}

/** [x with zeros in its holes, 1 where there is a value]. */
function withMask(x: Tensor): Tensor {
  const observed = equal(x, x);
  return concat([where(observed, x, 0), observed], -1);
}
