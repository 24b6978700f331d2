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
import {
  checkOptions,
  formatShape,
  list,
  optional,
  real,
  type Shape,
  sameShape,
  sizeOf,
  ValueError,
  whole,
} from '@latent/tensor';
import {
  type CommonOptions,
  commonChecks,
  describeNetwork,
  type EventOptions,
  eventOf,
  networkOption,
  resolveNetwork,
} from '../model/options.ts';
import { askedPerNumber } from '../reconstruction/head.ts';
import { likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';

/** What a hierarchical VAE is made of. Lists go from the rows up: the last level is the top, which is drawn first. */
export interface HierarchicalVaeOptions extends CommonOptions {
  /** Of each level the layers from the level below to its features, the first from the rows; 2 to 8 levels, of layers as data. */
  readonly encoder: readonly NetworkSpec[];
  /**
   * Latents of each level. Of features that are a line of numbers, so many numbers; of features with places (pixels, steps), so many
   * at each place.
   */
  readonly latentSizes: readonly number[];
  /** Of each level the layers from its features back to those of the level below, the first to the head; mirrored by default. */
  readonly decoder?: readonly NetworkSpec[];
  /** Of every layer that names none, and within levels; 'elu' by default. */
  readonly activation?: ActivationName;
  /** p(x | z). */
  readonly reconstruction: ReconstructionDistribution;
  /** Weight of the KL; 1 by default. */
  readonly beta?: number;
  /** Epochs over which that weight rises from 0, without which the upper levels are seldom used (Sønderby et al. 2016); 10 by default. */
  readonly warmUp?: number;
  /** Nats that each level may carry for free: Σₗ max(λ, mean KLₗ) (Kingma et al. 2016); 0 by default. */
  readonly freeBits?: number;
}

const levels = { min: 2, max: 8 };
const checks = {
  ...commonChecks,
  encoder: /* @__PURE__ */ list(networkOption, levels),
  latentSizes: /* @__PURE__ */ list(whole({ min: 1 }), levels),
  decoder: /* @__PURE__ */ optional(list(networkOption, levels)),
  activation: /* @__PURE__ */ optional(activationCheck, 'elu' as const),
  reconstruction: /* @__PURE__ */ partOf(likelihoods, 'bernoulli() or gaussian()'),
  beta: /* @__PURE__ */ optional(real({ min: 0 }), 1),
  warmUp: /* @__PURE__ */ optional(real({ min: 0 }), 10),
  freeBits: /* @__PURE__ */ optional(real({ min: 0 }), 0),
};

/** One level with what its networks make. */
export interface LevelOptions {
  readonly encoder: readonly LayerSpec[];
  readonly decoder: readonly LayerSpec[];
  /** Of the features below, which the encoder takes, and of its own. */
  readonly below: Shape;
  readonly features: Shape;
  /** Latents of each place. */
  readonly latentSize: number;
}

/** The options with their defaults. */
export interface ResolvedHierarchicalOptions {
  readonly event: Shape;
  readonly levels: readonly LevelOptions[];
  readonly activation: ActivationName;
  readonly reconstruction: ReconstructionDistribution;
  readonly beta: number;
  readonly warmUp: number;
  readonly freeBits: number;
  readonly transform: Transform | FittedTransform | null;
  readonly seed: number;
}

const CALLER = 'HierarchicalVae';

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveHierarchicalOptions(options: HierarchicalVaeOptions): ResolvedHierarchicalOptions {
  const checked = checkOptions(CALLER, options, checks);
  const event = eventOf(CALLER, checked as EventOptions);
  const { activation, reconstruction, beta, warmUp, freeBits, transform, seed, latentSizes } = checked;
  reconstruction.paramCount(sizeOf(event));
  for (const [name, { length }] of Object.entries({ latentSizes, decoder: checked.decoder ?? checked.encoder })) {
    if (length !== checked.encoder.length) {
      throw new ValueError(
        `${CALLER}: ${name} must have one entry for each of the ${checked.encoder.length} levels of the encoder, got ${length}`,
      );
    }
  }
  let below = event;
  const levels = checked.encoder.map((spec, l): LevelOptions => {
    const path = `encoder[${l}]`;
    const encoder = layersOf(spec, path);
    const shapes = shapesOf(path, encoder, below);
    const features = shapes.at(-1) as Shape;
    const given = checked.decoder?.[l];
    const decoder =
      given !== undefined
        ? layersOf(given, `decoder[${l}]`)
        : l === 0
          ? mirrored(encoder, event, rowsOf(event, reconstruction))
          : wayBack(encoder, shapes);
    if (l > 0) {
      const made = shapesOf(`decoder[${l}]`, decoder, features).at(-1) as Shape;
      if (!sameShape(made, below)) {
        throw new ValueError(
          `${CALLER}: decoder[${l}] must lead back to the features of the level below, ${formatShape(below)}, got ${formatShape(made)}`,
        );
      }
    }
    const level = { encoder, decoder, below, features, latentSize: latentSizes[l] as number };
    below = features;
    return level;
  });
  return { event, levels, activation, reconstruction, beta, warmUp, freeBits, transform, seed };
}

function rowsOf(event: Shape, reconstruction: ReconstructionDistribution) {
  const count = askedPerNumber(reconstruction);
  return { event, ...(count !== undefined && { count }) };
}

/** All layers undone, the last first. */
function wayBack(encoder: readonly LayerSpec[], shapes: readonly Shape[]): readonly LayerSpec[] {
  return encoder
    .map((spec, i) => spec.mirror(shapes[i] as Shape))
    .reverse()
    .flat();
}

function layersOf(spec: NetworkSpec, path: string): readonly LayerSpec[] {
  const network = resolveNetwork(spec, { dropout: 0, layerNorm: false }, { caller: CALLER, path });
  if (!Array.isArray(network)) {
    throw new ValueError(`${CALLER}: ${path} must be a list of layers; levels are saved as data`);
  }
  return network as readonly LayerSpec[];
}

/** The options as plain data, for the file: what `resolveHierarchicalOptions` takes. */
export function describeHierarchical(options: ResolvedHierarchicalOptions): Readonly<Record<string, unknown>> {
  const { levels, reconstruction, transform, ...plain } = options;
  return {
    ...plain,
    encoder: levels.map(({ encoder }) => describeNetwork(encoder)),
    decoder: levels.map(({ decoder }) => describeNetwork(decoder)),
    latentSizes: levels.map(({ latentSize }) => latentSize),
    reconstruction: reconstruction.config(),
    transform: transform?.config() ?? null,
  };
}
