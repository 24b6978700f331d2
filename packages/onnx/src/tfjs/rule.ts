import { type ActivationName, activation, type LayerSpec, softmax } from '@latent/nn';
import { type Shape, type Tensor, ValueError } from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import type { FoundLayer } from '../network/found.ts';
import { CALLER } from './weights.ts';

/** What a rule may ask. */
export interface TfjsLayer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Of the rows that go in. */
  readonly shape: Shape;
  /** A weight of the layer by the last part of its name (`kernel`). */
  weight(name: string): Tensor;
}

/** How a layer of TensorFlow.js becomes layers of ours; throws where it cannot. */
export type TfjsRule = (layer: TfjsLayer) => readonly FoundLayer[];

/** Activations that are ours, by the names they have there. */
const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  linear: 'identity',
  relu: 'relu',
  elu: 'elu',
  selu: 'selu',
  gelu: 'gelu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softplus: 'softplus',
  swish: 'silu',
  silu: 'silu',
  mish: 'mish',
};

/** A layer without numbers. */
export const plain = (name: string, spec: LayerSpec): FoundLayer => ({ name, spec, tensors: [] });

/** The layer that does an activation by its name there; none for a linear one. */
export function activated(name: string, value: unknown): FoundLayer[] {
  const known = typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
  if (value === 'softmax') return [plain(name, softmax())];
  if (known === undefined) {
    throw new ValueError(
      `${CALLER}: layer '${name}' has the activation ${inShort(value)}; ours are softmax, ${Object.keys(ACTIVATIONS).join(', ')}`,
    );
  }
  return known === 'identity' ? [] : [plain(name, activation(known))];
}

/** Throws unless an option has the only value that layers of ours have. */
export function only({ name, config }: TfjsLayer, option: string, value: unknown): void {
  const given = config[option];
  if (given !== undefined && given !== null && given !== value) {
    throw new ValueError(
      `${CALLER}: layer '${name}' has ${option} ${inShort(given)}; ours has ${value === undefined ? 'none' : inShort(value)}`,
    );
  }
}

/** A share or a deviation of a layer. */
export function amount({ name, config }: TfjsLayer, option: string): number {
  const value = config[option];
  if (typeof value !== 'number') throw new ValueError(`${CALLER}: layer '${name}' has no ${option}`);
  return value;
}

/** A whole number or several, one for each axis. */
export function sizes({ name, config }: TfjsLayer, option: string, axes: number, usual: number): number[] {
  const value = config[option] ?? usual;
  const list: unknown[] = Array.isArray(value) ? value : new Array<unknown>(axes).fill(value);
  if (list.length !== axes || !list.every((size) => Number.isSafeInteger(size) && (size as number) > 0)) {
    throw new ValueError(`${CALLER}: layer '${name}' has ${option} ${inShort(value)}`);
  }
  return list as number[];
}
