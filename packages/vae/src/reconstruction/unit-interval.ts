import { type Expr, exp, logGamma, select, type Tensor, where } from '@latent/tensor';
import { softplusOf } from './bernoulli.ts';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma } from './gamma-draws.ts';
import { INSIDE_UNIT, type ReconstructionDistribution, UNIT } from './likelihood.ts';

const LIMIT = 7;

const shapes = (a: Tensor, b: Tensor): [Tensor, Tensor] => [exp(a.clamp(-LIMIT, LIMIT)), exp(b.clamp(-LIMIT, LIMIT))];

export const betaLikelihood = /* @__PURE__ */ columnwise('beta', {}, () => ({
  support: INSIDE_UNIT,
  count: 2,
  logProb: (x, logA, logB) => {
    const [a, b] = [bounded(logA, LIMIT).exp(), bounded(logB, LIMIT).exp()];
    const shape = a.sub(1).mul(x.log()).add(b.sub(1).mul(x.neg().log1p()));
    return shape
      .add(logGamma(a.add(b)))
      .sub(logGamma(a))
      .sub(logGamma(b));
  },
  mean: (logA, logB) => {
    const [a, b] = shapes(logA, logB);
    return a.div(a.add(b));
  },
  // Where the density has no peak inside, the end where it is larger.
  mode: (logA, logB) => {
    const [a, b] = shapes(logA, logB);
    const inside = a.sub(1).div(a.add(b).sub(2));
    return where(a.greater(1).mul(b.greater(1)), inside, a.greater(b));
  },
  sample: (rng, logA, logB) => {
    const [a, b] = shapes(logA, logB);
    const [first, second] = [drawGamma(a, rng), drawGamma(b, rng)];
    // In f32 a share can round to the ends, which the support leaves out.
    return first.div(first.add(second)).clamp(1e-7, 1 - 1.2e-7);
  },
}));

/**
 * Beta, for shares above 0 and below 1, from log α and log β (held to [−7, 7]):
 * log p = (α − 1)·log x + (β − 1)·log(1 − x) + logΓ(α + β) − logΓ(α) − logΓ(β). Two parameters per column.
 */
export function beta(): ReconstructionDistribution {
  return betaLikelihood.make({});
}

/** Below this |logit| the series is exact to 1e-13, and the closed form loses digits. */
const NEAR = 0.05;

/** log of the normaliser l/tanh(l/2), from log 2 at 0 on. */
const logNormaliser = (l: Expr): Expr => {
  const near = l.abs().lt(NEAR);
  const y = l.mul(0.5).square();
  const series = y.div(3).sub(y.square().div(45)).log1p().add(Math.LN2);
  const far = select(near, 1, l.abs());
  return select(near, series, far.log().sub(far.mul(0.5).tanh().log()));
};

/** Below this |logit| the mean is the series ½ + l/12 − l³/720 + … to 1e-10; the difference below loses digits as 1/l. */
const NEAR_MEAN = 0.5;
const SERIES = [1 / 47900160, -1 / 1209600, 1 / 30240, -1 / 720, 1 / 12];

// 1/(1 − e^(−l)) − 1/l.
const continuousMean = (l: Tensor): Tensor => {
  const near = l.abs().less(NEAR_MEAN);
  const safe = where(near, 1, l);
  const exact = safe.neg().expm1().neg().reciprocal().sub(safe.reciprocal());
  const small = where(near, l, 0);
  const square = small.square();
  const series = SERIES.reduce((sum, c) => sum.mul(square).add(c), small.mul(0));
  return where(near, series.mul(small).add(0.5), exact);
};

export const continuousBernoulliLikelihood = /* @__PURE__ */ columnwise('continuousBernoulli', {}, () => ({
  support: UNIT,
  count: 1,
  logProb: (x, l) => x.mul(l).sub(softplusOf(l)).add(logNormaliser(l)),
  mean: continuousMean,
  mode: (l) => l.greater(0),
  // The inverse of the distribution function: for s = |l|, 1 + log(u + (1 − u)·e^(−s))/s, turned around for l < 0.
  sample: (rng, l) => {
    const u = rng.uniform(l.shape, { dtype: l.dtype });
    const s = l.abs();
    const safe = s.maximum(1e-3);
    const up = u.add(u.neg().add(1).mul(safe.neg().exp())).log().div(safe).add(1).clamp(0, 1);
    return where(s.less(1e-3), u, where(l.greater(0), up, up.neg().add(1)));
  },
}));

/**
 * Continuous Bernoulli (Loaiza-Ganem & Cunningham 2019), for grey values: the Bernoulli's x·l − softplus(l) with the
 * normaliser that makes it a density on [0, 1], log(l/tanh(l/2)). One parameter per column, the logit l.
 */
export function continuousBernoulli(): ReconstructionDistribution {
  return continuousBernoulliLikelihood.make({});
}
