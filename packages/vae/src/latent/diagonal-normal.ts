import { apply, type Expr, elementwise, rowSum, type Tensor } from '@latent/tensor';

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

/** log N(z; μ, diag e^v), summed over the last axis; all three in one shape [..., latent] → [...]. */
export function normalLogProb(z: Tensor, mean: Tensor, logVariance: Tensor): Tensor {
  return apply(logProbOp, [z, mean, logVariance], undefined);
}

/** The terms of `klToStandardNormal`, latent by latent. */
export function klPerLatent(mean: Tensor, logVariance: Tensor): Tensor {
  return apply(klPerLatentOp, [mean, logVariance], undefined);
}

/**
 * KL(N(μ, diag e^v) ‖ N(0, I)) = ½ Σ (μ² + e^v − 1 − v), in nats, summed over the last axis (Kingma & Welling 2014,
 * appendix B). `mean` and `logVariance` [..., latent] → [...].
 */
export function klToStandardNormal(mean: Tensor, logVariance: Tensor): Tensor {
  return apply(klOp, [mean, logVariance], undefined);
}

/** z = μ + e^(½ log σ²)·ε for noise of its own: mean and log-variance [rows, latent], noise [..., rows, latent]. */
export function drawn(mean: Tensor, logVariance: Tensor, noise: Tensor): Tensor {
  return mean.add(logVariance.mul(0.5).exp().mul(noise));
}
