import { parameter } from '@latent/autograd';
import { type Linear, Module } from '@latent/nn';
import { add, matmul, type Tensor } from '@latent/tensor';

/** The way back through a dense layer: h·W + c with that layer's weight and a bias of its own. */
export class TiedLinear extends Module {
  /** The visible bias. */
  readonly bias: Tensor;
  readonly #layer: Linear;

  constructor(layer: Linear, visibleBias: number) {
    super();
    this.#layer = layer;
    this.bias = parameter(new Float32Array(layer.inFeatures).fill(visibleBias));
  }

  forward(x: Tensor): Tensor {
    return add(matmul(x, this.#layer.weight), this.bias);
  }
}
