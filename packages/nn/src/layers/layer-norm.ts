import { parameter } from '@latent/autograd';
import { add, formatShape, mul, ones, rsqrt, ShapeError, sub, type Tensor, zeros } from '@latent/tensor';
import { Module } from '../module.ts';

/** (x − mean)/√(variance + ε)·weight + bias over the last axis (Ba et al. 2016). Parameters `weight` and `bias` [features]. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;

  constructor(features: number, options: { readonly epsilon?: number } = {}) {
    super();
    this.weight = parameter(ones([features]));
    this.bias = parameter(zeros([features]));
    this.epsilon = options.epsilon ?? 1e-5;
  }

  forward(x: Tensor): Tensor {
    if (x.shape[x.shape.length - 1] !== this.weight.size) {
      throw new ShapeError(`LayerNorm: expected last axis ${this.weight.size}, got ${formatShape(x.shape)}`);
    }
    const centred = sub(x, x.mean({ axis: -1, keepDims: true }));
    const variance = centred.square().mean({ axis: -1, keepDims: true });
    return add(mul(mul(centred, rsqrt(add(variance, this.epsilon))), this.weight), this.bias);
  }
}
