import {
  flag,
  linear,
  optional,
  type RecurrentOptions,
  sigmoid,
  stack,
  type Tensor,
  tanh,
  where,
} from '@latent/tensor';
import { withinLengths } from '../../module/context.ts';
import { type LayerSpec, layers } from '../layer-spec.ts';
import { type RecurrentDirection, RecurrentLayer, type RecurrentLayerOptions } from './recurrent-layer.ts';
import { type RecurrentSpecOptions, recurrentChecks, recurrentSpec, unitsCheck } from './recurrent-spec.ts';

/** Of a `Gru`. */
export interface GruOptions extends RecurrentLayerOptions {
  /**
   * The reset gate acts after the product, as in PyTorch, cuDNN and Keras (default); false is the first form of the paper, which
   * older Keras and TensorFlow.js have: r⊙h is multiplied. It has two products a step that wait for each other, so it is
   * computed step by step and takes several times as long.
   */
  readonly resetAfter?: boolean;
}

/**
 * Gated recurrent unit (Cho et al. 2014): r, z = σ(…), n = tanh(W_in·x + b_in + r⊙(W_hn·h + b_hn)), h′ = (1 − z)⊙n + z⊙h. The
 * state of a run is h. Names, gate order and layouts are PyTorch's.
 */
export class Gru extends RecurrentLayer {
  readonly resetAfter: boolean;

  constructor(features: number, units: number, options: GruOptions) {
    super('Gru', 'gru', 3, features, units, options);
    this.resetAfter = options.resetAfter ?? true;
  }

  override get type(): string {
    return 'Gru';
  }

  protected override step(
    x: Tensor,
    weights: RecurrentDirection,
    options: RecurrentOptions,
  ): { readonly output: Tensor; readonly state: readonly Tensor[] } {
    return this.resetAfter ? super.step(x, weights, options) : resetBefore(x, weights, options);
  }
}

/** n = tanh(W_in·x + b_in + W_hn·(r⊙h) + b_hn), step by step. */
function resetBefore(
  x: Tensor,
  { weightIh, weightHh, biasIh, biasHh }: RecurrentDirection,
  { state, lengths, reverse = false, steps: given }: RecurrentOptions,
): { readonly output: Tensor; readonly state: readonly Tensor[] } {
  const units = weightHh.shape[1] as number;
  const rows = x.shape[0] as number;
  const steps = given ?? (x.shape[1] as number);
  const both = [0, 2 * units] as const;
  const last = [2 * units, 3 * units] as const;
  const going = lengths === undefined ? null : withinLengths(lengths, steps);
  let h = state?.[0] ?? x.full([rows, units], 0);
  const outputs: Tensor[] = new Array(steps);
  for (let s = 0; s < steps; s++) {
    // Backwards, the steps after a row's end come first and leave its state as it is.
    const t = reverse ? steps - 1 - s : s;
    const input = given === undefined ? x.slice([null, [t, t + 1]]).reshape([rows, x.shape[2] as number]) : x;
    const ofInput = linear(input, weightIh, biasIh);
    const gates = sigmoid(ofInput.slice([null, both]).add(linear(h, weightHh.slice([both]), biasHh.slice([both]))));
    const [r, z] = gates.split(2, 1) as [Tensor, Tensor];
    const n = tanh(ofInput.slice([null, last]).add(linear(r.mul(h), weightHh.slice([last]), biasHh.slice([last]))));
    const next = n.add(z.mul(h.sub(n)));
    if (going === null) {
      h = next;
      outputs[t] = h;
      continue;
    }
    const now = going.slice([null, [t, t + 1]]);
    h = where(now, next, h);
    outputs[t] = where(now, next, 0);
  }
  const output = steps === 0 ? x.full([rows, 0, units], 0) : stack(outputs, 1);
  return { output, state: [h] };
}

/** Of `gru` in a network. */
export interface GruSpecOptions extends RecurrentSpecOptions {
  /** The reset gate acts after the product, as in PyTorch (default); false is the slower form of older Keras. */
  readonly resetAfter?: boolean;
}

const checks = /* @__PURE__ */ Object.assign({}, { units: unitsCheck }, recurrentChecks, {
  resetAfter: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), true),
});

export const gruLayer = /* @__PURE__ */ layers.known('gru', {
  options: checks,
  build: ({ units, ...options }) =>
    recurrentSpec('gru', units, options, {
      build: (features, { weights, noise }) => new Gru(features, units, { ...options, rng: weights, noise }),
      again: (other, changed) => gru(other, { ...options, ...changed }),
    }),
});

/** A GRU layer of a network; what goes in and comes out is as of `lstm`. */
export function gru(units: number, options: GruSpecOptions = {}): LayerSpec {
  return gruLayer.with({ units }, options);
}
