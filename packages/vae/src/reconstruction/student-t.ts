import { type Check, constant, type Expr, exp, optional, real, refuse, type Tensor } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma } from './gamma-draws.ts';
import { REAL, type ReconstructionDistribution } from './likelihood.ts';
import { halfStep } from './stirling.ts';

/** How heavy the tails are. */
export interface StudentTOptions {
  /** ν: a number > 1, or learned for each row and column as 2 + e^ρ, the third parameter (held to [2, 2 + e⁶]). */
  readonly degreesOfFreedom?: number | 'learned';
}

const LIMIT = 15;
const MOST = 6;

const above1 = /* @__PURE__ */ real({ above: 1 });
const degreesCheck: Check<number | 'learned'> = (value, at) =>
  value === 'learned'
    ? value
    : typeof value === 'number'
      ? above1(value, at)
      : refuse(at, "'learned' or a number > 1", value);

/**
 * log Γ((ν + 1)/2) − log Γ(ν/2) − ½log(νπ) − log s − (ν + 1)/2·log(1 + t²/ν). The first three terms are −½log 2π + h(ν/2)
 * with h(a) = log Γ(a + ½) − log Γ(a) − ½log a, which goes to 0 for large ν, where the Gammas would lose all digits.
 */
function logProb(x: Expr, mean: Expr, s: Expr, nu: Expr): Expr {
  const logScale = bounded(s, LIMIT);
  const t2 = x.sub(mean).mul(logScale.neg().exp()).square();
  const tail = nu.add(1).mul(0.5).mul(t2.div(nu).log1p());
  return halfStep(nu.mul(0.5))
    .sub(0.5 * Math.log(2 * Math.PI))
    .sub(logScale)
    .sub(tail);
}

const learnedNu = (rho: Tensor): Tensor => exp(rho.clamp(-LIMIT, MOST)).add(2);
const checks = { degreesOfFreedom: /* @__PURE__ */ optional(degreesCheck, 'learned' as const) };

export const studentTLikelihood = /* @__PURE__ */ columnwise('studentT', checks, ({ degreesOfFreedom }) => {
  const fixed = degreesOfFreedom === 'learned' ? null : degreesOfFreedom;
  return {
    support: REAL,
    count: fixed === null ? 3 : 2,
    logProb:
      fixed === null
        ? (x: Expr, mean: Expr, s: Expr, rho: Expr) => logProb(x, mean, s, rho.max(-LIMIT).min(MOST).exp().add(2))
        : (x: Expr, mean: Expr, s: Expr) => logProb(x, mean, s, constant(fixed)),
    mean: (mean: Tensor) => mean,
    mode: (mean: Tensor) => mean,
    sample: (rng, mean, s, rho) => {
      const nu = fixed === null ? learnedNu(rho) : mean.mul(0).add(fixed);
      const noise = rng.normal(mean.shape, { dtype: mean.dtype });
      const spread = drawGamma(nu.mul(0.5), rng).mul(2).div(nu).rsqrt();
      return mean.add(exp(s.clamp(-LIMIT, LIMIT)).mul(noise).mul(spread));
    },
  };
});

/**
 * Student's t, which training data with outliers do not bend: with t = (x − μ)/s,
 * log p = logΓ((ν + 1)/2) − logΓ(ν/2) − ½log(νπ) − log s − (ν + 1)/2·log(1 + t²/ν), from μ and log s (held to [−15, 15]).
 * ν is learned by default: three parameters per column; with a number, two.
 */
export function studentT(options: StudentTOptions = {}): ReconstructionDistribution {
  return studentTLikelihood.make(options);
}
