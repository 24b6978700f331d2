import { type Rng, type Tensor, ValueError, where } from '@latent/tensor';
import { Module } from '../module.ts';

/** What SELU tends to for x → −∞: −λα. */
const DROPPED = -1.7580993408473766;

/**
 * Dropout for SELU networks (Klambauer et al. 2017): sets each value to α′ = −λα with probability `rate` while training,
 * then maps y to a·y + b so that values of mean 0 and variance 1 keep both; does nothing in `eval()`. With q = 1 − rate:
 * a = (q + α′²·q·(1 − q))^(−½), b = −a·α′·(1 − q).
 */
export class AlphaDropout extends Module {
  readonly rate: number;
  readonly rng: Rng;

  constructor(rate: number, options: { readonly rng: Rng }) {
    super();
    if (!(rate >= 0 && rate < 1)) {
      throw new ValueError(`AlphaDropout: the rate must be at least 0 and below 1, got ${rate}`);
    }
    this.rate = rate;
    this.rng = options.rng;
  }

  forward(x: Tensor): Tensor {
    const { rate, rng } = this;
    if (!this.training || rate === 0) return x;
    const q = 1 - rate;
    const a = 1 / Math.sqrt(q + DROPPED ** 2 * q * rate);
    const keep = rng.bernoulli(x.shape, { p: q, dtype: x.dtype });
    return where(keep, x, DROPPED)
      .mul(a)
      .add(-a * DROPPED * rate);
  }
}
