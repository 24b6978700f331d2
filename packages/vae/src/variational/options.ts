import type { ActivationName } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import { checkSize, checkSizes } from '../model/mlp.ts';
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
  /** p(x | z). */
  readonly reconstruction: ReconstructionDistribution;
  /** Weight of the KL term while training; 1 by default. Scores are always reported with weight 1. */
  readonly beta?: number;
  /** Fixes initial weights, shuffling and sampling; 0 by default. */
  readonly seed?: number;
}

export type ResolvedVaeOptions = Required<VaeOptions>;

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveVaeOptions(options: VaeOptions): ResolvedVaeOptions {
  const { encoder = [], decoder = [...encoder].reverse(), activation = 'relu', beta = 1, seed = 0 } = options;
  checkSize('Vae', 'inputSize', options.inputSize);
  checkSize('Vae', 'latentSize', options.latentSize);
  checkSizes('Vae', 'encoder', encoder);
  checkSizes('Vae', 'decoder', decoder);
  if (!(beta >= 0 && beta < Infinity)) throw new ValueError(`Vae: beta must be a number ≥ 0, got ${beta}`);
  if (typeof options.reconstruction?.logProb !== 'function') {
    throw new ValueError('Vae: reconstruction must be a distribution such as bernoulli() or gaussian()');
  }
  options.reconstruction.paramCount(options.inputSize); // a composite refuses a width that its parts do not cover
  return { ...options, encoder, decoder, activation, beta, seed };
}
