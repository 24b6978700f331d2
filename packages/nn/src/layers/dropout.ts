import { checkOptions, checkTensor, div, mul, type Rng, real, type Tensor } from '@latent/tensor';
import { Module } from '../module/module.ts';
import { drawing } from '../registry/generator.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

/** A check for a share that may be dropped. */
export const rateCheck = /* @__PURE__ */ real({ min: 0, below: 1 });

/**
 * Sets each value to 0 with probability `rate` while training and divides the rest by 1 − rate (Srivastava et al. 2014);
 * does nothing in `eval()`. Every call draws a new mask from the generator.
 */
export class Dropout extends Module {
  readonly rate: number;
  readonly rng: Rng;

  constructor(rate: number, options: { readonly rng: Rng }) {
    super();
    this.rate = rateCheck(rate, { caller: 'Dropout', path: 'rate' });
    this.rng = checkOptions('Dropout', options, drawing).rng;
  }

  override get type(): string {
    return 'Dropout';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
    if (!this.training || this.rate === 0) return x;
    const keep = this.rng.bernoulli(x.shape, { p: 1 - this.rate, dtype: x.dtype });
    return mul(x, div(keep, 1 - this.rate));
  }
}

export const dropoutLayer = /* @__PURE__ */ layers.known('dropout', {
  options: { rate: rateCheck },
  build: ({ rate }) => sameShapeLayer((_input, { noise }) => [new Dropout(rate, { rng: noise })]),
});

/** `Dropout` as a layer of a network. */
export function dropout(rate: number): LayerSpec {
  return dropoutLayer.make({ rate });
}
