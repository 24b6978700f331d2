import { sampleNormal } from '@latent/autograd';
import { ValueError } from '@latent/tensor';
import { klPerLatent, normalLogProb } from '../latent/diagonal-normal.ts';
import type { Objective } from './objective.ts';

export interface ElboOptions {
  /** Weight of the KL; 1 by default (Higgins et al. 2017). */
  readonly beta?: number;
  /** Draws of z for each row; 1 by default. */
  readonly samples?: number;
  /** Epochs over which β rises from 0 (Bowman et al. 2016). */
  readonly warmUp?: number;
  /** β rises over the first half of every so many epochs and stays for the other (Fu et al. 2019). */
  readonly cyclical?: { readonly period: number };
  /** Nats that each latent may carry for free: Σⱼ max(λ, mean KLⱼ) (Kingma et al. 2016). */
  readonly freeBits?: number;
  /** γ·|KL − C| with C rising from 0 to `max` over `epochs`, in place of β·KL (Burgess et al. 2018). */
  readonly capacity?: { readonly max: number; readonly epochs: number; readonly gamma?: number };
}

/**
 * Minus the evidence lower bound: E −log p(x | z) + β·KL(q(z | x) ‖ p(z)), in nats per row. The KL is exact for the
 * standard normal prior and estimated from the draws for learned ones. `reconstruction` and `kl` are reported as they are,
 * without β, free bits or capacity.
 */
export function elbo(options: ElboOptions = {}): Objective {
  const { beta = 1, samples = 1, warmUp = 0, cyclical, freeBits = 0, capacity } = options;
  for (const [name, value] of Object.entries({ beta, warmUp, freeBits })) {
    if (!(value >= 0 && value < Infinity)) throw new ValueError(`elbo: ${name} must be a number ≥ 0, got ${value}`);
  }
  if (!Number.isInteger(samples) || samples < 1) {
    throw new ValueError(`elbo: samples must be a whole number ≥ 1, got ${samples}`);
  }
  if (cyclical !== undefined && !(cyclical.period >= 2)) {
    throw new ValueError(`elbo: cyclical.period must be at least 2 epochs, got ${cyclical.period}`);
  }
  if (capacity !== undefined && !(capacity.max >= 0 && capacity.epochs > 0)) {
    throw new ValueError('elbo: capacity needs max ≥ 0 and epochs > 0');
  }
  const gamma = capacity?.gamma ?? 1;
  const ramp = (epoch: number): number => {
    if (cyclical) return Math.min(1, (epoch % cyclical.period) / (cyclical.period / 2));
    return warmUp > 0 ? Math.min(1, epoch / warmUp) : 1;
  };
  const changes = warmUp > 0 || cyclical !== undefined || capacity !== undefined || beta !== 1;
  return {
    name: 'elbo',
    weightAt: changes
      ? (epoch) => (capacity ? capacity.max * Math.min(1, epoch / capacity.epochs) : beta * ramp(epoch))
      : null,
    compute(model, x, rng, weight) {
      const { mean, logVariance } = model.posterior(x);
      const shape = samples === 1 ? mean.shape : [samples, ...mean.shape];
      const [mu, v] = samples === 1 ? [mean, logVariance] : [mean.broadcastTo(shape), logVariance.broadcastTo(shape)];
      const z = sampleNormal(mu, v, rng);
      const reconstruction = model.conditionalLogProb(x, z).neg().mean();
      const exact = model.exactKl(mean, logVariance);
      const kl = exact === null ? normalLogProb(z, mu, v).sub(model.logPrior(z)).mean() : exact.mean();
      if (capacity && weight)
        return { loss: reconstruction.add(kl.sub(weight).abs().mul(gamma).sum()), reconstruction, kl };
      const held =
        freeBits > 0 && exact !== null ? klPerLatent(mean, logVariance).mean({ axis: 0 }).maximum(freeBits).sum() : kl;
      return { loss: reconstruction.add(weight ? held.mul(weight).sum() : held), reconstruction, kl };
    },
    config: () => ({ name: 'elbo', options: { ...options } }),
  };
}
