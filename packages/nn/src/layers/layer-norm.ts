import {
  add,
  checkOptions,
  checkTensor,
  formatShape,
  mul,
  ones,
  optional,
  real,
  rsqrt,
  ShapeError,
  sub,
  type Tensor,
  whole,
  zeros,
} from '@latent/tensor';
import { Module } from '../module/module.ts';
import { layerParameter } from '../module/role.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

/** Of a `LayerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
}

const checks = { epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1e-5) };

/** (x − mean)/√(variance + ε)·weight + bias over the last axis (Ba et al. 2016). Parameters `weight` and `bias` [features]. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;

  constructor(features: number, options: LayerNormOptions = {}) {
    super();
    whole({ min: 1 })(features, { caller: 'LayerNorm', path: 'features' });
    this.epsilon = checkOptions('LayerNorm', options, checks).epsilon;
    this.weight = layerParameter('scale', [features], () => ones([features]));
    this.bias = layerParameter('bias', [features], () => zeros([features]));
  }

  override get type(): string {
    return 'LayerNorm';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (x.shape[x.shape.length - 1] !== this.weight.size) {
      throw new ShapeError(`LayerNorm: expected last axis ${this.weight.size}, got ${formatShape(x.shape)}`);
    }
    const centred = sub(x, x.mean({ axis: -1, keepDims: true }));
    const variance = centred.square().mean({ axis: -1, keepDims: true });
    return add(mul(mul(centred, rsqrt(add(variance, this.epsilon))), this.weight), this.bias);
  }
}

export const layerNormLayer = /* @__PURE__ */ layers.known('layerNorm', {
  options: checks,
  build: ({ epsilon }) => sameShapeLayer((input) => [new LayerNorm(input.at(-1) ?? 1, { epsilon })]),
});

/** `LayerNorm` over the last axis, as a layer of a network. */
export function layerNorm(options: LayerNormOptions = {}): LayerSpec {
  return layerNormLayer.make(options);
}
