import { type Expr, type MapProgram, mapProgram, optional, real } from '@latent/tensor';
import { type OptimizerSpec, optimizerPart, type Rate, rateCheck } from './optimizer.ts';

/** How `adam`, `adamW`, `amsGrad`, `nadam`, `adaMax` and `adaBelief` update. */
export interface AdamOptions {
  /** 1e-3 by default; adaMax 2e-3. */
  readonly learningRate?: Rate;
  /** Decay of the first moment; 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 by default (adaBelief 1e-16, inside the moment). */
  readonly epsilon?: number;
  /** L2, added to the gradient, 0 by default; adamW: decoupled, 1e-2 by default. */
  readonly weightDecay?: number;
}

// Inputs: p, m, v, …, g, then the scalars β₁, 1 − β₁, β₂, 1 − β₂, rate, root, ε, decay, extra. Unless said otherwise
// rate = lr/(1 − β₁ᵗ), root = 1/√(1 − β₂ᵗ), and p ← p − rate·m / (√v·root + ε).
type Moments = readonly [p: Expr, m: Expr, v: Expr, g: Expr];
type Scalars = {
  b1: Expr;
  c1: Expr;
  b2: Expr;
  c2: Expr;
  rate: Expr;
  root: Expr;
  epsilon: Expr;
  decay: Expr;
  extra: Expr;
};

type Nine = [Expr, Expr, Expr, Expr, Expr, Expr, Expr, Expr, Expr];

function program(name: string, slots: number, update: (x: Moments, s: Scalars, slots: Expr[]) => Expr[]) {
  return mapProgram(name, slots + 2 + 9, (...inputs) => {
    const at = (i: number): Expr => inputs[i] as Expr;
    const [b1, c1, b2, c2, rate, root, epsilon, decay, extra] = inputs.slice(slots + 2) as Nine;
    const scalars = { b1, c1, b2, c2, rate, root, epsilon, decay, extra };
    return update([at(0), at(1), at(2), at(slots + 1)], scalars, inputs.slice(1, slots + 1));
  });
}

const decayed = (p: Expr, g: Expr, decay: Expr): Expr => g.add(decay.mul(p));
const average = (old: Expr, keep: Expr, value: Expr, take: Expr): Expr => keep.mul(old).add(take.mul(value));

const adamProgram = /* @__PURE__ */ program(
  'adam',
  2,
  ([p, m, v, g0], { b1, c1, b2, c2, rate, root, epsilon, decay }) => {
    const g = decayed(p, g0, decay);
    const [first, second] = [average(m, b1, g, c1), average(v, b2, g.square(), c2)];
    return [p.sub(rate.mul(first).div(second.sqrt().mul(root).add(epsilon))), first, second];
  },
);
// The decay scales the parameter apart from the gradient: `decay` is 1 − lr·weightDecay.
const adamWProgram = /* @__PURE__ */ program(
  'adamW',
  2,
  ([p, m, v, g], { b1, c1, b2, c2, rate, root, epsilon, decay }) => {
    const [first, second] = [average(m, b1, g, c1), average(v, b2, g.square(), c2)];
    return [decay.mul(p).sub(rate.mul(first).div(second.sqrt().mul(root).add(epsilon))), first, second];
  },
);
// The largest second moment so far.
const amsGradProgram = /* @__PURE__ */ program(
  'amsGrad',
  3,
  ([p, m, v, g0], { b1, c1, b2, c2, rate, root, epsilon, decay }, slots) => {
    const g = decayed(p, g0, decay);
    const [first, second] = [average(m, b1, g, c1), average(v, b2, g.square(), c2)];
    const largest = (slots[2] as Expr).max(second);
    return [p.sub(rate.mul(first).div(largest.sqrt().mul(root).add(epsilon))), first, second, largest];
  },
);
// m̂ = β₁m/(1 − β₁ᵗ⁺¹) + (1 − β₁)g/(1 − β₁ᵗ): rate is lr·β₁/(1 − β₁ᵗ⁺¹), extra lr·(1 − β₁)/(1 − β₁ᵗ).
const nadamProgram = /* @__PURE__ */ program(
  'nadam',
  2,
  ([p, m, v, g0], { b1, c1, b2, c2, rate, root, epsilon, decay, extra }) => {
    const g = decayed(p, g0, decay);
    const [first, second] = [average(m, b1, g, c1), average(v, b2, g.square(), c2)];
    const ahead = rate.mul(first).add(extra.mul(g));
    return [p.sub(ahead.div(second.sqrt().mul(root).add(epsilon))), first, second];
  },
);
// u ← max(β₂u, |g| + ε);  p ← p − rate·m/u.
const adaMaxProgram = /* @__PURE__ */ program('adaMax', 2, ([p, m, v, g0], { b1, c1, b2, rate, epsilon, decay }) => {
  const g = decayed(p, g0, decay);
  const [first, norm] = [average(m, b1, g, c1), b2.mul(v).max(g.abs().add(epsilon))];
  return [p.sub(rate.mul(first).div(norm)), first, norm];
});
// The second moment is of what the first did not foresee: s ← β₂s + (1 − β₂)(g − m)² + ε.
const adaBeliefProgram = /* @__PURE__ */ program(
  'adaBelief',
  2,
  ([p, m, v, g0], { b1, c1, b2, c2, rate, root, epsilon, decay, extra }) => {
    const g = decayed(p, g0, decay);
    const first = average(m, b1, g, c1);
    const surprise = average(v, b2, g.sub(first).square(), c2).add(epsilon);
    return [p.sub(rate.mul(first).div(surprise.sqrt().mul(root).add(extra))), first, surprise];
  },
);

