import { noGrad } from '@latent/autograd';
import {
  type Check,
  checkOptions,
  describeValue,
  formatShape,
  instance,
  LatentError,
  list,
  optional,
  Rng,
  type Shape,
  sizeOf,
  Tensor,
  UsageError,
  ValueError,
  whole,
  zeros,
} from '@latent/tensor';
import { type ActivationName, activationCheck } from '../layers/activation.ts';
import { dense } from '../layers/dense.ts';
import type { LayerSpec } from '../layers/layer-spec.ts';
import { Sequential } from '../layers/sequential.ts';
import { reshape } from '../layers/shape.ts';
import { knownLayers } from '../layers/standard.ts';
import { inLayer, type Layer, Module } from '../module/module.ts';
import { partOf } from '../registry/registry.ts';

/** A network as data: layers one after the other; a number is short for `dense(number)`. Or a module of your own. */
export type NetworkSpec = readonly (number | LayerSpec)[] | Layer;

/** Layers that a file's list may have at most. */
const MOST_LAYERS = 1000;

/** What a network is built with. */
export interface NetworkContext {
  readonly weights: Rng;
  readonly noise: Rng;
  /** Of layers that were not told which: one for all, or one for each layer of the list. */
  readonly activation: ActivationName | readonly ActivationName[];
}

/** A check for a network: its list with every number made a layer, or a module with a `forward`. */
export function networkCheck(): Check<readonly LayerSpec[] | Layer> {
  const layer = partOf(knownLayers, 'dense(64)');
  return (value, at) => {
    if (isLayer(value)) return value;
    if (!Array.isArray(value)) {
      throw new ValueError(
        `${at.caller}: ${at.path} must be a list of layers such as [400, dense(20)], or a module with forward(x), got ${describeValue(value)}`,
      );
    }
    if (value.length > MOST_LAYERS) {
      throw new ValueError(`${at.caller}: ${at.path} must have at most ${MOST_LAYERS} layers, got ${value.length}`);
    }
    return Array.from(value, (item: unknown, i) => {
      const place = { caller: at.caller, path: `${at.path}[${i}]` };
      if (typeof item !== 'number') return layer(item, place);
      if (!Number.isSafeInteger(item) || item < 1) {
        throw new ValueError(`${at.caller}: ${place.path} must be a whole number ≥ 1, got ${describeValue(item)}`);
      }
      return dense(item);
    });
  };
}

function isLayer(value: unknown): value is Layer {
  return value instanceof Module && typeof (value as unknown as Partial<Layer>).forward === 'function';
}

/** The shapes of rows before, between and after the layers. An error names the layer. */
export function shapesOf(path: string, specs: readonly LayerSpec[], input: Shape): readonly Shape[] {
  const shapes: Shape[] = [input];
  specs.forEach((spec, i) => {
    try {
      shapes.push(spec.outShape(shapes[i] as Shape));
    } catch (error) {
      if (!(error instanceof LatentError)) throw error;
      throw new ValueError(
        `${path}[${i}], ${spec.name} on rows of ${formatShape(shapes[i] as Shape)}: ${error.message}`,
      );
    }
  });
  return shapes;
}

/** A network that is there: its layers, and the shape of the rows that come out. */
export interface BuiltNetwork {
  readonly module: Layer;
  readonly shape: Shape;
}

/** Builds a network for rows of shape `input`. */
export function buildNetwork(
  path: string,
  spec: readonly LayerSpec[] | Layer,
  input: Shape,
  { weights, noise, activation }: NetworkContext,
): BuiltNetwork {
  if (!Array.isArray(spec)) return { module: spec as Layer, shape: probedShape(path, spec as Layer, input) };
  const specs = spec as readonly LayerSpec[];
  if (typeof activation !== 'string' && activation.length !== specs.length) {
    throw new ValueError(
      `${path}: activations must be one name or ${specs.length}, one for each layer, got ${activation.length}`,
    );
  }
  const shapes = shapesOf(path, specs, input);
  const built = specs.flatMap((layer, i) =>
    layer.build(shapes[i] as Shape, {
      weights,
      noise,
      activation: typeof activation === 'string' ? activation : (activation[i] as ActivationName),
    }),
  );
  return { module: new Sequential(...built), shape: shapes.at(-1) as Shape };
}

/** What a module of the user's makes of a row: found by giving it one of zeros. */
export function probedShape(path: string, module: Layer, input: Shape): Shape {
  const made: unknown = inLayer(path, () => noGrad(() => module.forward(zeros([1, ...input]))));
  if (!(made instanceof Tensor)) {
    throw new UsageError(`${path}: forward must return a tensor, got ${describeValue(made)}`);
  }
  const { shape } = made;
  if (shape[0] !== 1 || shape.length < 2) {
    throw new UsageError(
      `${path}: forward must keep the first axis, the rows, and return [rows, …]; of ${formatShape([1, ...input])} it made ${formatShape(shape)}`,
    );
  }
  return shape.slice(1);
}

/**
 * The layers of a decoder that mirrors an encoder: from a code to what the encoder's last layer made, then the way back
 * through each of its layers but the first, which is the head's to undo.
 */
export function mirrored(encoder: readonly LayerSpec[], input: Shape): readonly LayerSpec[] {
  const shapes = shapesOf('encoder', encoder, input);
  const last = encoder.at(-1);
  if (last === undefined) return [];
  const back = encoder.flatMap((spec, i) => (i === 0 ? [] : [spec.mirror(shapes[i] as Shape)])).reverse();
  const out = shapes.at(-1) as Shape;
  const opening =
    last.name === 'dense' ? last.mirror(out) : [dense(sizeOf(out)), ...(out.length > 1 ? [reshape(out)] : [])];
  return [...opening, ...back.flat()];
}

/** Whether two networks are the same list. */
export function sameNetwork(a: readonly LayerSpec[], b: readonly LayerSpec[]): boolean {
  return JSON.stringify(a.map((spec) => spec.config())) === JSON.stringify(b.map((spec) => spec.config()));
}

/**
 * The layers of a list as a module, for training loops of your own: `network([16, dense(1, { activation: 'identity' })], {
 * input: [4], rng })`. `activation` is of layers that name none, 'relu' by default; dropout draws from a child of `rng`.
 */
export function network(
  spec: NetworkSpec,
  options: { readonly input: Shape; readonly rng: Rng; readonly activation?: ActivationName },
): Layer {
  const { input, rng, activation } = checkOptions('network', options, {
    input: list(whole({ min: 1 }), { min: 1 }),
    rng: instance<Rng>('a generator: new Rng(seed)', (value) => value instanceof Rng),
    activation: optional(activationCheck, 'relu' as const),
  });
  const [noise] = rng.split(1) as [Rng];
  const checked = networkCheck()(spec, { caller: 'network', path: 'layers' });
  return buildNetwork('network', checked, input, { weights: rng, noise, activation }).module;
}
