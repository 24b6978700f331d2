import { div, mul, type Rng, type Tensor, ValueError } from '@latent/tensor';
import { Module } from '../module.ts';

/**
 * Sets each value to 0 with probability `rate` while training and divides the rest by 1 − rate (Srivastava et al. 2014);
 * does nothing in `eval()`. Every call draws a new mask from the generator.
 */
export class Dropout extends Module {
  readonly rate: number;
  readonly rng: Rng;

  constructor(rate: number, options: { readonly rng: Rng }) {
    super();
    if (!(rate >= 0 && rate < 1)) throw new ValueError(`Dropout: the rate must be at least 0 and below 1, got ${rate}`);
    this.rate = rate;
    this.rng = options.rng;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.rate === 0) return x;
    const keep = this.rng.bernoulli(x.shape, { p: 1 - this.rate, dtype: x.dtype });
    return mul(x, div(keep, 1 - this.rate));
  }
}
