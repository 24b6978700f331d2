import { type Check, mapProgram, optional, real } from '@latent/tensor';
import { type OptimizerSpec, optimizerPart, type Rate, rateCheck } from './optimizer.ts';

/** How `adagrad` updates. */
export interface AdagradOptions {
  /** 1e-2 by default. */
  readonly learningRate?: Rate;
  /** 1e-10 by default. */
  readonly epsilon?: number;
  /** L2, added to the gradient; 0 by default. */
  readonly weightDecay?: number;
}

/** How `rmsProp` and `adadelta` update. */
export interface DecayingOptions {
  /** rmsProp: 1e-2 by default; adadelta: 1. */
  readonly learningRate?: Rate;
  /** Share of the old averages kept; rmsProp: 0.99 by default, adadelta: 0.9. */
  readonly rho?: number;
  /** rmsProp: 1e-8 by default; adadelta: 1e-6. */
  readonly epsilon?: number;
  /** L2, added to the gradient; 0 by default. */
  readonly weightDecay?: number;
}

// Scalars of all: lr, ρ, 1 − ρ, ε, decay.

// h ← h + g²;  p ← p − lr·g/(√h + ε).
const ADAGRAD = /* @__PURE__ */ mapProgram('adagrad', 8, (p, h, g0, lr, _rho, _rest, epsilon, decay) => {
  const g = g0.add(decay.mul(p));
  const sum = h.add(g.square());
  return [p.sub(lr.mul(g).div(sum.sqrt().add(epsilon))), sum];
});
// v ← ρv + (1 − ρ)g²;  p ← p − lr·g/(√v + ε).
const RMS_PROP = /* @__PURE__ */ mapProgram('rmsProp', 8, (p, v, g0, lr, rho, rest, epsilon, decay) => {
  const g = g0.add(decay.mul(p));
  const mean = rho.mul(v).add(rest.mul(g.square()));
  return [p.sub(lr.mul(g).div(mean.sqrt().add(epsilon))), mean];
});
// v ← ρv + (1 − ρ)g²;  d = √(u + ε)/√(v + ε)·g;  u ← ρu + (1 − ρ)d²;  p ← p − lr·d.
const ADADELTA = /* @__PURE__ */ mapProgram('adadelta', 9, (p, v, u, g0, lr, rho, rest, epsilon, decay) => {
  const g = g0.add(decay.mul(p));
  const mean = rho.mul(v).add(rest.mul(g.square()));
  const d = u.add(epsilon).sqrt().div(mean.add(epsilon).sqrt()).mul(g);
  return [p.sub(lr.mul(d)), mean, rho.mul(u).add(rest.mul(d.square()))];
});

const decay = /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 0);
const share = (rho: number): Check<number> => optional(real({ min: 0, below: 1 }), rho);

export const adagradOptimizer = /* @__PURE__ */ optimizerPart(
  'adagrad',
  { epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 1e-10), weightDecay: decay },
  /* @__PURE__ */ optional(rateCheck, 1e-2),
  ({ epsilon, weightDecay }) => ({
    slots: 1,
    program: ADAGRAD,
    scalars: (_t, lr) => [lr, 0, 1, epsilon, weightDecay],
  }),
);
export const rmsPropOptimizer = /* @__PURE__ */ optimizerPart(
  'rmsProp',
  {
    rho: /* @__PURE__ */ share(0.99),
    epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 1e-8),
    weightDecay: decay,
  },
  /* @__PURE__ */ optional(rateCheck, 1e-2),
  ({ rho, epsilon, weightDecay }) => ({
    slots: 1,
    program: RMS_PROP,
    scalars: (_t, lr) => [lr, rho, 1 - rho, epsilon, weightDecay],
  }),
);
export const adadeltaOptimizer = /* @__PURE__ */ optimizerPart(
  'adadelta',
  {
    rho: /* @__PURE__ */ share(0.9),
    epsilon: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 1e-6),
    weightDecay: decay,
  },
  /* @__PURE__ */ optional(rateCheck, 1),
  ({ rho, epsilon, weightDecay }) => ({
    slots: 2,
    program: ADADELTA,
    scalars: (_t, lr) => [lr, rho, 1 - rho, epsilon, weightDecay],
  }),
);

/** Steps that shrink with the sum of squared gradients (Duchi et al. 2011). */
export function adagrad(options: AdagradOptions = {}): OptimizerSpec {
  return adagradOptimizer.make(options);
}

/** Steps that shrink with the mean of squared gradients (Hinton 2012). */
export function rmsProp(options: DecayingOptions = {}): OptimizerSpec {
  return rmsPropOptimizer.make(options);
}

/** Steps in the units of the parameter (Zeiler 2012). */
export function adadelta(options: DecayingOptions = {}): OptimizerSpec {
  return adadeltaOptimizer.make(options);
}
