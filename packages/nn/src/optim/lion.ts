import { mapProgram, optional, real } from '@latent/tensor';
import { type OptimizerSpec, optimizerPart, type Rate, rateCheck } from './optimizer.ts';

/** How `lion` updates. */
export interface LionOptions {
  /** 1e-4 by default: every step is this long in every weight, so it is 3 to 10 times smaller than Adam's. */
  readonly learningRate?: Rate;
  /** Share of the momentum in the direction of a step; 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the momentum; 0.99 by default. */
  readonly beta2?: number;
  /** Decoupled, as adamW's; 0 by default. */
  readonly weightDecay?: number;
}

// p ← (1 − lr·d)·p − lr·sign(β₁m + (1 − β₁)g);  m ← β₂m + (1 − β₂)g. Scalars: β₁, 1 − β₁, β₂, 1 − β₂, lr, 1 − lr·d.
const LION = /* @__PURE__ */ mapProgram('lion', 9, (p, m, g, b1, c1, b2, c2, rate, keep) => [
  keep.mul(p).sub(rate.mul(b1.mul(m).add(c1.mul(g)).sign())),
  b2.mul(m).add(c2.mul(g)),
]);

const share = (value: number) => optional(real({ min: 0, below: 1 }), value);

export const lionOptimizer = /* @__PURE__ */ optimizerPart(
  'lion',
  {
    beta1: /* @__PURE__ */ share(0.9),
    beta2: /* @__PURE__ */ share(0.99),
    weightDecay: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 0),
  },
  /* @__PURE__ */ optional(rateCheck, 1e-4),
  ({ beta1, beta2, weightDecay }) => ({
    slots: 1,
    program: LION,
    scalars: (_t, lr) => [beta1, 1 - beta1, beta2, 1 - beta2, lr, 1 - lr * weightDecay],
  }),
);

/** The sign of a momentum that looks one step ahead, with half of Adam's memory (Chen et al. 2023, algorithm 2). */
export function lion(options: LionOptions = {}): OptimizerSpec {
  return lionOptimizer.make(options);
}
