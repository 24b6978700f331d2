import { mapProgram, ValueError } from '@latent/tensor';
import { checkRange, Optimizer, type OptimizerSpec } from './optimizer.ts';

export interface SgdOptions {
  readonly learningRate: number;
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

/** Stochastic gradient descent, in PyTorch's form of momentum (Sutskever et al. 2013). */
export function sgd(options: SgdOptions): OptimizerSpec {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkRange('sgd', 'learningRate', learningRate, 0);
  checkRange('sgd', 'momentum', momentum, 0, 1);
  checkRange('sgd', 'weightDecay', weightDecay, 0);
  if (nesterov && momentum === 0) throw new ValueError('sgd: nesterov needs a momentum > 0');
  const rule = {
    name: 'sgd',
    slots: 1,
    program: nesterov ? NESTEROV : SGD,
    scalars: (_t: number, lr: number) => [lr, momentum, weightDecay],
  };
  return { name: 'sgd', create: (parameters) => new Optimizer(rule, parameters, learningRate) };
}
