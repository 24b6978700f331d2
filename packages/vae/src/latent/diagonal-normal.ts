import { apply, checkTensor, type Expr, elementwise, rowSum, type Tensor } from '@latent/tensor';

/** ½ Σ μ² + e^v − 1 − v. expm1 keeps the small differences near v = 0. */
const klFormula = (mean: Expr, v: Expr): Expr => mean.square().add(v.expm1()).sub(v).mul(0.5);
const klRules = [
  (g: Expr, mean: Expr): Expr => g.mul(mean),
  (g: Expr, _mean: Expr, v: Expr): Expr => g.mul(v.expm1()).mul(0.5),
];
const klOp = /* @__PURE__ */ rowSum('klStandardNormal', klFormula as (...inputs: Expr[]) => Expr, klRules as never);
const klPerLatentOp = /* @__PURE__ */ elementwise(
  'klPerLatent',
  klFormula as (...inputs: Expr[]) => Expr,
  klRules as never,
);

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/** −½ Σ (z − μ)²e^(−v) + v + log 2π. */
const logProbOp = /* @__PURE__ */ rowSum(
  'normalLogProb',
  (z: Expr, mean: Expr, v: Expr) => z.sub(mean).square().mul(v.neg().exp()).add(v).mul(-0.5).sub(HALF_LOG_2PI),
  [
    (g, z, mean, v) => g.mul(mean.sub(z)).mul(v.neg().exp()),
    (g, z, mean, v) => g.mul(z.sub(mean)).mul(v.neg().exp()),
    (g, z, mean, v) => g.mul(z.sub(mean).square().mul(v.neg().exp()).sub(1)).mul(0.5),
  ],
);

/** Throws unless all are tensors. */
function tensors(caller: string, ...values: readonly Tensor[]): Tensor[] {
  return values.map((value) => checkTensor(caller, value));
}

/** ½ Σ w − v + (e^v + (μ − ν)²)e^(−w) − 1. expm1 keeps the small differences near v = w. */
const betweenOp = /* @__PURE__ */ rowSum(
  'klBetweenNormals',
  (mean: Expr, v: Expr, other: Expr, w: Expr) =>
    v.sub(w).expm1().sub(v.sub(w)).add(mean.sub(other).square().mul(w.neg().exp())).mul(0.5),
  [
    (g, mean, _v, other, w) => g.mul(mean.sub(other)).mul(w.neg().exp()),
    (g, _mean, v, _other, w) => g.mul(v.sub(w).expm1()).mul(0.5),
    (g, mean, _v, other, w) => g.mul(other.sub(mean)).mul(w.neg().exp()),
    (g, mean, v, other, w) => g.mul(v.sub(w).expm1().add(mean.sub(other).square().mul(w.neg().exp()))).mul(-0.5),
  ],
);

/** log N(z; μ, diag e^v), summed over the last axis; all three in one shape [..., latent] → [...]. */
export function normalLogProb(z: Tensor, mean: Tensor, logVariance: Tensor): Tensor {
  return apply(logProbOp, tensors('normalLogProb', z, mean, logVariance), undefined);
}

/** The terms of `klToStandardNormal`, latent by latent. */
export function klPerLatent(mean: Tensor, logVariance: Tensor): Tensor {
  return apply(klPerLatentOp, tensors('klPerLatent', mean, logVariance), undefined);
}

/**
 * KL(N(μ, diag e^v) ‖ N(0, I)) = ½ Σ (μ² + e^v − 1 − v), in nats, summed over the last axis (Kingma & Welling 2014,
 * appendix B). `mean` and `logVariance` [..., latent] → [...].
 */
export function klToStandardNormal(mean: Tensor, logVariance: Tensor): Tensor {
  return apply(klOp, tensors('klToStandardNormal', mean, logVariance), undefined);
}

/** z = μ + e^(½ log σ²)·ε for noise of its own: mean and log-variance [rows, latent], noise [..., rows, latent]. */
export function drawn(mean: Tensor, logVariance: Tensor, noise: Tensor): Tensor {
  return mean.add(logVariance.mul(0.5).exp().mul(noise));
}

/**
 * KL(N(μ, diag e^v) ‖ N(ν, diag e^w)) = ½ Σ (w − v + (e^v + (μ − ν)²)e^(−w) − 1), in nats, summed over the last axis; all four
 * in one shape [..., latent] → [...].
 */
export function klBetweenNormals(mean: Tensor, logVariance: Tensor, other: Tensor, otherLogVariance: Tensor): Tensor {
  return apply(betweenOp, tensors('klBetweenNormals', mean, logVariance, other, otherLogVariance), undefined);
}
