import { exp, logGamma, type Tensor, tensor, where } from '@latent/tensor';
import { bounded, columnwise } from './columnwise.ts';
import { drawGamma, drawPoisson } from './gamma-draws.ts';
import { COUNT, type ReconstructionDistribution } from './reconstruction.ts';

const LIMIT = 15;
/** Past e⁷ a negative binomial is a Poisson within rounding, and logΓ(k + r) − logΓ(r) loses its digits. */
const MOST = 7;

const floor = (x: Tensor): Tensor => tensor(x.data.map(Math.floor), { shape: x.shape });

/** Poisson, for counts, from the log-rate γ (held to [−15, 15]): log p = kγ − e^γ − log k!. One parameter per column. */
export function poisson(): ReconstructionDistribution {
  return columnwise({
    config: { name: 'poisson' },
    support: COUNT,
    count: 1,
    logProb: (k, gamma) =>
      k
        .mul(bounded(gamma, LIMIT))
        .sub(bounded(gamma, LIMIT).exp())
        .sub(logGamma(k.add(1))),
    mean: ([gamma]) => exp(gamma.clamp(-LIMIT, LIMIT)),
    mode: ([gamma]) => floor(exp(gamma.clamp(-LIMIT, LIMIT))),
    sample: ([gamma], rng) => drawPoisson(exp(gamma.clamp(-LIMIT, LIMIT)), rng),
  });
}

/**
 * Negative binomial, for counts that scatter more than a Poisson's, from log mean m (held to [−15, 15]) and log dispersion
 * log r (held to [−15, 7]): with μ = e^m,
 * log p = logΓ(k + r) − logΓ(r) − log k! + r·log(r/(r + μ)) + k·log(μ/(r + μ)); variance μ + μ²/r. Two parameters per column.
 */
export function negativeBinomial(): ReconstructionDistribution {
  const parts = ([m, s]: readonly Tensor[]): [mean: Tensor, r: Tensor] => [
    exp(m.clamp(-LIMIT, LIMIT)),
    exp(s.clamp(-LIMIT, MOST)),
  ];
  return columnwise({
    config: { name: 'negativeBinomial' },
    support: COUNT,
    count: 2,
    logProb: (k, m, s) => {
      const [logMean, logR] = [bounded(m, LIMIT), s.max(-LIMIT).min(MOST)];
      const r = logR.exp();
      // log(r + μ) = max + log1p(e^−|difference|)
      const total = logR.max(logMean).add(logR.sub(logMean).abs().neg().exp().log1p());
      return logGamma(k.add(r))
        .sub(logGamma(r))
        .sub(logGamma(k.add(1)))
        .add(r.mul(logR.sub(total)))
        .add(k.mul(logMean.sub(total)));
    },
    mean: (params) => parts(params)[0],
    mode: (params) => {
      const [mean, r] = parts(params);
      return floor(where(r.greater(1), mean.mul(r.sub(1)).div(r), 0));
    },
    sample: (params, rng) => {
      const [mean, r] = parts(params);
      return drawPoisson(drawGamma(r, rng).mul(mean).div(r), rng);
    },
  });
}
