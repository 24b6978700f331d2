import { sampleNormal } from '@latent/autograd';
import { fields, optional, real, ValueError, whole } from '@latent/tensor';
import { klPerLatent, normalLogProb } from '../latent/diagonal-normal.ts';
import { type Objective, objectives } from './objective.ts';

/** Weight of the KL and how it changes, and draws for each row. */
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

const strength = /* @__PURE__ */ real({ min: 0 });
const checks = {
  beta: /* @__PURE__ */ optional(strength),
  samples: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  warmUp: /* @__PURE__ */ optional(strength, 0),
  cyclical: /* @__PURE__ */ optional(/* @__PURE__ */ fields({ period: /* @__PURE__ */ real({ min: 2 }) })),
  freeBits: /* @__PURE__ */ optional(strength, 0),
  capacity: /* @__PURE__ */ optional(
    /* @__PURE__ */ fields({
      max: strength,
      epochs: /* @__PURE__ */ real({ above: 0 }),
      gamma: /* @__PURE__ */ optional(strength, 1),
    }),
  ),
};

/** Options of which one would be left out if both were given, and what takes its place. */
const EXCLUSIVE = [
  ['warmUp', 'cyclical'],
  ['capacity', 'beta'],
  ['capacity', 'warmUp'],
  ['capacity', 'cyclical'],
  ['capacity', 'freeBits'],
] as const;

export const elboObjective = /* @__PURE__ */ objectives.known('elbo', {
  options: checks,
  build({ beta: given, samples, warmUp, cyclical, freeBits, capacity }, caller) {
    const set = { beta: given, warmUp: warmUp || undefined, cyclical, freeBits: freeBits || undefined, capacity };
    for (const [a, b] of EXCLUSIVE) {
      if (set[a] !== undefined && set[b] !== undefined) {
        throw new ValueError(`${caller}: ${a} and ${b} exclude each other; leave one out`);
      }
    }
    const beta = given ?? 1;
    const ramp = (epoch: number): number => {
      if (cyclical) return Math.min(1, (epoch % cyclical.period) / (cyclical.period / 2));
      return warmUp > 0 ? Math.min(1, epoch / warmUp) : 1;
    };
    const changes = warmUp > 0 || cyclical !== undefined || capacity !== undefined || beta !== 1;
    return {
      weightAt: changes
        ? (epoch) => (capacity ? capacity.max * Math.min(1, epoch / capacity.epochs) : beta * ramp(epoch))
        : null,
      needsExactKl: freeBits > 0,
      compute(model, x, rng, weight) {
        const { mean, logVariance } = model.posterior(x);
        const shape = samples === 1 ? mean.shape : [samples, ...mean.shape];
        const [mu, v] = samples === 1 ? [mean, logVariance] : [mean.broadcastTo(shape), logVariance.broadcastTo(shape)];
        const z = sampleNormal(mu, v, rng);
        const reconstruction = model.conditionalLogProb(x, z).neg().mean();
        const exact = model.exactKl(mean, logVariance);
        const kl = exact === null ? normalLogProb(z, mu, v).sub(model.logPrior(z)).mean() : exact.mean();
        if (capacity && weight)
          return { loss: reconstruction.add(kl.sub(weight).abs().mul(capacity.gamma).sum()), reconstruction, kl };
        const held =
          freeBits > 0 && exact !== null
            ? klPerLatent(mean, logVariance).mean({ axis: 0 }).maximum(freeBits).sum()
            : kl;
        return { loss: reconstruction.add(weight ? held.mul(weight).sum() : held), reconstruction, kl };
      },
      ...(changes && {
        settled: ({ reconstruction, kl }: { readonly reconstruction: number; readonly kl: number }) =>
          reconstruction + (capacity ? capacity.gamma * Math.abs(kl - capacity.max) : beta * kl),
      }),
    };
  },
});

/**
 * Minus the evidence lower bound: E −log p(x | z) + β·KL(q(z | x) ‖ p(z)), in nats per row. The KL is exact for the
 * standard normal prior and estimated from the draws for learned ones. `reconstruction` and `kl` are reported as they are,
 * without β, free bits or capacity.
 */
export function elbo(options: ElboOptions = {}): Objective {
  return elboObjective.make(options);
}
