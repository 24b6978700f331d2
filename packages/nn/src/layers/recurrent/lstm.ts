import { optional, real } from '@latent/tensor';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { RecurrentLayer, type RecurrentLayerOptions } from './recurrent-layer.ts';
import { type RecurrentSpecOptions, recurrentChecks, recurrentSpec, unitsCheck } from './recurrent-spec.ts';

/** Of an `Lstm`. */
export interface LstmOptions extends RecurrentLayerOptions {
  /** What is added to the forget gates' first biases, so that states are kept at first; 1 by default, 0 in PyTorch. */
  readonly forgetBias?: number;
}

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997): i, f, o = σ(…), g = tanh(…), c′ = f⊙c + i⊙g, h′ = o⊙tanh c′, with … =
 * W_ih·x + b_ih + W_hh·h + b_hh. The state of a run is h and c. Names, gate order and layouts are PyTorch's.
 */
export class Lstm extends RecurrentLayer {
  constructor(features: number, units: number, options: LstmOptions) {
    super('Lstm', 'lstm', 4, features, units, options, options.forgetBias ?? 1);
  }

  override get type(): string {
    return 'Lstm';
  }
}

/** Of `lstm` in a network. */
export interface LstmSpecOptions extends RecurrentSpecOptions {
  /** What is added to the forget gates' first biases, so that states are kept at first; 1 by default, 0 in PyTorch. */
  readonly forgetBias?: number;
}

const checks = /* @__PURE__ */ Object.assign({}, { units: unitsCheck }, recurrentChecks, {
  forgetBias: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 1),
});

export const lstmLayer = /* @__PURE__ */ layers.known('lstm', {
  options: checks,
  build: ({ units, ...options }) =>
    recurrentSpec('lstm', units, options, {
      build: (features, { weights, noise }) => new Lstm(features, units, { ...options, rng: weights, noise }),
      again: (other, changed) => lstm(other, { ...options, ...changed }),
    }),
});

/**
 * An LSTM layer of a network: rows [steps, features] → the state after each row's last step, [units], or with
 * `returnSequences` every step's, [steps, units]; twice as many with `bidirectional`. Rows of different lengths end where they
 * end. With `steps`, rows [features] are the input of every step: a decoder's code.
 */
export function lstm(units: number, options: LstmSpecOptions = {}): LayerSpec {
  return lstmLayer.with({ units }, options);
}
