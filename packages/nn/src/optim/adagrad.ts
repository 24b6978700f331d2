import { mapProgram } from '@latent/tensor';
import { checkRange, defineOptimizer, type OptimizerSpec, type Rate } from './optimizer.ts';

export interface AdagradOptions {
  /** 1e-2 by default. */
  readonly learningRate?: Rate;
  /** 1e-10 by default. */
  readonly epsilon?: number;
  /** L2, added to the gradient; 0 by default. */
  readonly weightDecay?: number;
}

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

function build(
  name: 'adagrad' | 'rmsProp' | 'adadelta',
  { learningRate, rho, epsilon, weightDecay = 0 }: Required<Omit<DecayingOptions, 'weightDecay'>> & DecayingOptions,
): OptimizerSpec {
  checkRange(name, 'rho', rho, 0, 1);
  checkRange(name, 'epsilon', epsilon, 0);
  checkRange(name, 'weightDecay', weightDecay, 0);
  return defineOptimizer({
    name,
    slots: name === 'adadelta' ? 2 : 1,
    program: name === 'adagrad' ? ADAGRAD : name === 'rmsProp' ? RMS_PROP : ADADELTA,
    learningRate,
    options: { rho, epsilon, weightDecay },
    scalars: (_t, lr) => [lr, rho, 1 - rho, epsilon, weightDecay],
  });
}

/** Steps that shrink with the sum of squared gradients (Duchi et al. 2011). */
export function adagrad(options: AdagradOptions = {}): OptimizerSpec {
  return build('adagrad', { learningRate: 1e-2, epsilon: 1e-10, rho: 0, ...options });
}

/** Steps that shrink with the mean of squared gradients (Hinton 2012). */
export function rmsProp(options: DecayingOptions = {}): OptimizerSpec {
  return build('rmsProp', { learningRate: 1e-2, rho: 0.99, epsilon: 1e-8, ...options });
}

/** Steps in the units of the parameter (Zeiler 2012). */
export function adadelta(options: DecayingOptions = {}): OptimizerSpec {
  return build('adadelta', { learningRate: 1, rho: 0.9, epsilon: 1e-6, ...options });
}
