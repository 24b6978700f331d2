import { noGrad } from '@latent/autograd';
import {
  type Check,
  checkOptions,
  describeValue,
  formatShape,
  LatentError,
  list,
  optional,
  type Rng,
  type Shape,
  sameShape,
  sizeOf,
  Tensor,
  UsageError,
  ValueError,
  whole,
  zeros,
} from '@latent/tensor';
import { type ActivationName, activationCheck } from '../layers/activation.ts';
import { dense } from '../layers/dense.ts';
import { type LayerSpec, layers } from '../layers/layer-spec.ts';
import { Sequential } from '../layers/sequential.ts';
import { reshape } from '../layers/shape.ts';
import { inLayer, type Layer, Module, scoring } from '../module/module.ts';
import { generatorCheck } from '../registry/generator.ts';
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
  const layer = partOf(layers, 'dense(64)');
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

/** What a module of the user's makes of a row: found by giving it one of zeros, as a score, which leaves it as it is. */
export function probedShape(path: string, module: Layer, input: Shape): Shape {
  const made: unknown = inLayer(path, () => scoring(() => noGrad(() => module.forward(zeros([1, ...input])))));
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

/** What a mirrored decoder is to make. */
export interface MirroredRows {
  /** The shape of its rows; the encoder's by default. */
  readonly event?: Shape;
  /** Numbers for each number of a row, which the way back through the first layer makes at once where it can. */
  readonly count?: number;
}

/**
 * The layers of a decoder that mirrors an encoder: the way back from what its last layer makes through each of its layers.
 * What keeps the shape and has no way back is passed by, and so are layers at the beginning that only give rows another shape.
 * The first layer beyond those with a way back, or that changes the shape, is undone by its `head`, where it has one; else it is
 * left to whom the decoder is for.
 */
export function mirrored(
  encoder: readonly LayerSpec[],
  input: Shape,
  { event = input, count }: MirroredRows = {},
): readonly LayerSpec[] {
  const shapes = shapesOf('encoder', encoder, input);
  const ways = encoder.map((spec, i) => spec.mirror(shapes[i] as Shape));
  const changes = (i: number): boolean => !sameShape(shapes[i] as Shape, shapes[i + 1] as Shape);
  const first = encoder.findIndex(({ shapeOnly }, i) => !shapeOnly && ((ways[i] as object[]).length > 0 || changes(i)));
  if (first < 0) return [];
  const reshaped = encoder.slice(0, first).some((_, i) => changes(i));
  const head = encoder[first]?.head?.(reshaped ? (shapes[first] as Shape) : event, count) ?? [];
  return [
    ...ways
      .slice(first + 1)
      .reverse()
      .flat(),
    ...head,
  ];
}

/** The layers from a code that is a line of numbers to what an encoder's last layer makes. */
export function opening(encoder: readonly LayerSpec[], input: Shape): readonly LayerSpec[] {
  const out = shapesOf('encoder', encoder, input).at(-1) as Shape;
  const last = encoder.at(-1);
  if (last === undefined) return [];
  return last.name === 'dense' && out.length === 1
    ? last.mirror(out)
    : [dense(sizeOf(out)), ...(out.length > 1 ? [reshape(out)] : [])];
}

/**
 * Whether an encoder makes the same code, by the same weights, of rows of shape [steps, …] with fewer steps than `input` has:
 * then batches need be padded to their longest row only. A module of the user's is not asked.
 */
export function encodesAnySteps(spec: readonly LayerSpec[] | Layer, input: Shape): boolean {
  if (!Array.isArray(spec) || spec[0]?.anySteps !== true) return false;
  const [steps = 1, ...rest] = input;
  const code = (of: Shape): string => String(shapesOf('encoder', spec as readonly LayerSpec[], of).at(-1));
  return worksAnySteps(spec as readonly LayerSpec[], input) && (steps === 1 || code([1, ...rest]) === code(input));
}

/** Whether a decoder can make rows of fewer steps than it was made for of a code of this shape. */
export function decodesAnySteps(spec: readonly LayerSpec[] | Layer, code: Shape): boolean {
  return Array.isArray(spec) && worksAnySteps(spec as readonly LayerSpec[], code);
}

function worksAnySteps(specs: readonly LayerSpec[], input: Shape): boolean {
  const shapes = shapesOf('network', specs, input);
  return specs.every((layer, i) => layer.anySteps === true || (shapes[i] as Shape).length === 1);
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
    rng: generatorCheck,
    activation: optional(activationCheck, 'relu' as const),
  });
  const [noise] = rng.split(1) as [Rng];
  const checked = networkCheck()(spec, { caller: 'network', path: 'layers' });
  return buildNetwork('network', checked, input, { weights: rng, noise, activation }).module;
}
