import { oneOf, optional } from '@latent/tensor';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { RecurrentLayer, type RecurrentLayerOptions } from './recurrent-layer.ts';
import { type RecurrentSpecOptions, recurrentChecks, recurrentSpec, unitsCheck } from './recurrent-spec.ts';

/** Of an `Rnn`. */
export interface RnnOptions extends RecurrentLayerOptions {
  /** 'tanh' by default. */
  readonly activation?: 'tanh' | 'relu';
}

/**
 * Elman's network (1990): h′ = tanh(W_ih·x + b_ih + W_hh·h + b_hh), or max(…, 0). The state of a run is h. Names and layouts are
 * PyTorch's. It forgets within some ten steps; an LSTM or a GRU does not.
 */
export class Rnn extends RecurrentLayer {
  constructor(features: number, units: number, options: RnnOptions) {
    super('Rnn', options.activation === 'relu' ? 'rnnRelu' : 'rnnTanh', 1, features, units, options);
  }

  override get type(): string {
    return 'Rnn';
  }
}

/** Of `rnn` in a network. */
export interface RnnSpecOptions extends RecurrentSpecOptions {
  /** 'tanh' by default. */
  readonly activation?: 'tanh' | 'relu';
}

const checks = /* @__PURE__ */ Object.assign({}, { units: unitsCheck }, recurrentChecks, {
  activation: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('tanh', 'relu'), 'tanh' as const),
});

export const rnnLayer = /* @__PURE__ */ layers.known('rnn', {
  options: checks,
  build: ({ units, ...options }) =>
    recurrentSpec('rnn', units, options, {
      build: (features, { weights, noise }) => new Rnn(features, units, { ...options, rng: weights, noise }),
      again: (other, changed) => rnn(other, { ...options, ...changed }),
    }),
});

/** An Elman layer of a network; what goes in and comes out is as of `lstm`. */
export function rnn(units: number, options: RnnSpecOptions = {}): LayerSpec {
  return rnnLayer.with({ units }, options);
}
