import { flag, mapProgram, optional, real, ValueError } from '@latent/tensor';
import { type OptimizerSpec, optimizerPart, type Rate, rateCheck } from './optimizer.ts';

/** How `sgd` updates. */
export interface SgdOptions {
  readonly learningRate: Rate;
  /** Share of the last velocity kept; 0 by default. */
  readonly momentum?: number;
  /** Look ahead along the velocity (Nesterov 1983). Needs momentum. */
  readonly nesterov?: boolean;
  /** L2: adds weightDecay·p to the gradient; 0 by default. */
  readonly weightDecay?: number;
}

// v ← m·v + (g + d·p);  p ← p − lr·v, or p − lr·((g + d·p) + m·v) with Nesterov. Scalars: lr, m, d.
const SGD = /* @__PURE__ */ mapProgram('sgd', 6, (p, v, g, lr, m, d) => {
  const velocity = m.mul(v).add(g.add(d.mul(p)));
  return [p.sub(lr.mul(velocity)), velocity];
});
const NESTEROV = /* @__PURE__ */ mapProgram('sgdNesterov', 6, (p, v, g, lr, m, d) => {
  const gradient = g.add(d.mul(p));
  const velocity = m.mul(v).add(gradient);
  return [p.sub(lr.mul(gradient.add(m.mul(velocity)))), velocity];
});

const decay = /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0 }), 0);

export const sgdOptimizer = /* @__PURE__ */ optimizerPart(
  'sgd',
  {
    momentum: /* @__PURE__ */ optional(/* @__PURE__ */ real({ min: 0, below: 1 }), 0),
    nesterov: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
    weightDecay: decay,
  },
  rateCheck,
  ({ momentum, nesterov, weightDecay }) => {
    if (nesterov && momentum === 0) throw new ValueError('sgd: nesterov needs a momentum > 0');
    return { slots: 1, program: nesterov ? NESTEROV : SGD, scalars: (_t, lr) => [lr, momentum, weightDecay] };
  },
);

/** Stochastic gradient descent, in PyTorch's form of momentum (Sutskever et al. 2013). */
export function sgd(options: SgdOptions): OptimizerSpec {
  return sgdOptimizer.make(options);
}

/** `sgd` with Nesterov momentum, 0.9 by default. */
export function nesterov(options: Omit<SgdOptions, 'nesterov'>): OptimizerSpec {
  return sgdOptimizer.with({ nesterov: true }, { momentum: 0.9, ...options });
}
