import {
  type Check,
  checkTensor,
  elu,
  gelu,
  hardSigmoid,
  hardTanh,
  leakyRelu,
  mish,
  oneOf,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  type Tensor,
  tanh,
} from '@latent/tensor';
import { Module } from '../module/module.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

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

/** The name of an activation, as `activationNames` lists them. */
export type ActivationName = keyof typeof ACTIVATIONS;
/** The names of all activations. */
export const activationNames: readonly ActivationName[] = /* @__PURE__ */ Object.keys(ACTIVATIONS) as ActivationName[];

/** A check for the name of an activation. */
export const activationCheck: Check<ActivationName> = (value, at) => oneOf(...activationNames)(value, at);

/** An activation by name, as a layer. */
export class Activation extends Module {
  readonly name: ActivationName;
  readonly #run: (x: Tensor) => Tensor;

  constructor(name: ActivationName) {
    super();
    this.name = activationCheck(name, { caller: 'activation', path: 'name' });
    this.#run = ACTIVATIONS[name];
  }

  override get type(): string {
    return 'Activation';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    return this.#run(x);
  }
}

export const activationLayer = /* @__PURE__ */ layers.known('activation', {
  options: { of: activationCheck },
  build: ({ of }) => sameShapeLayer(() => [new Activation(of)]),
});

/** An activation by name, as a layer of a network. */
export function activation(name: ActivationName): LayerSpec {
  return activationLayer.make({ of: name });
}
