import { mapProgram } from '@latent/tensor';
import { checkRange, Optimizer, type OptimizerSpec } from './optimizer.ts';

export interface AdamOptions {
  /** 1e-3 by default. */
  readonly learningRate?: number;
  /** Decay of the first moment; 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 by default. */
  readonly epsilon?: number;
  /** adam: L2, added to the gradient, 0 by default. adamW: decoupled, 1e-2 by default. */
  readonly weightDecay?: number;
}

// m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  p ← p − lr/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε).
// Scalars: β₁, 1 − β₁, β₂, 1 − β₂, lr/(1 − β₁ᵗ), 1/√(1 − β₂ᵗ), ε, decay.
const ADAM = /* @__PURE__ */ mapProgram('adam', 12, (p, m, v, g0, b1, c1, b2, c2, rate, root, epsilon, decay) => {
  const g = g0.add(decay.mul(p));
  const first = b1.mul(m).add(c1.mul(g));
  const second = b2.mul(v).add(c2.mul(g.mul(g)));
  return [p.sub(rate.mul(first).div(second.sqrt().mul(root).add(epsilon))), first, second];
});
// The decay scales the parameter apart from the gradient: `decay` is 1 − lr·weightDecay.
const ADAM_W = /* @__PURE__ */ mapProgram('adamW', 12, (p, m, v, g, b1, c1, b2, c2, rate, root, epsilon, decay) => {
  const first = b1.mul(m).add(c1.mul(g));
  const second = b2.mul(v).add(c2.mul(g.mul(g)));
  return [decay.mul(p).sub(rate.mul(first).div(second.sqrt().mul(root).add(epsilon))), first, second];
});

function build(name: 'adam' | 'adamW', options: AdamOptions, defaultDecay: number): OptimizerSpec {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = defaultDecay } = options;
  checkRange(name, 'learningRate', learningRate, 0);
  checkRange(name, 'beta1', beta1, 0, 1);
  checkRange(name, 'beta2', beta2, 0, 1);
  checkRange(name, 'epsilon', epsilon, 0);
  checkRange(name, 'weightDecay', weightDecay, 0);
  const rule = {
    name,
    slots: 2,
    program: name === 'adam' ? ADAM : ADAM_W,
    scalars: (t: number, lr: number) => [
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      lr / (1 - beta1 ** t),
      1 / Math.sqrt(1 - beta2 ** t),
      epsilon,
      name === 'adam' ? weightDecay : 1 - lr * weightDecay,
    ],
  };
  return { name, create: (parameters) => new Optimizer(rule, parameters, learningRate) };
}

/** Adam with bias correction (Kingma & Ba 2015). */
export function adam(options: AdamOptions = {}): OptimizerSpec {
  return build('adam', options, 0);
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019). */
export function adamW(options: AdamOptions = {}): OptimizerSpec {
  return build('adamW', options, 1e-2);
}
