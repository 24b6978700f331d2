import { checkOptions, checkTensor, div, formatShape, mul, type Rng, ShapeError, type Tensor } from '@latent/tensor';
import { Module } from '../module/module.ts';
import { drawing } from '../registry/generator.ts';
import { rateCheck } from './dropout.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

/**
 * Sets whole channels of [n, …sizes, channels] to 0 with probability `rate` while training and divides the rest by 1 − rate
 * (Tompson et al. 2015): neighbouring places tell much the same, so dropping single values would change little. Does nothing in
 * `eval()`.
 */
export class Dropout2d extends Module {
  readonly rate: number;
  readonly rng: Rng;

  constructor(rate: number, options: { readonly rng: Rng }) {
    super();
    this.rate = rateCheck(rate, { caller: 'Dropout2d', path: 'rate' });
    this.rng = checkOptions('Dropout2d', options, drawing).rng;
  }

  override get type(): string {
    return 'Dropout2d';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    const { shape } = x;
    if (shape.length < 3) throw new ShapeError(`Dropout2d: expected [n, …sizes, channels], got ${formatShape(shape)}`);
    if (!this.training || this.rate === 0) return x;
    const channels = shape.map((size, d) => (d === 0 || d === shape.length - 1 ? size : 1));
    const keep = this.rng.bernoulli(channels, { p: 1 - this.rate, dtype: x.dtype });
    return mul(x, div(keep, 1 - this.rate));
  }
}

export const dropout2dLayer = /* @__PURE__ */ layers.known('dropout2d', {
  options: { rate: rateCheck },
  build: ({ rate }) => sameShapeLayer((_input, { noise }) => [new Dropout2d(rate, { rng: noise })]),
});

/** `Dropout2d` as a layer of a network: for rows of images and series alike. */
export function dropout2d(rate: number): LayerSpec {
  return dropout2dLayer.make({ rate });
}
