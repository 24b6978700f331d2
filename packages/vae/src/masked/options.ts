import { type ActivationName, activationCheck, type LayerSpec, type NetworkSpec, partOf } from '@latent/nn';
import { checkOptions, list, optional, type Place, real, ValueError, whole } from '@latent/tensor';
import {
  type CommonOptions,
  commonChecks,
  describeNetwork,
  type Network,
  networkOption,
  resolveNetwork,
} from '../model/options.ts';
import { likelihoods, type ReconstructionDistribution } from '../reconstruction/likelihood.ts';
import { squaredError } from '../reconstruction/squared-error.ts';

/** What a masked autoencoder is made of. */
export interface MaskedAutoencoderOptions extends Omit<CommonOptions, 'event'> {
  /** Columns of a row. */
  readonly inputSize: number;
  /** The encoder: a list of layers, or a module of your own; it sees the values and which of them are there. */
  readonly encoder: NetworkSpec;
  /** From the code to the head; the encoder's hidden layers in reverse by default. */
  readonly decoder?: NetworkSpec;
  /** Of every layer that names none; 'relu' by default. */
  readonly activation?: ActivationName;
  /** Share of a row's cells that is hidden while training, drawn for each row between the two; [0.1, 0.9] by default. */
  readonly hide?: readonly [low: number, high: number];
  /** Weight of the cells that were not hidden, which are easy to give back; 0 by default. */
  readonly visibleWeight?: number;
  /** p(x | what is seen); squaredError() by default. */
  readonly reconstruction?: ReconstructionDistribution;
}

const share = /* @__PURE__ */ real({ min: 0, max: 1 });
const checks = {
  ...commonChecks,
  event: /* @__PURE__ */ optional((_value: unknown, { caller }: Place): undefined => {
    throw new ValueError(`${caller}: cells are columns of a row; give their number as inputSize`);
  }),
  inputSize: /* @__PURE__ */ whole({ min: 1 }),
  encoder: networkOption,
  decoder: /* @__PURE__ */ optional(networkOption),
  activation: /* @__PURE__ */ optional(activationCheck, 'relu' as const),
  hide: /* @__PURE__ */ optional(list(share, { min: 2, max: 2 })),
  visibleWeight: /* @__PURE__ */ optional(real({ min: 0 }), 0),
  reconstruction: /* @__PURE__ */ optional(partOf(likelihoods, 'bernoulli() or gaussian()')),
};

/** The options with their defaults, and networks as lists of layers. */
export type ResolvedMaskedOptions = ReturnType<typeof resolveMaskedOptions>;

const CALLER = 'MaskedAutoencoder';

/** The options with their defaults; throws a `ValueError` that names the one that cannot be. */
export function resolveMaskedOptions(options: MaskedAutoencoderOptions) {
  const { event: _, ...checked } = checkOptions(CALLER, options, checks);
  const { hide = [0.1, 0.9], reconstruction = squaredError() } = checked;
  const [low, high] = hide as readonly [number, number];
  if (low > high || high === 0) {
    throw new ValueError(
      `${CALLER}: hide must be two shares, the first no larger and the second above 0, got [${low}, ${high}]`,
    );
  }
  reconstruction.paramCount(checked.inputSize);
  if (reconstruction.whileTraining !== undefined) {
    throw new ValueError(
      `${CALLER}: this ${reconstruction.name} learns from whole rows; take one whose parameters the network gives, such as gaussian()`,
    );
  }
  const plain = { dropout: 0, layerNorm: false };
  const encoder: Network = resolveNetwork(checked.encoder, plain, { caller: CALLER, path: 'encoder' });
  if (Array.isArray(encoder) && encoder.length === 0) {
    throw new ValueError(`${CALLER}: encoder needs at least one layer, the code`);
  }
  if (checked.decoder === undefined && !Array.isArray(encoder)) {
    throw new ValueError(`${CALLER}: a module as encoder has no mirror image; give a decoder`);
  }
  const decoder: Network =
    checked.decoder === undefined
      ? mirroredHidden(encoder as readonly LayerSpec[], checked.inputSize)
      : resolveNetwork(checked.decoder, plain, { caller: CALLER, path: 'decoder' });
  return { ...checked, hide: [low, high] as const, reconstruction, encoder, decoder };
}

/** The way back through all layers but the first, from which a head goes on to the columns. */
function mirroredHidden(encoder: readonly LayerSpec[], inputSize: number): readonly LayerSpec[] {
  let shape: readonly number[] = [2 * inputSize];
  const ways = encoder.map((spec) => {
    const way = spec.mirror(shape);
    shape = spec.outShape(shape);
    return way;
  });
  return ways.slice(1).reverse().flat();
}

/** The options as plain data, for the file. */
export function describeMasked(options: ResolvedMaskedOptions): Readonly<Record<string, unknown>> {
  const { encoder, decoder, reconstruction, transform, ...plain } = options;
  return {
    ...plain,
    encoder: describeNetwork(encoder),
    decoder: describeNetwork(decoder),
    reconstruction: reconstruction.config(),
    transform: transform?.config() ?? null,
  };
}
