import {
  type ActivationName,
  activationCheck,
  dropoutCheck,
  type FittedTransform,
  type LayerSpec,
  mirrored,
  type NetworkSpec,
  opening,
  partOf,
  type Transform,
} from '@latent/nn';
import {
  checkOptions,
  flag,
  nullable,
  optional,
  type Place,
  real,
  type Shape,
  sizeOf,
  ValueError,
  whole,
} from '@latent/tensor';
import { type PriorSpec, priors } from '../latent/prior.ts';
import { standardNormalPrior } from '../latent/standard-normal-prior.ts';
import {
  activationsCheck,
  describeNetwork,
  describeRows,
  type EventOptions,
  eventOf,
  type Network,
  networkOption,
  type RowsOptions,
  resolveNetwork,
  rowsChecks,
} from '../model/options.ts';
import { elbo } from '../objectives/elbo.ts';
import { type Objective, objectives } from '../objectives/objective.ts';
import { type PosteriorSpec, posteriors } from '../posterior/posterior.ts';
import { askedPerNumber } from '../reconstruction/head.ts';
import { likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { likelihoodOfSequence, type Sequence } from '../sequence/sequence.ts';
import { type Condition, conditionCheck, conditionSize } from './condition.ts';

/** What a variational autoencoder is made of. */
export interface VaeOptions extends RowsOptions {
  /** Numbers in a code. */
  readonly latentSize: number;
  /**
   * The encoder before its two heads: a list of layers, in which a number is a dense layer, or a module of your own; empty by
   * default, which makes the encoder linear.
   */
  readonly encoder?: NetworkSpec;
  /** The decoder before its head; the encoder's layers mirrored by default. */
  readonly decoder?: NetworkSpec;
  /** Of every layer that names none; 'relu' by default. */
  readonly activation?: ActivationName;
  /** Of the encoder's layers, one or one for each; `activation` by default. */
  readonly encoderActivation?: ActivationName | readonly ActivationName[];
  readonly decoderActivation?: ActivationName | readonly ActivationName[];
  /** Of the posterior mean; 'identity' by default. The log-variance has none. */
  readonly pzxActivation?: ActivationName;
  /** Also of the log-variance; false by default. */
  readonly pzxActivationOnVariance?: boolean;
  /** p(x | z). */
  readonly reconstruction: ReconstructionDistribution;
  /** What training minimises; `elbo()` by default. Scores are always of the plain bound. */
  readonly objective?: Objective;
  /** Short for `elbo({ beta })`. */
  readonly beta?: number;
  /** Short for `elbo({ samples })`. */
  readonly numSamples?: number;
  /** p(z); `standardNormalPrior()` by default. */
  readonly prior?: PriorSpec;
  /**
   * What refines q(z | x) beyond a Gaussian with a variance for each latent: `planar(8)`, `iaf()`. Null by default: nothing. The KL is
   * then estimated from draws.
   */
  readonly posterior?: PosteriorSpec | null;
  /**
   * What rows are given with, for a model of p(x | c): the encoder and the decoder see it, and so may the prior
   * (`conditionalPrior()`). None by default. Columns should be on a scale near 1.
   */
  readonly condition?: Condition | null;
  /** Share of the outputs that is dropped while training, of layers given as numbers; 0 by default. */
  readonly dropout?: number;
  /** Normalise before the activation, in layers given as numbers; false by default. */
  readonly layerNorm?: boolean;
  /** Rows may have holes (NaN or null): the encoder sees which, and what is not there is not scored. False by default. */
  readonly missing?: boolean;
}

const vaeChecks = /* @__PURE__ */ Object.assign({}, rowsChecks, {
  latentSize: /* @__PURE__ */ whole({ min: 1 }),
  encoder: /* @__PURE__ */ optional(networkOption),
  decoder: /* @__PURE__ */ optional(networkOption),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
  encoderActivation: /* @__PURE__ */ optional(activationsCheck),
  decoderActivation: /* @__PURE__ */ optional(activationsCheck),
  pzxActivation: /* @__PURE__ */ optional(activationCheck, 'identity' as const),
  pzxActivationOnVariance: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  reconstruction: /* @__PURE__ */ partOf(likelihoods, 'bernoulli() or gaussian()'),
  objective: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(objectives, 'elbo()')),
  beta: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 })),
  numSamples: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  prior: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(priors, 'standardNormalPrior()')),
  posterior: /* @__PURE__ */ optional(/* @__PURE__ */ nullable(/* @__PURE__ */ partOf(posteriors, 'iaf()'))),
  condition: /* @__PURE__ */ optional(/* @__PURE__ */ nullable(conditionCheck)),
  dropout: /* @__PURE__ */ optional(dropoutCheck, 0),
  layerNorm: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  missing: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
});

