import {
  elu,
  gelu,
  hardSigmoid,
  hardTanh,
  leakyRelu,
  mish,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  type Tensor,
  tanh,
  ValueError,
} from '@latent/tensor';
import { Module } from '../module.ts';

const ACTIVATIONS = {
  identity: (x: Tensor) => x,
  relu,
  leakyRelu: (x: Tensor) => leakyRelu(x),
  elu: (x: Tensor) => elu(x),
  selu,
  gelu,
  silu,
  mish,
  tanh,
  sigmoid,
  softplus,
  hardSigmoid,
  hardTanh,
} satisfies Record<string, (x: Tensor) => Tensor>;

export type ActivationName = keyof typeof ACTIVATIONS;
export const activationNames: readonly ActivationName[] = Object.keys(ACTIVATIONS) as ActivationName[];

/** An activation by name, as a layer. */
export class Activation extends Module {
  readonly name: ActivationName;
  readonly #run: (x: Tensor) => Tensor;

  constructor(name: ActivationName) {
    super();
    if (!Object.hasOwn(ACTIVATIONS, name)) {
      throw new ValueError(`activation: no activation named '${name}'; known are ${activationNames.join(', ')}`);
    }
    this.name = name;
    this.#run = ACTIVATIONS[name];
  }

  forward(x: Tensor): Tensor {
    return this.#run(x);
  }
}

export function activation(name: ActivationName): Activation {
  return new Activation(name);
}
