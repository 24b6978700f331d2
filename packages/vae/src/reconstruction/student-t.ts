import { type Expr, exp, logGamma, type Tensor, ValueError } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma } from './gamma-draws.ts';
import { REAL, type ReconstructionDistribution } from './reconstruction.ts';

export interface StudentTOptions {
  /** ν: a number > 1, or learned for each row and column as 2 + e^ρ, the third parameter (held to [2, 2 + e⁶]). */
  readonly degreesOfFreedom?: number | 'learned';
}

const LIMIT = 15;
const MOST = 6;

/**
 * Student's t, which training data with outliers do not bend: with t = (x − μ)/s,
 * log p = logΓ((ν + 1)/2) − logΓ(ν/2) − ½log(νπ) − log s − (ν + 1)/2·log(1 + t²/ν), from μ and log s (held to [−15, 15]).
 * ν is learned by default: three parameters per column; with a number, two.
 */
export function studentT(options: StudentTOptions = {}): ReconstructionDistribution {
  const { degreesOfFreedom = 'learned' } = options;
  if (degreesOfFreedom !== 'learned' && !(degreesOfFreedom > 1)) {
    throw new ValueError(`studentT: degreesOfFreedom must be 'learned' or above 1, got ${degreesOfFreedom}`);
  }
  const fixed = degreesOfFreedom === 'learned' ? null : degreesOfFreedom;
  const logProb = (x: Expr, mean: Expr, s: Expr, nu: Expr): Expr => {
    const logScale = bounded(s, LIMIT);
    const t2 = x.sub(mean).mul(logScale.neg().exp()).square();
    const tail = nu.add(1).mul(0.5).mul(t2.div(nu).log1p());
    return logGamma(nu.add(1).mul(0.5))
      .sub(logGamma(nu.mul(0.5)))
      .sub(nu.mul(Math.PI).log().mul(0.5))
      .sub(logScale)
      .sub(tail);
  };
  const nuOf = (rho: Tensor): Tensor => exp(rho.clamp(-LIMIT, MOST)).add(2);
  return columnwise({
    config: { name: 'studentT', degreesOfFreedom },
    support: REAL,
    count: fixed === null ? 3 : 2,
    logProb:
      fixed === null
        ? (x, mean, s, rho) => logProb(x, mean, s, rho.max(-LIMIT).min(MOST).exp().add(2))
        : (x, mean, s) => logProb(x, mean, s, mean.mul(0).add(fixed)),
    mean: ([mean]) => mean,
    mode: ([mean]) => mean,
    sample: ([mean, s, rho], rng) => {
      const nu = fixed === null ? nuOf(rho) : mean.mul(0).add(fixed);
      const noise = rng.normal(mean.shape, { dtype: mean.dtype });
      const spread = drawGamma(nu.mul(0.5), rng).mul(2).div(nu).rsqrt();
      return mean.add(exp(s.clamp(-LIMIT, LIMIT)).mul(noise).mul(spread));
    },
  });
}
