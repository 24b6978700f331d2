import {
  type ActivationName,
  activationCheck,
  type FittedTransform,
  type LayerSpec,
  mirrored,
  type NetworkSpec,
  partOf,
  shapesOf,
  type Transform,
} from '@latent/nn';
import { checkOptions, fields, optional, real, type Shape, sizeOf, ValueError, whole } from '@latent/tensor';
import {
  type CommonOptions,
  commonChecks,
  describeNetwork,
  type EventOptions,
  eventOf,
  type Network,
  networkOption,
  resolveNetwork,
} from '../model/options.ts';
import { askedPerNumber } from '../reconstruction/head.ts';
import { likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { squaredError } from '../reconstruction/squared-error.ts';
import type { CodePriorOptions } from './code-prior.ts';

/** What a VQ-VAE is made of. */
export interface VqVaeOptions extends CommonOptions {
  /**
   * The encoder: a list of layers, or a module of your own. Rows that come out with places (pixels, steps) have a code at each; of a
   * line of numbers `places` says how many codes they become.
   */
  readonly encoder: NetworkSpec;
  /** From the codes' vectors, in the shape of what the encoder makes, to the head; the encoder's layers mirrored by default. */
  readonly decoder?: NetworkSpec;
  /** Of every layer that names none; 'relu' by default. */
  readonly activation?: ActivationName;
  /** Codes K in the codebook; 512 by default. */
  readonly codes?: number;
  /** Numbers in a code's vector; 16 by default. */
  readonly codeSize?: number;
  /** Codes of a row whose encoder makes a line of numbers; 8 by default. */
  readonly places?: number;
  /** β of β·‖z − e‖², which keeps the encoder near its codes; 0.25 by default. */
  readonly commitment?: number;
  /** γ of the codebook's moving averages; 0.99 by default. */
  readonly decay?: number;
  /** A code with less than this share of the mean use starts anew at a vector of the batch; 0.01 by default. */
  readonly deadBelow?: number;
  /** p(x | codes); squaredError() by default. */
  readonly reconstruction?: ReconstructionDistribution;
  /** The size of the prior over codes, which `fitPrior` trains. */
  readonly prior?: CodePriorOptions;
}

const size = /* @__PURE__ */ whole({ min: 1, max: 4096 });
const priorFields = /* @__PURE__ */ fields({
  width: /* @__PURE__ */ optional(size, 64),
  layers: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1, max: 64 }), 2),
  heads: /* @__PURE__ */ optional(size, 4),
  dropout: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, below: 1 }), 0.1),
});

const checks = /* @__PURE__ */ Object.assign({}, commonChecks, {
  encoder: networkOption,
  decoder: /* @__PURE__ */ optional(networkOption),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
  codes: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 2, max: 2 ** 20 }), 512),
  codeSize: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 16),
  places: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  commitment: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 0.25),
  decay: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, below: 1 }), 0.99),
  deadBelow: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, max: 1 }), 0.01),
  reconstruction: /* @__PURE__ */ optional(/* @__PURE__ */ partOf(likelihoods, 'bernoulli() or gaussian()')),
  prior: /* @__PURE__ */ optional(priorFields),
});

/** The options with their defaults, and networks as lists of layers. */
export interface ResolvedVqVaeOptions {
  readonly event: Shape;
  readonly encoder: Network;
  readonly decoder: Network;
  readonly activation: ActivationName;
  readonly codes: number;
  readonly codeSize: number;
  /** Of a row whose encoder makes a line; undefined where it makes places. */
  readonly places: number | undefined;
  readonly commitment: number;
  readonly decay: number;
  readonly deadBelow: number;
  readonly reconstruction: ReconstructionDistribution;
  readonly prior: Required<CodePriorOptions>;
  readonly transform: Transform | FittedTransform | null;
  readonly seed: number;
}

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveVqVaeOptions(options: VqVaeOptions): ResolvedVqVaeOptions {
  const checked = checkOptions('VqVae', options, checks);
  const event = eventOf('VqVae', checked as EventOptions);
  const plain = { dropout: 0, layerNorm: false };
  const encoder = resolveNetwork(checked.encoder, plain, { caller: 'VqVae', path: 'encoder' });
  const reconstruction = checked.reconstruction ?? squaredError();
  reconstruction.paramCount(sizeOf(event));
  if (checked.decoder === undefined && !Array.isArray(encoder)) {
    throw new ValueError('VqVae: a module as encoder has no mirror image; give a decoder');
  }
  const count = askedPerNumber(reconstruction);
  const decoder =
    checked.decoder === undefined
      ? mirrored(encoder as readonly LayerSpec[], event, count === undefined ? {} : { count })
      : resolveNetwork(checked.decoder, plain, { caller: 'VqVae', path: 'decoder' });
  if (Array.isArray(encoder) && checked.places !== undefined) {
    const made = shapesOf('encoder', encoder as readonly LayerSpec[], event).at(-1) as Shape;
    if (made.length > 1) throw new ValueError('VqVae: the encoder makes places, each with a code; leave places out');
  }
  const prior = checked.prior ?? priorFields({}, { caller: 'VqVae', path: 'prior' });
  if (prior.width % prior.heads !== 0) {
    throw new ValueError(`VqVae: prior.width ${prior.width} does not divide into ${prior.heads} heads`);
  }
  const { activation, codes, codeSize, places, commitment, decay, deadBelow, transform, seed } = checked;
  return {
    ...{ event, encoder, decoder, activation, codes, codeSize, places, commitment, decay, deadBelow },
    ...{ reconstruction, prior, transform, seed },
  };
}

/** The options as plain data, for the file. */
export function describeVqVae(options: ResolvedVqVaeOptions): Readonly<Record<string, unknown>> {
  const { encoder, decoder, reconstruction, transform, ...plain } = options;
  return {
    ...plain,
    encoder: describeNetwork(encoder),
    decoder: describeNetwork(decoder),
    reconstruction: reconstruction.config(),
    transform: transform?.config() ?? null,
  };
}
