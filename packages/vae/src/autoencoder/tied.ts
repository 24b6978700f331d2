import { type Linear, layerParameter, Module } from '@latent/nn';
import { add, full, matmul, type Tensor } from '@latent/tensor';

/** The way back through a dense layer: h·W + c with that layer's weight and a bias of its own. */
export class TiedLinear extends Module {
  /** The visible bias. */
  readonly bias: Tensor;
  readonly #layer: Linear;

  constructor(layer: Linear, visibleBias: number) {
    super();
    this.#layer = layer;
    const shape = [layer.inFeatures];
    this.bias = layerParameter('bias', shape, () => full(shape, visibleBias));
  }

  override get type(): string {
    return 'TiedLinear';
  }

  forward(x: Tensor): Tensor {
    return add(matmul(x, this.#layer.weight), this.bias);
  }
}
