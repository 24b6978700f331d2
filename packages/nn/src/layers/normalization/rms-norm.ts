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
  type Tensor,
  whole,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers, sameShapeLayer } from '../layer-spec.ts';

/** Of an `RmsNorm`. */
export interface RmsNormOptions {
  /** Added to the mean square; 1e-6 by default. */
  readonly epsilon?: number;
}

const checks = { epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ above: 0 }), 1e-6) };

/** x/√(mean of x² + ε)·weight over the last axis (Zhang & Sennrich 2019). Parameter `weight` [features]. */
export class RmsNorm extends Module {
  readonly weight: Tensor;
  readonly epsilon: number;

  constructor(features: number, options: RmsNormOptions = {}) {
    super();
    whole({ min: 1 })(features, { caller: 'RmsNorm', path: 'features' });
    this.epsilon = checkOptions('RmsNorm', options, checks).epsilon;
    this.weight = layerParameter('scale', [features], () => ones([features]));
  }

  override get type(): string {
    return 'RmsNorm';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (x.shape.at(-1) !== this.weight.size) {
      throw new ShapeError(`RmsNorm: expected last axis ${this.weight.size}, got ${formatShape(x.shape)}`);
    }
    const square = x.square().mean({ axis: -1, keepDims: true });
    return mul(mul(x, rsqrt(add(square, this.epsilon))), this.weight);
  }
}

export const rmsNormLayer = /* @__PURE__ */ layers.known('rmsNorm', {
  options: checks,
  build: ({ epsilon }) => sameShapeLayer((input) => [new RmsNorm(input.at(-1) ?? 1, { epsilon })]),
});

/** `RmsNorm` over the last axis, as a layer of a network. */
export function rmsNorm(options: RmsNormOptions = {}): LayerSpec {
  return rmsNormLayer.make(options);
}
