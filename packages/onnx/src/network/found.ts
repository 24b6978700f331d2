import { dense, type Layer, type LayerSpec, network, withoutFirstWeights } from '@latent/nn';
import { formatShape, Rng, type Shape, sameShape, sizeOf, type Tensor, ValueError } from '@latent/tensor';

/** A layer that was found in someone else's model, and the numbers it has there, in the order of our parameters. */
export interface FoundLayer {
  readonly spec: LayerSpec;
  readonly tensors: readonly Tensor[];
  /** What errors call it. */
  readonly name: string;
}

/** A network made of what was found. */
export interface FoundNetwork {
  readonly network: Layer;
  /** The same as data, for the encoder or decoder of a model. */
  readonly layers: readonly LayerSpec[];
  /** The shape of a row that goes in. */
  readonly input: Shape;
}

/** A dense layer without an activation of its own, from a weight [out, in] and a bias; of whole rows, or along their last axis. */
export function foundDense(name: string, weight: Tensor, bias: Tensor | null, perStep = false): FoundLayer {
  const [units = 1] = weight.shape;
  const spec = dense(units, { activation: 'identity', bias: bias !== null, ...(perStep && { perStep }) });
  return { name, spec, tensors: bias === null ? [weight] : [weight, bias] };
}

/** The layers one after the other, with their numbers. */
export function foundNetwork(caller: string, found: readonly FoundLayer[], input: Shape): FoundNetwork {
  checkWidths(caller, found, input);
  const merged = withActivations(found);
  const layers = merged.map(({ spec }) => spec);
  const count = found.reduce((sum, { tensors }) => sum + tensors.reduce((total, x) => total + x.size, 0), 0);
  const made = withoutFirstWeights(caller, count, () => network(layers, { input, rng: new Rng(0) }));
  const own = made.namedTensors();
  const given = merged.flatMap(({ name, tensors }) => tensors.map((tensor) => ({ name, tensor })));
  if (own.length !== given.length) {
    throw new ValueError(`${caller}: the layers take ${own.length} tensors, but the file has ${given.length} for them`);
  }
  const state = own.map(([path, { shape }], i): [string, Tensor] => {
    const { name, tensor } = given[i] as (typeof given)[number];
    if (!sameShape(shape, tensor.shape)) {
      throw new ValueError(
        `${caller}: ${name} has numbers of ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`,
      );
    }
    return [path, tensor];
  });
  made.loadStateDict(Object.fromEntries(state));
  return { network: made.eval() as Layer, layers, input };
}

/** Throws where the numbers of a dense layer are for rows of another size. */
function checkWidths(caller: string, found: readonly FoundLayer[], input: Shape): void {
  let shape = input;
  for (const { name, spec, tensors } of found) {
    const [weight] = tensors;
    const width = spec.config().perStep === true ? shape.at(-1) : sizeOf(shape);
    if (spec.name === 'dense' && weight?.shape[1] !== width) {
      throw new ValueError(
        `${caller}: ${name} has numbers of ${formatShape(weight?.shape ?? [])}, but takes rows of ${formatShape(shape)}`,
      );
    }
    shape = spec.outShape(shape);
  }
}

/** Dense layers with the activation that follows them as their own. */
function withActivations(found: readonly FoundLayer[]): readonly FoundLayer[] {
  const result: FoundLayer[] = [];
  for (const layer of found) {
    const before = result.at(-1);
    const { name, of } = layer.spec.config();
    const previous = before?.spec.config();
    if (name === 'activation' && previous?.name === 'dense' && previous.activation === 'identity') {
      const { units, bias, perStep } = previous as unknown as { units: number; bias: boolean; perStep?: true };
      const spec = dense(units, { activation: of as never, bias, ...(perStep && { perStep }) });
      result[result.length - 1] = { ...(before as FoundLayer), spec };
    } else result.push(layer);
  }
  return result;
}
