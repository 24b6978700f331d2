import { type Expr, exp, logGamma, select, type Tensor, tensor, where } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma, drawPoisson } from './gamma-draws.ts';
import type { ReconstructionDistribution, Support } from './likelihood.ts';
import { deviance, stirlingError } from './stirling.ts';

/** 3,269,017 of 3269017. The platform's own formatter takes 30 ms to load, and this is said with every import. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

const LIMIT = 15;
/** The largest mean that can be modelled, e¹⁵; larger counts would all be improbable alike. */
const LARGEST = Math.floor(Math.exp(LIMIT));
const COUNT: Support = {
  description: `a whole number from 0 to ${grouped(LARGEST)} (larger counts are numbers for gaussian() and a transform)`,
  contains: (x) => Number.isInteger(x) && x >= 0 && x <= LARGEST,
};
/** Past e⁷ a negative binomial is a Poisson within rounding. */
const MOST = 7;
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

const floor = (x: Tensor): Tensor => tensor(x.data.map(Math.floor), { shape: x.shape });

/** k where it is above 0; 1 where it is 0 and what is computed of it is not used. */
const above0 = (k: Expr): Expr => select(k.lt(1), 1, k);

/**
 * log p = kγ − e^γ − log k!. For large k its terms are large and cancel, so from 1 on it is computed as
 * −k·(eᵈ − 1 − d) − ½log(2πk) − δ(k), d = γ − log k, δ Stirling's error (Loader 2000).
 */
function poissonLogProb(k: Expr, gamma: Expr): Expr {
  const rate = bounded(gamma, LIMIT);
  const n = above0(k);
  const saddle = n
    .mul(deviance(rate.sub(n.log())))
    .add(n.log().mul(0.5))
    .add(stirlingError(n))
    .add(HALF_LOG_2PI)
    .neg();
  return select(
    k.lt(1),
    k
      .mul(rate)
      .sub(rate.exp())
      .sub(logGamma(k.add(1))),
    saddle,
  );
}

export const poissonLikelihood = /* @__PURE__ */ columnwise('poisson', {}, () => ({
  support: COUNT,
  count: 1,
  logProb: poissonLogProb,
  mean: (gamma) => exp(gamma.clamp(-LIMIT, LIMIT)),
  mode: (gamma) => floor(exp(gamma.clamp(-LIMIT, LIMIT))),
  sample: (rng, gamma) => drawPoisson(exp(gamma.clamp(-LIMIT, LIMIT)), rng),
}));

/** Poisson, for counts up to e¹⁵, from the log-rate γ (held to [−15, 15]): log p = kγ − e^γ − log k!. One parameter per column. */
export function poisson(): ReconstructionDistribution {
  return poissonLikelihood.make({});
}

/**
 * log p = log Γ(k + r) − log Γ(r) − log k! + r·log(r/(r + μ)) + k·log(μ/(r + μ)). From 1 on as Loader's saddle point:
 * log(r/(k + r)) + ½log((k + r)/(2πkr)) + δ(k + r) − δ(r) − δ(k) − r·D(e) − k·D(d), D(x) = eˣ − 1 − x, with
 * e = log((k + r)/(r + μ)) and d = e + log μ − log k, which is log(1 + r/k) − log(1 + r/μ).
 */
function negativeBinomialLogProb(k: Expr, m: Expr, s: Expr): Expr {
  const [logMean, logR] = [bounded(m, LIMIT), s.max(-LIMIT).min(MOST)];
  const [mean, r] = [logMean.exp(), logR.exp()];
  // Where k is 0 what is left is −r·log(1 + μ/r).
  const odds = mean.div(r).log1p();
  const none = k.mul(logMean.sub(logR).sub(odds)).sub(r.mul(odds));
  const n = above0(k);
  const logN = n.log();
  const d = r.div(n).log1p().sub(r.div(mean).log1p());
  // (k + r)/(r + μ) − 1 loses its digits where it is near −1, and the difference of logarithms where it is near 0.
  const ratio = n.sub(mean).div(r.add(mean));
  const e = select(ratio.lt(-0.5), d.sub(logMean).add(logN), ratio.max(-0.5).log1p());
  const sum = n.add(r);
  const logSum = sum.log();
  const saddle = logR
    .sub(logSum)
    .add(logSum.sub(logN).sub(logR).mul(0.5).sub(HALF_LOG_2PI))
    .add(stirlingError(sum).sub(stirlingError(r)).sub(stirlingError(n)))
    .sub(r.mul(deviance(e)))
    .sub(n.mul(deviance(d)));
  return select(k.lt(1), none, saddle);
}

const spread = (m: Tensor, s: Tensor): [mean: Tensor, r: Tensor] => [
  exp(m.clamp(-LIMIT, LIMIT)),
  exp(s.clamp(-LIMIT, MOST)),
];

export const negativeBinomialLikelihood = /* @__PURE__ */ columnwise('negativeBinomial', {}, () => ({
  support: COUNT,
  count: 2,
  logProb: negativeBinomialLogProb,
  mean: (m, s) => spread(m, s)[0],
  mode: (m, s) => {
    const [mean, r] = spread(m, s);
    return floor(where(r.greater(1), mean.mul(r.sub(1)).div(r), 0));
  },
  sample: (rng, m, s) => {
    const [mean, r] = spread(m, s);
    return drawPoisson(drawGamma(r, rng).mul(mean).div(r), rng);
  },
}));

/**
 * Negative binomial, for counts up to e¹⁵ that scatter more than a Poisson's, from log mean m (held to [−15, 15]) and log
 * dispersion log r (held to [−15, 7]): with μ = e^m,
 * log p = logΓ(k + r) − logΓ(r) − log k! + r·log(r/(r + μ)) + k·log(μ/(r + μ)); variance μ + μ²/r. Two parameters per column.
 */
export function negativeBinomial(): ReconstructionDistribution {
  return negativeBinomialLikelihood.make({});
}