function part(name: string, slots: number, program: MapProgram, defaults: AdamOptions = {}) {
  const { learningRate = 1e-3, epsilon = 1e-8, weightDecay = 0 } = defaults;
  return optimizerPart(
    name,
    {
      beta1: optional(real({ min: 0, below: 1 }), 0.9),
      beta2: optional(real({ min: 0, below: 1 }), 0.999),
      epsilon: optional(real({ min: 0 }), epsilon),
      weightDecay: optional(real({ min: 0 }), weightDecay),
    },
    optional(rateCheck, learningRate),
    ({ beta1, beta2, epsilon, weightDecay }) => ({
      slots,
      program,
      scalars: (t, lr) => [
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        name === 'nadam' ? (lr * beta1) / (1 - beta1 ** (t + 1)) : lr / (1 - beta1 ** t),
        1 / Math.sqrt(1 - beta2 ** t),
        epsilon,
        name === 'adamW' ? 1 - lr * weightDecay : weightDecay,
        name === 'nadam' ? (lr * (1 - beta1)) / (1 - beta1 ** t) : epsilon,
      ],
    }),
  );
}

const adamOptimizer = /* @__PURE__ */ part('adam', 2, adamProgram);
const adamWOptimizer = /* @__PURE__ */ part('adamW', 2, adamWProgram, { weightDecay: 1e-2 });
const amsGradOptimizer = /* @__PURE__ */ part('amsGrad', 3, amsGradProgram);
const nadamOptimizer = /* @__PURE__ */ part('nadam', 2, nadamProgram);
const adaMaxOptimizer = /* @__PURE__ */ part('adaMax', 2, adaMaxProgram, { learningRate: 2e-3 });
const adaBeliefOptimizer = /* @__PURE__ */ part('adaBelief', 2, adaBeliefProgram, { epsilon: 1e-16 });

/** Adam with bias correction (Kingma & Ba 2015). */
export function adam(options: AdamOptions = {}): OptimizerSpec {
  return adamOptimizer.make(options);
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019). */
export function adamW(options: AdamOptions = {}): OptimizerSpec {
  return adamWOptimizer.make(options);
}

/** Adam that never forgets a large second moment (Reddi et al. 2018). */
export function amsGrad(options: AdamOptions = {}): OptimizerSpec {
  return amsGradOptimizer.make(options);
}

/** Adam with Nesterov momentum (Dozat 2016, without his schedule of the momentum). */
export function nadam(options: AdamOptions = {}): OptimizerSpec {
  return nadamOptimizer.make(options);
}

/** Adam with the largest gradient in place of the second moment (Kingma & Ba 2015, section 7). */
export function adaMax(options: AdamOptions = {}): OptimizerSpec {
  return adaMaxOptimizer.make(options);
}

/** Adam by the belief in the gradient (Zhuang et al. 2020). */
export function adaBelief(options: AdamOptions = {}): OptimizerSpec {
  return adaBeliefOptimizer.make(options);
}