/** The options with their defaults, and networks as lists of layers. */
export interface ResolvedVaeOptions {
  readonly event: Shape;
  /** Numbers of a row. */
  readonly inputSize: number;
  /** What rows are that are sequences; null for rows of one shape. */
  readonly sequence: Sequence | null;
  readonly latentSize: number;
  readonly encoder: Network;
  readonly decoder: Network;
  readonly encoderActivation: ActivationName | readonly ActivationName[];
  readonly decoderActivation: ActivationName | readonly ActivationName[];
  readonly pzxActivation: ActivationName;
  readonly pzxActivationOnVariance: boolean;
  readonly reconstruction: ReconstructionDistribution;
  readonly objective: Objective;
  readonly prior: PriorSpec;
  /** Null for a Gaussian with a variance for each latent. */
  readonly posterior: PosteriorSpec | null;
  /** Null where rows are given with nothing. */
  readonly condition: Condition | null;
  readonly missing: boolean;
  readonly transform: Transform | FittedTransform | null;
  readonly seed: number;
}

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveVaeOptions(options: VaeOptions): ResolvedVaeOptions {
  const checked = checkOptions('Vae', options, vaeChecks);
  const { sequence = null } = checked;
  const event = eventOf('Vae', checked as EventOptions, sequence);
  const { activation, beta, numSamples, dropout, layerNorm, latentSize, missing, seed, transform } = checked;
  const reconstruction =
    sequence === null ? checked.reconstruction : likelihoodOfSequence('Vae', sequence, checked.reconstruction);
  if (sequence !== null && missing) {
    throw new ValueError('Vae: missing is of rows of one shape; sequences have all their values');
  }
  const at = (path: string): Place => ({ caller: 'Vae', path });
  const layers = { dropout, layerNorm };
  const encoder = resolveNetwork(checked.encoder ?? [], layers, at('encoder'));
  const condition = checked.condition ?? null;
  const seen = seenShape({ event, missing, condition });
  if (checked.decoder === undefined && !Array.isArray(encoder)) {
    throw new ValueError('Vae: a module as encoder has no mirror image; give a decoder');
  }
  if (checked.decoder === undefined && sequence?.previous) {
    throw new ValueError(
      'Vae: sequence.previous needs a decoder that goes step by step, such as [lstm(64, { returnSequences: true })]',
    );
  }
  const decoder =
    checked.decoder === undefined
      ? mirroredDecoder(encoder as readonly LayerSpec[], seen, event, reconstruction)
      : resolveNetwork(checked.decoder, layers, at('decoder'));
  const numbers = [checked.encoder, checked.decoder].flat().some((layer) => typeof layer === 'number');
  if (!numbers && (dropout > 0 || layerNorm)) {
    throw new ValueError(
      'Vae: dropout and layerNorm are of layers given as numbers; give them to the layers, as dense(64, { dropout: 0.1 })',
    );
  }
  if (checked.objective !== undefined && (beta !== undefined || numSamples !== undefined)) {
    throw new ValueError('Vae: give beta and numSamples to the objective, not beside it');
  }
  reconstruction.paramCount(sizeOf(event)); // a composite refuses a width that its parts do not cover
  const objective =
    checked.objective ??
    elbo({ ...(beta !== undefined && { beta }), ...(numSamples !== undefined && { samples: numSamples }) });
  const prior = checked.prior ?? standardNormalPrior();
  if (objective.needsExactKl && prior.name !== 'standardNormal') {
    throw new ValueError(
      `Vae: freeBits need the KL of each latent, which is exact for standardNormalPrior() alone; leave them out with the prior '${prior.name}'`,
    );
  }
  const posterior = checked.posterior ?? null;
  if (posterior !== null) checkRefined(posterior, objective, prior);
  return {
    event,
    inputSize: sizeOf(event),
    sequence,
    latentSize,
    encoder,
    decoder,
    encoderActivation: checked.encoderActivation ?? activation,
    decoderActivation: checked.decoderActivation ?? activation,
    pzxActivation: checked.pzxActivation,
    pzxActivationOnVariance: checked.pzxActivationOnVariance,
    reconstruction,
    objective,
    prior,
    posterior,
    condition,
    missing,
    transform,
    seed,
  };
}

/** Refuses what takes q(z | x) to be Gaussian beside a posterior that is not. */
function checkRefined({ name }: PosteriorSpec, objective: Objective, prior: PriorSpec): void {
  if (objective.needsExactKl) {
    throw new ValueError(
      `Vae: freeBits need the KL of each latent, which the posterior '${name}' does not have; leave one of them out`,
    );
  }
  if (objective.needsNormalPosterior) {
    throw new ValueError(
      `Vae: this estimator of '${objective.name}' is of a Gaussian posterior; take the standard one with the posterior '${name}'`,
    );
  }
  if (prior.needsNormalPosterior) {
    throw new ValueError(
      `Vae: the prior '${prior.name}' is made of Gaussian posteriors; with the posterior '${name}' take mixturePrior(…) or standardNormalPrior()`,
    );
  }
}

/** What an encoder sees of a row: the row, which values are there, and the condition, as columns or channels. */
export function seenShape({
  event,
  missing,
  condition,
}: Pick<ResolvedVaeOptions, 'event' | 'missing' | 'condition'>): Shape {
  const own = event.at(-1) as number;
  return [...event.slice(0, -1), (missing ? 2 * own : own) + conditionSize(condition)];
}

/** From a code to the parameters of rows, or to what a head makes them of. */
function mirroredDecoder(
  encoder: readonly LayerSpec[],
  seen: Shape,
  event: Shape,
  distribution: ReconstructionDistribution,
): readonly LayerSpec[] {
  const count = askedPerNumber(distribution);
  const rows = { event, ...(count !== undefined && { count }) };
  return [...opening(encoder, seen), ...mirrored(encoder, seen, rows)];
}

/** The options as plain data, for the file: what `resolveVaeOptions` takes. */
export function describeVae(options: ResolvedVaeOptions): Readonly<Record<string, unknown>> {
  const {
    inputSize: _,
    event,
    sequence,
    encoder,
    decoder,
    reconstruction,
    objective,
    prior,
    posterior,
    transform,
    ...plain
  } = options;
  return {
    ...describeRows(event, sequence),
    ...plain,
    encoder: describeNetwork(encoder),
    decoder: describeNetwork(decoder),
    reconstruction: reconstruction.config(),
    objective: objective.config(),
    prior: prior.config(),
    ...(posterior !== null && { posterior: posterior.config() }),
    transform: transform?.config() ?? null,
  };
}
