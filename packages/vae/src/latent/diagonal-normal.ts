import { apply, type Expr, rowSum, type Tensor } from '@latent/tensor';

/** ½ Σ μ² + e^v − 1 − v. expm1 keeps the small differences near v = 0. */
const klOp = /* @__PURE__ */ rowSum(
  'klStandardNormal',
  (mean: Expr, v: Expr) => mean.square().add(v.expm1()).sub(v).mul(0.5),
  [(g, mean) => g.mul(mean), (g, _mean, v) => g.mul(v.expm1()).mul(0.5)],
);

/**
 * KL(N(μ, diag e^v) ‖ N(0, I)) = ½ Σ (μ² + e^v − 1 − v), in nats, summed over the last axis (Kingma & Welling 2014,
 * appendix B). `mean` and `logVariance` [..., latent] → [...].
 */
export function klToStandardNormal(mean: Tensor, logVariance: Tensor): Tensor {
  return apply(klOp, [mean, logVariance], undefined);
}
