import {
  Activation,
  type Batch,
  buildNetwork,
  type Context,
  decodesAnySteps,
  encodesAnySteps,
  inLayer,
  type Layer,
  Linear,
  type Metrics,
  type Parts,
  withinLengths,
} from '@latent/nn';
import { concat, equal, Rng, type Tensor, tensor, UsageError, where, zeros } from '@latent/tensor';
import { boundedLogVariance } from '../latent/bounded-variance.ts';
import { drawn, klToStandardNormal, normalLogProb } from '../latent/diagonal-normal.ts';
import type { LearnedPrior } from '../latent/prior.ts';
import { Model } from '../model/model.ts';
import type { ObjectiveModel, ObjectiveParts } from '../objectives/objective.ts';
import { buildHead, decoderActivations, makesSteps } from '../reconstruction/head.ts';
import { type Head, matchRows, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { isStepwise, type StepwiseDistribution } from '../reconstruction/per-step.ts';
import { checkStepwise, type Given, parametersOf, repeatedGiven } from '../sequence/decoder.ts';
import { PreviousStep } from '../sequence/previous-step.ts';
import { contextOf } from '../sequence/sequence.ts';
import { describeVae, type ResolvedVaeOptions, resolveVaeOptions, type VaeOptions } from './options.ts';

/** What a VAE reports beside its loss: −log p(x | z) and the KL, in nats per row. */
export type VaeNumbers = 'reconstruction' | 'kl';

/**
 * The networks of a variational autoencoder and what is computed of them, differentiably, for training loops of your own.
 * `Vae` adds scoring.
 */
export class VaeCore extends Model<VaeNumbers> implements ObjectiveModel {
  static readonly modelName: string = 'vae';

  readonly encoder: Layer;
  /** Heads of q(z | x). */
  readonly mean: Linear;
  readonly logVariance: Linear;
  readonly decoder: Layer;
  /** The parameters of p(x | z), before any squashing. */
  readonly head: Head;
  /** Where the decoder of a sequence sees the step before; else null. */
  readonly previous: PreviousStep | null;
  /** Null for N(0, I). */
  readonly prior: LearnedPrior | null;
  readonly #options: ResolvedVaeOptions;
  readonly #pzx: Activation;
  /** What stands where a value is missing: something every column's distribution may hold. */
  readonly #placeholder: Tensor;
  /** β or the capacity of this epoch, read by recorded steps. */
  readonly #weight: Tensor;
  readonly #anySteps: boolean;

  constructor(options: VaeOptions) {
    const resolved = resolveVaeOptions(options);
    const { event, inputSize, latentSize, reconstruction, seed, sequence } = resolved;
    const [weights, noise] = new Rng(seed).split(2) as [Rng, Rng];
    super(event, resolved.transform, noise, sequence);
    this.#options = resolved;
    const context = { weights, noise };
    const seen = resolved.missing ? [...event.slice(0, -1), 2 * (event.at(-1) as number)] : event;
    const encoder = buildNetwork('encoder', resolved.encoder, seen, {
      ...context,
      activation: resolved.encoderActivation,
    });
    const encoded = encoder.shape.reduce((a, b) => a * b, 1);
    this.encoder = encoder.module;
    this.mean = new Linear(encoded, latentSize, { rng: weights });
    this.logVariance = new Linear(encoded, latentSize, { rng: weights });
    this.previous = sequence?.previous ? new PreviousStep(sequence, context) : null;
    const code = this.previous === null ? [latentSize] : [event[0] as number, latentSize + this.previous.width];
    const decoder = buildNetwork('decoder', resolved.decoder, code, {
      ...context,
      activation: decoderActivations(resolved.decoder, code, event, reconstruction, resolved.decoderActivation),
    });
    this.decoder = decoder.module;
    const steps = sequence !== null && makesSteps(decoder.shape, event);
    if (this.previous !== null) checkStepwise('Vae', this.decoder, code, steps);
    this.#anySteps = steps && encodesAnySteps(resolved.encoder, event) && decodesAnySteps(resolved.decoder, code);
    this.head = buildHead(decoder.shape, event, reconstruction, weights);
    this.prior = resolved.prior.build({
      event,
      latentSize,
      rng: weights,
      posterior: (x) => this.posterior(x),
    });
    this.#pzx = new Activation(resolved.pzxActivation);
    const support = reconstruction.support(inputSize);
    this.#placeholder = tensor(support.map((column) => [0, 0.5, 1].find((value) => column.contains(value)) ?? 0));
    this.#weight = zeros([1]).persisted(true);
    this.beginEpoch(0);
    this.eval(); // `fit` trains
  }

  override get type(): string {
    return 'Vae';
  }

  get options(): ResolvedVaeOptions {
    return this.#options;
  }

  get reconstructionDistribution(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override describe(): Readonly<Record<string, unknown>> {
    return describeVae(this.#options);
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override get anySteps(): boolean {
    return this.#anySteps;
  }

  protected override get holes(): boolean {
    return this.#options.missing;
  }

  /** Sets what changes by epoch (β, capacity) to its value in this one, from 0; `fit` does it. */
  beginEpoch(epoch: number): void {
    this.#weight.assign(this.#options.objective.weightAt?.(epoch) ?? 1);
  }

  /**
   * Mean and log-variance of q(z | x) for rows x [rows, …event]. The log-variance is held smoothly to ±20. Of sequences `context` has
   * the `lengths`; without them rows go to their last step.
   */
  posterior(x: Tensor, context: Context = {}): { mean: Tensor; logVariance: Tensor } {
    const seen = this.#options.missing ? withMask(x) : x;
    const features = flat(inLayer('encoder', () => this.encoder.forward(seen, context)));
    const mean = inLayer('mean', () => this.mean.forward(features));
    const logVariance = inLayer('logVariance', () => this.logVariance.forward(features));
    return {
      mean: this.#pzx.forward(mean),
      logVariance: boundedLogVariance(
        this.#options.pzxActivationOnVariance ? this.#pzx.forward(logVariance) : logVariance,
      ),
    };
  }

  /** In a supervised network a VAE is its encoder: the posterior mean [rows, latentSize]. */
  forward(x: Tensor): Tensor {
    return this.posterior(x).mean;
  }

  /**
   * The parameters of p(x | z), before any squashing, for z [..., latentSize]. A decoder that sees the step before needs the rows,
   * `given.x`; of sequences that were cut to their longest row `given.steps` says how many steps to make.
   */
  likelihoodParams(z: Tensor, given: Given = {}): Tensor {
    const lead = z.shape.slice(0, -1);
    const count = lead.reduce((a, b) => a * b, 1);
    const rows = z.shape.length === 2 ? z : z.reshape([count, this.#options.latentSize]);
    const copies = lead.length < 2 ? 1 : count / (lead.at(-1) as number);
    const params = parametersOf(this, rows, repeatedGiven(given, copies));
    return z.shape.length === 2 ? params : params.reshape([...lead, params.shape[1] as number]);
  }

  /** log p(x | z), of what is observed: z [..., rows, latent] → [..., rows]. */
  conditionalLogProb(x: Tensor, z: Tensor, context: Context = {}): Tensor {
    const params = this.likelihoodParams(z, { ...context, x });
    const { reconstruction } = this.#options;
    const taught = this.training ? reconstruction.whileTraining?.(flat(x), params, this.head) : undefined;
    return this.conditionalLogProbOf(x, taught ?? params, context);
  }

  conditionalLogProbOf(x: Tensor, params: Tensor, context: Context = {}): Tensor {
    const { reconstruction, missing } = this.#options;
    if (context.lengths !== undefined) return this.stepTerms(x, params, context).sum({ axis: -1 });
    return missing ? this.columnTerms(x, params).sum({ axis: -1 }) : reconstruction.logProb(flat(x), params);
  }

  /** The terms of log p(x | z) by step, 0 past a row's end: [..., rows, steps]. Of sequences. */
  stepTerms(x: Tensor, params: Tensor, { lengths }: Context = {}): Tensor {
    const { reconstruction } = this.#options;
    if (!isStepwise(reconstruction))
      throw new UsageError('Vae.stepTerms: rows are no sequences; see sequence: { steps }');
    const terms = reconstruction.logProbPerStep(flat(x), params);
    return lengths === undefined ? terms : where(within(lengths, terms), terms, 0);
  }

  /** The terms of log p(x | z) by column, 0 where a value is missing, and past a row's end. */
  columnTerms(x: Tensor, params: Tensor, { lengths }: Context = {}): Tensor {
    const { reconstruction, missing } = this.#options;
    const rows = flat(x);
    if (!missing) {
      const terms = reconstruction.logProbPerColumn(rows, params);
      if (lengths === undefined) return terms;
      const lead = terms.shape.slice(0, -1);
      const { stepWidth } = reconstruction as StepwiseDistribution;
      const steps = terms.reshape([...lead, (terms.shape.at(-1) as number) / stepWidth, stepWidth]);
      const inside = withinLengths(lengths, steps.shape.at(-2) as number);
      return where(inside.reshape([...inside.shape, 1]).broadcastTo(steps.shape), steps, 0).reshape(terms.shape);
    }
    const observed = equal(rows, rows);
    const filled = where(observed, rows, this.#placeholder);
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
  logWeight(x: Tensor, params: Tensor, z: Tensor, mean: Tensor, logVariance: Tensor, context: Context = {}): Tensor {
    return this.conditionalLogProbOf(x, params, context)
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

  /** The training loss of rows by the model's objective, and its parts. Scalars. */
  loss(x: Tensor, rng: Rng, context: Context = {}): ObjectiveParts {
    const { objective } = this.#options;
    const model: ObjectiveModel = {
      posterior: (rows) => this.posterior(rows, context),
      conditionalLogProb: (rows, z) => this.conditionalLogProb(rows, z, context),
      exactKl: (mean, logVariance) => this.exactKl(mean, logVariance),
      logPrior: (z) => this.logPrior(z),
    };
    return objective.compute(model, x, rng, objective.weightAt === null ? null : this.#weight);
  }

  parts(batch: Batch, rng: Rng): Parts<VaeNumbers> {
    return this.loss(batch.x as Tensor, rng, contextOf(batch));
  }

  /** Minus the plain bound of held-out rows, whatever the objective: β is 1. */
  evaluate(batch: Batch, rng: Rng): Parts<VaeNumbers> {
    const rows = batch.x as Tensor;
    const context = contextOf(batch);
    const { mean, logVariance } = this.posterior(rows, context);
    const z = drawn(mean, logVariance, rng.normal(mean.shape, { dtype: mean.dtype }));
    const reconstruction = this.conditionalLogProb(rows, z, context).neg().mean();
    const kl = this.klOf(mean, logVariance, z).mean();
    return { loss: reconstruction.add(kl), reconstruction, kl };
  }

  /** The loss at the weight where the objective will settle. */
  watched(metrics: Metrics<VaeNumbers>): number {
    return this.#options.objective.settled?.(metrics) ?? metrics.loss;
  }
}

/** Which of [..., rows, steps] are within the lengths of their rows. */
function within(lengths: Tensor, terms: Tensor): Tensor {
  return withinLengths(lengths, terms.shape.at(-1) as number).broadcastTo(terms.shape);
}

/** Rows as lines of numbers: [rows, …] → [rows, numbers]. */
function flat(x: Tensor): Tensor {
  if (x.shape.length === 2) return x;
  const rows = x.shape[0] ?? 0;
  return x.reshape([rows, rows === 0 ? 0 : x.size / rows]);
}

/** [x with zeros in its holes, 1 where there is a value], as further columns or channels. */
function withMask(x: Tensor): Tensor {
  const observed = equal(x, x);
  return concat([where(observed, x, 0), observed], -1);
}
