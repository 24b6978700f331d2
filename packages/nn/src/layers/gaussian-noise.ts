import { add, mul, type Rng, type Tensor, ValueError } from '@latent/tensor';
import { Module } from '../module.ts';

/**
 * Adds noise while training: x + std·n with n ~ N(0, 1), drawn anew by every call; does nothing in `eval()`. On inputs it
 * is the corruption of a denoising model, on hidden values a regulariser (Bishop 1995).
 */
export class GaussianNoise extends Module {
  readonly std: number;
  readonly rng: Rng;

  constructor(std: number, options: { readonly rng: Rng }) {
    super();
    if (!(std >= 0 && std < Infinity)) throw new ValueError(`GaussianNoise: std must be a number ≥ 0, got ${std}`);
    this.std = std;
    this.rng = options.rng;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.std === 0) return x;
    return add(x, mul(this.rng.normal(x.shape, { dtype: x.dtype }), this.std));
  }
}
