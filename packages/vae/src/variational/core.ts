import {
  Activation,
  type Batch,
  buildNetwork,
  decodesAnySteps,
  encodesAnySteps,
  type FlatRows,
  inLayer,
  type Layer,
  Linear,
  type Metrics,
  type Parts,
  withinLengths,
} from '@latent/nn';
import { persistentZeros, Rng, type Tensor, UsageError, where, zeros } from '@latent/tensor';
import { boundedLogVariance } from '../latent/bounded-variance.ts';
import { drawn, klToStandardNormal, normalLogProb } from '../latent/diagonal-normal.ts';
import type { Prior } from '../latent/prior.ts';
import { baselineOf } from '../model/baseline.ts';
import { type BesideRows, Model } from '../model/model.ts';
import type { Columns } from '../model/training-rows.ts';
import type { ObjectiveParts } from '../objectives/objective.ts';
import type { Flow } from '../posterior/flow.ts';
import { buildHead, decoderActivations, makesSteps } from '../reconstruction/head.ts';
import type { Head, ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { observedTerms, placeholderOf, withMask } from '../reconstruction/observed.ts';
import { isStepwise, type StepwiseDistribution } from '../reconstruction/per-step.ts';
import type { ScoredModel } from '../scores/score.ts';
import { contextOf } from '../sequence/context.ts';
import { checkStepwise, type Given, parametersOf, repeatedGiven } from '../sequence/decoder.ts';
import { PreviousStep } from '../sequence/previous-step.ts';
import { conditionSize, needed, withCondition } from './condition.ts';
import { describeVae, type ResolvedVaeOptions, resolveVaeOptions, seenShape, type VaeOptions } from './options.ts';

/** What a VAE reports beside its loss: −log p(x | z) and the KL, in nats per row. */
export type VaeNumbers = 'reconstruction' | 'kl';

/**
 * The networks of a variational autoencoder and what is computed of them, differentiably, for training loops of your own.
 * `Vae` adds scoring. `beside` is what stands beside the rows of a batch: their `condition`, for a model with one.
 */
export class VaeCore extends Model<VaeNumbers> implements ScoredModel {
  static readonly modelName: string = 'vae';

  readonly encoder: Layer;
  /** Heads of q(z | x). */
  readonly mean: Linear;
  readonly logVariance: Linear;
  /** What refines q(z | x); null where it is Gaussian. */
  readonly flow: Flow | null;
  readonly decoder: Layer;
  /** The parameters of p(x | z), before any squashing. */
  readonly head: Head;
  /** Where the decoder of a sequence sees the step before; else null. */
  readonly previous: PreviousStep | null;
  /** Null for N(0, I). */
  readonly prior: Prior | null;
  readonly #options: ResolvedVaeOptions;
  readonly #pzx: Activation;
  /** What stands where a value is missing. */
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
    const encoder = buildNetwork('encoder', resolved.encoder, seenShape(resolved), {
      ...context,
      activation: resolved.encoderActivation,
    });
    const encoded = encoder.shape.reduce((a, b) => a * b, 1);
    this.encoder = encoder.module;
    this.mean = new Linear(encoded, latentSize, { rng: weights });
    this.logVariance = new Linear(encoded, latentSize, { rng: weights });
    this.flow = resolved.posterior?.build({ latentSize, features: encoded, rng: weights }) ?? null;
    const given = latentSize + conditionSize(resolved.condition);
    this.previous = sequence?.previous ? new PreviousStep(sequence, context) : null;
    const code = this.previous === null ? [given] : [event[0] as number, given + this.previous.width];
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
      conditionSize: conditionSize(resolved.condition),
      rng: weights,
      posterior: (x, beside) => this.posterior(x, beside),
      encoderParameters: () => [this.encoder, this.mean, this.logVariance].flatMap((module) => module.parameters()),
    });
    this.#pzx = new Activation(resolved.pzxActivation);
    this.#placeholder = placeholderOf(reconstruction, inputSize);
    this.#weight = persistentZeros([1]);
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
    const described = describeVae(this.#options);
    return { ...described, prior: { ...this.#options.prior.config(), ...this.prior?.learnedOptions } };
  }

  protected override likelihood(): ReconstructionDistribution {
    return this.#options.reconstruction;
  }

  protected override baseline(rows: FlatRows): number | undefined {
    return baselineOf(this.#options.reconstruction, rows);
  }

  protected override get anySteps(): boolean {
    return this.#anySteps;
  }

  protected override get holes(): boolean {
    return this.#options.missing;
  }

  protected override get wantsRows(): boolean {
    // What starts at rows starts once, what numbers them does so in each run.
    const { prior } = this;
    return prior?.wantsRows === true && (prior.numbered || this.seenRange === null);
  }

  protected override takeRows(
    caller: string,
    rows: FlatRows | null,
    beside: Columns,
  ): Pick<BesideRows, 'rows' | 'undo'> {
    const { prior } = this;
    if (prior === null || !prior.wantsRows) return {};
    if (rows === null) {
      throw new UsageError(
        `${caller}: the prior '${this.#options.prior.name}' takes rows of its own from the run; give rows in memory and not a data set`,
      );
    }
    const condition = beside.condition?.rows ?? null;
    const undo = prior.takeRows({ caller, rows, condition, first: this.seenRange === null });
    const numbers = Float32Array.from({ length: rows.count }, (_, r) => r);
    return {
      ...(prior.numbered && {
        rows: { row: { rows: { values: numbers, count: rows.count, width: 1 }, shape: [], called: 'numbers' } },
      }),
      ...(undo !== null && { undo }),
    };
  }

  /** Sets what changes by epoch (β, capacity) to its value in this one, from 0; `fit` does it. */
  beginEpoch(epoch: number): void {
    this.#weight.assign(this.#options.objective.weightAt?.(epoch) ?? 1);
    this.prior?.beginEpoch(epoch);
  }

  /** The model as the rows of one batch see it: what stands beside them goes along with every question. */
  given(beside: Batch): ScoredModel {
    if (this.flow !== null) return this.flow.through(this, beside);
    return {
      refined: (z) => z,
      reconstructionDistribution: this.reconstructionDistribution,
      posterior: (x) => this.posterior(x, beside),
      likelihoodParams: (z) => this.likelihoodParams(z, beside),
      conditionalLogProb: (x, z) => this.conditionalLogProb(x, z, beside),
      conditionalLogProbOf: (x, params) => this.conditionalLogProbOf(x, params, beside),
      columnTerms: (x, params) => this.columnTerms(x, params, beside),
      stepTerms: (x, params) => this.stepTerms(x, params, beside),
      exactKl: (mean, logVariance) => this.exactKl(mean, logVariance, beside),
      klOf: (mean, logVariance, z) => this.klOf(mean, logVariance, z, beside),
      logWeight: (x, params, z, mean, logVariance) => this.logWeight(x, params, z, mean, logVariance, beside),
      logPrior: (z) => this.logPrior(z, beside),
    };
  }

  /**
   * Mean and log-variance of q(z | x) for rows x [rows, …event], or of the Gaussian that a flow refines. The log-variance is held smoothly
   * to ±20. What stands beside the rows is their `condition`, and of sequences their `lengths`; without these rows go to their last step.
   */
  posterior(x: Tensor, beside: Batch = {}): { mean: Tensor; logVariance: Tensor } {
    const { mean, logVariance } = this.heads(x, beside);
    return { mean, logVariance };
  }

  /** The same, and what the encoder made of the rows: features [rows, …]. */
  heads(x: Tensor, beside: Batch = {}): { mean: Tensor; logVariance: Tensor; features: Tensor } {
    const { condition, missing, pzxActivationOnVariance } = this.#options;
    const whole = missing ? withMask(x) : x;
    const seen = condition === null ? whole : withCondition(whole, this.#conditionOf(beside));
    const context = contextOf({ ...beside, x });
    const features = flat(inLayer('encoder', () => this.encoder.forward(seen, context)));
    const mean = inLayer('mean', () => this.mean.forward(features));
    const logVariance = inLayer('logVariance', () => this.logVariance.forward(features));
    return {
      mean: this.#pzx.forward(mean),
      logVariance: boundedLogVariance(pzxActivationOnVariance ? this.#pzx.forward(logVariance) : logVariance),
      features,
    };
  }

  /** The code that stands for a row: the mean of q(z | x), or what a flow makes of the mean that it begins at. [rows, latentSize] */
  code(x: Tensor, beside: Batch = {}): Tensor {
    const model = this.given({ ...beside, x });
    return model.refined(model.posterior(x).mean);
  }

  /** Codes that a flow refines belong to rows: `given` knows which. */
  #notRefined(method: string): void {
    if (this.flow !== null) {
      throw new UsageError(`Vae.${method}: a flow refines q(z | x) of each row; ask given(beside) after its posterior`);
    }
  }

  /** Draws from q(z | x) as codes. */
  refined(z: Tensor): Tensor {
    this.#notRefined('refined');
    return z;
  }

  #conditionOf({ condition }: Batch): Tensor {
    const { condition: spec } = this.#options;
    if (condition === undefined && spec !== null) throw new UsageError(`Vae: ${needed(spec)}`);
    return condition as Tensor;
  }

  /** In a supervised network a VAE is its encoder: the code of each row [rows, latentSize]. */
  forward(x: Tensor): Tensor {
    return this.code(x);
  }

  /**
   * The parameters of p(x | z), before any squashing, for z [..., latentSize]. A decoder that sees the step before needs the rows
   * among what stands beside them, as `x`; of sequences that were cut to their longest row x says how many steps to make.
   */
  likelihoodParams(z: Tensor, beside: Batch = {}): Tensor {
    const { condition, latentSize } = this.#options;
    const lead = z.shape.slice(0, -1);
    const rows = (x: Tensor, width: number): Tensor =>
      x.shape.length === 2 ? x : x.reshape([lead.reduce((a, b) => a * b, 1), width]);
    const codes = rows(z, latentSize);
    const size = conditionSize(condition);
    const seen =
      condition === null
        ? codes
        : withCondition(codes, rows(this.#conditionOf(beside).broadcastTo([...lead, size]), size));
    const copies = lead.length < 2 ? 1 : (seen.shape[0] as number) / (lead.at(-1) as number);
    const params = parametersOf(this, seen, repeatedGiven(this.#givenOf(beside), copies));
    return z.shape.length === 2 ? params : params.reshape([...lead, params.shape[1] as number]);
  }

  /** Codes as the decoder sees them: with the condition of their rows, where there is one. */
  seenCodes(codes: Tensor, beside: Batch): Tensor {
    return this.#options.condition === null ? codes : withCondition(codes, this.#conditionOf(beside));
  }

  /** Of sequences: what goes with codes through the decoder. */
  #givenOf(beside: Batch): Given {
    const { x } = beside;
    if (this.sequence === null || x === undefined) return {};
    return { ...contextOf(beside), x };
  }

  /** log p(x | z), of what is observed: z [..., rows, latent] → [..., rows]. */
  conditionalLogProb(x: Tensor, z: Tensor, beside: Batch = {}): Tensor {
    const params = this.likelihoodParams(z, { ...beside, x });
    const { reconstruction } = this.#options;
    const taught = this.training ? reconstruction.whileTraining?.(flat(x), params, this.head) : undefined;
    return this.conditionalLogProbOf(x, taught ?? params, beside);
  }

  conditionalLogProbOf(x: Tensor, params: Tensor, beside: Batch = {}): Tensor {
    const { reconstruction, missing } = this.#options;
    if (beside.lengths !== undefined) return this.stepTerms(x, params, beside).sum({ axis: -1 });
    return missing ? this.columnTerms(x, params).sum({ axis: -1 }) : reconstruction.logProb(flat(x), params);
  }

  /** The terms of log p(x | z) by step, 0 past a row's end: [..., rows, steps]. Of sequences. */
  stepTerms(x: Tensor, params: Tensor, { lengths }: Batch = {}): Tensor {
    const { reconstruction } = this.#options;
    if (!isStepwise(reconstruction))
      throw new UsageError('Vae.stepTerms: rows are no sequences; see sequence: { steps }');
    const terms = reconstruction.logProbPerStep(flat(x), params);
    return lengths === undefined ? terms : where(within(lengths, terms), terms, 0);
  }

  /** The terms of log p(x | z) by column, 0 where a value is missing, and past a row's end. */
  columnTerms(x: Tensor, params: Tensor, { lengths }: Batch = {}): Tensor {
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
    return observedTerms(reconstruction, rows, params, this.#placeholder);
  }

  /** KL(q(z | x) ‖ p(z)) of each row where it is exact; null where it is estimated from draws. */
  exactKl(mean: Tensor, logVariance: Tensor, beside: Batch = {}): Tensor | null {
    this.#notRefined('exactKl');
    return this.prior === null ? klToStandardNormal(mean, logVariance) : this.prior.exactKl(mean, logVariance, beside);
  }

  /** KL(q(z | x) ‖ p(z)) of each row: exact where it can be, else the estimate log q(z) − log p(z) of the draw z. */
  klOf(mean: Tensor, logVariance: Tensor, z: Tensor, beside: Batch = {}): Tensor {
    return this.exactKl(mean, logVariance, beside) ?? normalLogProb(z, mean, logVariance).sub(this.logPrior(z, beside));
  }

  /** log p(x | z)p(z)/q(z | x), the importance weight of a draw z whose likelihood has these parameters. */
  logWeight(x: Tensor, params: Tensor, z: Tensor, mean: Tensor, logVariance: Tensor, beside: Batch = {}): Tensor {
    this.#notRefined('logWeight');
    return this.conditionalLogProbOf(x, params, beside)
      .add(this.logPrior(z, beside))
      .sub(normalLogProb(z, mean, logVariance));
  }

  /** log p(z): [..., latent] → [...]. */
  logPrior(z: Tensor, beside: Batch = {}): Tensor {
    if (this.prior !== null) return this.prior.logProb(z, beside);
    const zero = zeros([1]).broadcastTo(z.shape);
    return normalLogProb(z, zero, zero);
  }

  /** For a classifier that goes on with what was learned without labels. */
  unsupervisedLoss(x: Tensor, rng: Rng): Tensor {
    return this.loss(x, rng).loss;
  }

  /** The training loss of rows by the model's objective, and its parts. Scalars. */
  loss(x: Tensor, rng: Rng, beside: Batch = {}): ObjectiveParts {
    const { objective } = this.#options;
    return objective.compute(this.given(beside), x, rng, objective.weightAt === null ? null : this.#weight);
  }

  parts({ x, ...beside }: Batch, rng: Rng): Parts<VaeNumbers> {
    return this.loss(x as Tensor, rng, beside as Batch);
  }

  /** Minus the plain bound of held-out rows, whatever the objective: β is 1. */
  evaluate({ x, ...beside }: Batch, rng: Rng): Parts<VaeNumbers> {
    const rows = x as Tensor;
    const model = this.given(beside as Batch);
    const { mean, logVariance } = model.posterior(rows);
    const z = drawn(mean, logVariance, rng.normal(mean.shape, { dtype: mean.dtype }));
    const reconstruction = model.conditionalLogProb(rows, z).neg().mean();
    const kl = model.klOf(mean, logVariance, z).mean();
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
