import { checkOptions, checkTensor, type Rng, type Tensor, where } from '@latent/tensor';
import { Module } from '../module/module.ts';
import { drawing } from '../registry/generator.ts';
import { rateCheck } from './dropout.ts';
import { type LayerSpec, layers, sameShapeLayer } from './layer-spec.ts';

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
    this.rate = rateCheck(rate, { caller: 'AlphaDropout', path: 'rate' });
    this.rng = checkOptions('AlphaDropout', options, drawing).rng;
  }

  override get type(): string {
    return 'AlphaDropout';
  }

  forward(x: Tensor): Tensor {
    checkTensor(this.type, x);
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

export const alphaDropoutLayer = /* @__PURE__ */ layers.known('alphaDropout', {
  options: { rate: rateCheck },
  build: ({ rate }) => sameShapeLayer((_input, { noise }) => [new AlphaDropout(rate, { rng: noise })]),
});

/** `AlphaDropout` as a layer of a network. */
export function alphaDropout(rate: number): LayerSpec {
  return alphaDropoutLayer.make({ rate });
}
