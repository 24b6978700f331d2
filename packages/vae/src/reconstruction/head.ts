import { type ActivationName, type Layer, type LayerSpec, Linear, Module, shapesOf } from '@latent/nn';
import { type Rng, type Shape, sameShape, sizeOf, type Tensor } from '@latent/tensor';
import type { Head, ReconstructionDistribution } from './likelihood.ts';
import { isStepwise } from './per-step.ts';

/** The numbers of each number of a row that a decoder may give place by place; 0 where it must give them row by row. */
function perPlace(count: number, event: Shape, { perColumn }: Pick<ReconstructionDistribution, 'perColumn'>): number {
  const each = count / sizeOf(event);
  return each === 1 || each === perColumn ? each : 0;
}

/** What a mirrored decoder is to make of each number of a row; undefined where it cannot know. */
export function askedPerNumber({ perColumn, head }: ReconstructionDistribution): number | undefined {
  return perColumn === undefined || head === undefined ? perColumn : 1;
}

/**
 * The channels that each place of an event has ([height, width, …] of images, [steps, …] of series) where rows of shape
 * `decoded` have its places: null where they have not. An event that is a line of numbers has the places of rows that have
 * `each` numbers for each of its own.
 */
function channelsOf(decoded: Shape, event: Shape, each: number): number | null {
  if (decoded.length < 2 || each === 0) return null;
  const given = decoded.at(-1) as number;
  if (event.length === 1) return sizeOf(decoded) === each * sizeOf(event) && given % each === 0 ? given / each : null;
  const samePlaces = decoded.length === event.length && sameShape(decoded.slice(0, -1), event.slice(0, -1));
  return samePlaces ? (event.at(-1) as number) : null;
}

/** Whether a decoder makes something of each step of an event [steps, …]. */
export function makesSteps(decoded: Shape, event: Shape): boolean {
  return decoded.length === 2 && decoded[0] === event[0];
}

/**
 * From what a decoder makes of rows to the parameters of their distribution. Where it makes something of each place of an
 * event (each pixel, each step) that has as many channels as there are parameters, these are the parameters; where it has other
 * channels, one linear layer serves all places; else a linear layer sees the row as a line.
 */
export function buildHead(decoded: Shape, event: Shape, distribution: ReconstructionDistribution, rng: Rng): Head {
  if (isStepwise(distribution) && makesSteps(decoded, event)) {
    const { ofStep, stepWidth } = distribution;
    const emitStep = (count: number): Head => new Linear(decoded[1] as number, count, { rng });
    return new StepHead(ofStep.head?.(emitStep, stepWidth) ?? emitStep(ofStep.paramCount(stepWidth)));
  }
  const emit = (count: number): Head => {
    const each = perPlace(count, event, distribution);
    const channels = channelsOf(decoded, event, each);
    if (channels === null) return new RowHead(decoded, count, rng);
    const given = decoded.at(-1) as number;
    return given === each * channels ? new ChannelHead(each) : new PlaceHead(given, each, channels, rng);
  };
  return distribution.head?.(emit, sizeOf(event)) ?? emit(distribution.paramCount(sizeOf(event)));
}

/**
 * The activations of a decoder's layers that name none: the given one or ones, but none for a last layer that gives the
 * parameters themselves.
 */
export function decoderActivations(
  decoder: readonly LayerSpec[] | Layer,
  code: Shape,
  event: Shape,
  distribution: ReconstructionDistribution,
  activation: ActivationName | readonly ActivationName[],
): ActivationName | readonly ActivationName[] {
  if (!Array.isArray(decoder) || typeof activation !== 'string') return activation;
  const specs = decoder as readonly LayerSpec[];
  const decoded = shapesOf('decoder', specs, code).at(-1) as Shape;
  const size = sizeOf(event);
  const count = distribution.head === undefined ? distribution.paramCount(size) : size;
  const each = perPlace(count, event, distribution);
  const channels = channelsOf(decoded, event, each);
  const isHead = channels !== null && decoded.at(-1) === each * channels;
  return isHead ? specs.map((_, i) => (i === specs.length - 1 ? 'identity' : activation)) : activation;
}

/** What is there of each step to that step's parameters: [rows, steps, channels] → [rows, steps·parameters]. */
class StepHead extends Module {
  readonly step: Head;

  constructor(step: Head) {
    super();
    this.step = step;
  }

  override get type(): string {
    return 'StepHead';
  }

  forward(x: Tensor): Tensor {
    const [rows = 0, steps = 1] = x.shape;
    const params = this.step.forward(x);
    return params.reshape([rows, steps * (params.shape.at(-1) as number)]);
  }
}

/** All numbers of a row to all parameters. */
class RowHead extends Linear {
  constructor(decoded: Shape, count: number, rng: Rng) {
    super(sizeOf(decoded), count, { rng });
  }

  override forward(x: Tensor): Tensor {
    return super.forward(x.reshape([x.shape[0] ?? 0, this.inFeatures]));
  }
}

/** [rows, …places, each·channels], the first of every channel before the second, as [rows, each·places·channels]. */
function asColumns(x: Tensor, each: number): Tensor {
  const [rows = 0] = x.shape;
  const perRow = x.shape.slice(1).reduce((a, b) => a * b, 1);
  if (each === 1) return x.reshape([rows, perRow]);
  const channels = (x.shape.at(-1) as number) / each;
  const places = perRow / (each * channels);
  return x.reshape([rows, places, each, channels]).transpose([0, 2, 1, 3]).reshape([rows, perRow]);
}

/** Channels that are parameters. */
class ChannelHead extends Module {
  readonly each: number;

  constructor(each: number) {
    super();
    this.each = each;
  }

  override get type(): string {
    return 'ChannelHead';
  }

  forward(x: Tensor): Tensor {
    return asColumns(x, this.each);
  }
}

/** The channels of each place to the parameters of that place. */
class PlaceHead extends Linear {
  readonly #each: number;

  constructor(given: number, each: number, channels: number, rng: Rng) {
    super(given, each * channels, { rng });
    this.#each = each;
  }

  override forward(x: Tensor): Tensor {
    return asColumns(super.forward(x), this.#each);
  }
}
