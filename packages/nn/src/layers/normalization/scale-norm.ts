import {
  checkOptions,
  checkTensor,
  div,
  formatShape,
  maximum,
  mul,
  optional,
  real,
  ShapeError,
  sqrt,
  type Tensor,
  tensor,
  whole,
} from '@latent/tensor';
import { Module } from '../../module/module.ts';
import { layerParameter } from '../../module/role.ts';
import { type LayerSpec, layers, sameShapeLayer } from '../layer-spec.ts';

/** Of a `ScaleNorm`. */
export interface ScaleNormOptions {
  /** The least length that is divided by, at least 1e-15, whose square single precision still holds; 1e-5 by default. */
  readonly epsilon?: number;
}

const checks = { epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 1e-15 }), 1e-5) };

/**
 * x/max(‖x‖, ε)·weight over the last axis, ‖x‖ its Euclidean length (Nguyen & Salazar 2019, "Transformers without Tears").
 * One number for all features: parameter `weight` [1], at first √features.
 */
export class ScaleNorm extends Module {
  readonly features: number;
  readonly weight: Tensor;
  readonly epsilon: number;

  constructor(features: number, options: ScaleNormOptions = {}) {
    super();
    this.features = whole({ min: 1 })(features, { caller: 'ScaleNorm', path: 'features' });
    this.epsilon = checkOptions('ScaleNorm', options, checks).epsilon;
    this.weight = layerParameter('scale', [1], () => tensor([Math.sqrt(features)]));
  }

  override get type(): string {
    return 'ScaleNorm';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (x.shape.at(-1) !== this.features) {
      throw new ShapeError(`ScaleNorm: expected last axis ${this.features}, got ${formatShape(x.shape)}`);
    }
    // The maximum is of squares: a root has no gradient at 0.
    const square = x.square().sum({ axis: -1, keepDims: true });
    return mul(div(x, sqrt(maximum(square, this.epsilon ** 2))), this.weight);
  }
}

export const scaleNormLayer = /* @__PURE__ */ layers.known('scaleNorm', {
  options: checks,
  build: ({ epsilon }) => sameShapeLayer((input) => [new ScaleNorm(input.at(-1) ?? 1, { epsilon })]),
});

/** `ScaleNorm` over the last axis, as a layer of a network. */
export function scaleNorm(options: ScaleNormOptions = {}): LayerSpec {
  return scaleNormLayer.make(options);
}
