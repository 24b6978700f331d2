import type { ActivationName, Normaliser } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import { type PriorSpec, standardNormalPrior } from '../latent/prior.ts';
import { checkActivation, checkSize, checkSizes } from '../model/mlp.ts';
import { elbo } from '../objectives/elbo.ts';
import type { Objective } from '../objectives/objective.ts';
import type { ReconstructionDistribution } from '../reconstruction/reconstruction.ts';

export interface VaeOptions {
  /** Columns of a data row. */
  readonly inputSize: number;
  /** Numbers in a code. */
  readonly latentSize: number;
  /** Sizes of the encoder's hidden layers; none by default, which makes it linear. */
  readonly encoder?: readonly number[];
  /** Sizes of the decoder's hidden layers; the encoder's in reverse by default. */
  readonly decoder?: readonly number[];
  /** Of every hidden layer; 'relu' by default. */
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
  /** Share of every hidden layer's outputs that is dropped while training; 0 by default. */
  readonly dropout?: number;
  /** Normalise every hidden layer before its activation; false by default. */
  readonly layerNorm?: boolean;
  /** Rows may have holes (NaN or null): the encoder sees which, and what is not there is not scored. False by default. */
  readonly missing?: boolean;
  /**
   * Puts columns on a common scale before the model sees them, and back; it learns the scale from the first `fit` and is
   * saved with the model. Scores are densities of the data as given, training losses of the rows on the common scale. None
   * by default.
   */
  readonly normaliser?: Normaliser | null;
  /** Fixes initial weights, shuffling and sampling; 0 by default. */
  readonly seed?: number;
}

export type ResolvedVaeOptions = Required<Omit<VaeOptions, 'activation' | 'beta' | 'numSamples'>>;

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveVaeOptions(options: VaeOptions): ResolvedVaeOptions {
  const {
    encoder = [],
    decoder = [...encoder].reverse(),
    activation = 'relu',
    encoderActivation = activation,
    decoderActivation = activation,
    pzxActivation = 'identity',
    pzxActivationOnVariance = false,
    beta,
    numSamples,
    prior = standardNormalPrior(),
    dropout = 0,
    layerNorm = false,
    missing = false,
    normaliser = null,
    seed = 0,
  } = options;
  checkSize('Vae', 'inputSize', options.inputSize);
  checkSize('Vae', 'latentSize', options.latentSize);
  checkSizes('Vae', 'encoder', encoder);
  checkSizes('Vae', 'decoder', decoder);
  checkActivation('Vae', 'encoderActivation', encoderActivation, encoder.length);
  checkActivation('Vae', 'decoderActivation', decoderActivation, decoder.length);
  checkActivation('Vae', 'pzxActivation', pzxActivation, 1);
  if (beta !== undefined && !(beta >= 0 && beta < Infinity))
    throw new ValueError(`Vae: beta must be a number ≥ 0, got ${beta}`);
  if (numSamples !== undefined) checkSize('Vae', 'numSamples', numSamples);
  if (options.objective !== undefined && (beta !== undefined || numSamples !== undefined)) {
    throw new ValueError('Vae: give beta and numSamples to the objective, not beside it');
  }
  if (!(dropout >= 0 && dropout < 1))
    throw new ValueError(`Vae: dropout must be at least 0 and below 1, got ${dropout}`);
  if (typeof options.reconstruction?.logProb !== 'function') {
    throw new ValueError('Vae: reconstruction must be a distribution such as bernoulli() or gaussian()');
  }
  options.reconstruction.paramCount(options.inputSize); // a composite refuses a width that its parts do not cover
  const objective =
    options.objective ??
    elbo({ ...(beta !== undefined && { beta }), ...(numSamples !== undefined && { samples: numSamples }) });
  return {
    inputSize: options.inputSize,
    latentSize: options.latentSize,
    reconstruction: options.reconstruction,
    encoder,
    decoder,
    encoderActivation,
    decoderActivation,
    pzxActivation,
    pzxActivationOnVariance,
    objective,
    prior,
    dropout,
    layerNorm,
    missing,
    normaliser,
    seed,
  };
}
