import { add, checkOptions, checkTensor, mul, type Rng, real, type Tensor } from '@latent/tensor';
import { Module } from '../module/module.ts';
import { drawing } from '../registry/generator.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

const stdCheck = /* @__PURE__ */ real({ min: 0 });

/**
 * Adds noise while training: x + std·n with n ~ N(0, 1), drawn anew by every call; does nothing in `eval()`. On inputs it
 * is the corruption of a denoising model, on hidden values a regulariser (Bishop 1995).
 */
export class GaussianNoise extends Module {
  readonly std: number;
  readonly rng: Rng;

  constructor(std: number, options: { readonly rng: Rng }) {
    super();
    this.std = stdCheck(std, { caller: 'GaussianNoise', path: 'std' });
    this.rng = checkOptions('GaussianNoise', options, drawing).rng;
  }

  override get type(): string {
    return 'GaussianNoise';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (!this.training || this.std === 0) return x;
    return add(x, mul(this.rng.normal(x.shape, { dtype: x.dtype }), this.std));
  }
}

export const gaussianNoiseLayer = /* @__PURE__ */ layers.known('gaussianNoise', {
  options: { std: stdCheck },
  build: ({ std }) => sameShapeLayer((_input, { noise }) => [new GaussianNoise(std, { rng: noise })]),
});

/** `GaussianNoise` as a layer of a network. */
export function noise(std: number): LayerSpec {
  return gaussianNoiseLayer.make({ std });
}
