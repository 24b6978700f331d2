import { gradCheck, gradients, parameter } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { objectives } from '../index.ts';
import { klToStandardNormal, normalLogProb } from '../latent/diagonal-normal.ts';
import { elbo } from './elbo.ts';
import { iwae } from './iwae.ts';
import type { Objective, ObjectiveModel } from './objective.ts';

const soft = { dtype: 'f64' } as const;

/** q(z | x) = N(a·x, e^b), p(x | z) = N(c·z, 1), p(z) = N(0, 1): every quantity is known. */
function toy(a: Tensor, b: Tensor, c: Tensor, exact = true): ObjectiveModel {
  const zeroLike = (x: Tensor): Tensor => x.mul(0);
  return {
    posterior: (x) => ({ mean: x.mul(a), logVariance: zeroLike(x).add(b) }),
    conditionalLogProb(x, z) {
      const mean = z.mul(c);
      return normalLogProb(x.broadcastTo(mean.shape), mean, zeroLike(mean));
    },
    exactKl: (mean, v) => (exact ? klToStandardNormal(mean, v) : null),
    logPrior: (z) => normalLogProb(z, zeroLike(z.detach()), zeroLike(z.detach())),
  };
}

const start = [0.4, -0.5, 0.8].map((value) => tensor([value], soft));
const x = tensor([[2], [-1], [0.5]], soft);
const loss = (
  objective: Objective,
  seed: number,
  params: readonly Tensor[],
  weight: Tensor | null = null,
  exact = true,
) => objective.compute(toy(params[0]!, params[1]!, params[2]!, exact), x, new Rng(seed), weight).loss;

const at = { caller: 'test', path: 'objective' };

describe('the gradient of', () => {
  const table: [string, Objective, Tensor | null, boolean][] = [
    ['elbo', elbo(), null, true],
    ['elbo with draws', elbo({ samples: 3 }), null, true],
    ['β-elbo', elbo({ beta: 4 }), tensor([4], soft), true],
    ['elbo with free bits', elbo({ freeBits: 0.3 }), null, true],
    ['elbo with a capacity', elbo({ capacity: { max: 1, epochs: 2, gamma: 5 } }), tensor([0.1], soft), true],
    ['elbo with an estimated KL', elbo(), null, false],
    ['iwae', iwae({ samples: 4 }), null, true],
  ];
  it.each(table)('%s is that of its loss', (_name, objective, weight, exact) => {
    expect(gradCheck((...params) => loss(objective, 3, params, weight, exact), start)).toBeLessThan(1e-6);
  });

  it.each(['stl', 'dreg'] as const)('iwae by %s has the expectation of the plain one', (estimator) => {
    const collect = (objective: Objective, draws: number): { mean: number[]; error: number[] } => {
      const params = start.map((p) => parameter(p));
      const sums = [0, 0, 0];
      const squares = [0, 0, 0];
      for (let seed = 0; seed < draws; seed++) {
        gradients(loss(objective, seed, params), params).forEach((g, i) => {
          sums[i]! += g.item();
          squares[i]! += g.item() ** 2;
        });
      }
      const mean = sums.map((sum) => sum / draws);
      return { mean, error: squares.map((square, i) => Math.sqrt((square / draws - mean[i]! ** 2) / draws)) };
    };
    const plain = collect(iwae({ samples: 3 }), 3000);
    const other = collect(iwae({ samples: 3, estimator }), 3000);
    // Sticking the landing is biased for the encoder when K > 1 (Tucker et al. 2018), never for the decoder.
    const checked = estimator === 'dreg' ? [0, 1, 2] : [2];
    for (const i of checked) {
      expect(Math.abs(plain.mean[i]! - other.mean[i]!)).toBeLessThan(5 * Math.hypot(plain.error[i]!, other.error[i]!));
    }
    // The encoder's gradient is steadier.
    if (estimator === 'dreg') expect(other.error[0]).toBeLessThan(plain.error[0]!);
  });

  it('iwae by dreg with one draw is that by stl', () => {
    const of = (estimator: 'stl' | 'dreg'): number[] => {
      const params = start.map((p) => parameter(p));
      return gradients(loss(iwae({ samples: 1, estimator }), 7, params), params).map((g) => g.item());
    };
    of('dreg').forEach((value, i) => {
      expect(value).toBeCloseTo(of('stl')[i]!, 10);
    });
  });

  it('iwae by stl does not scatter where q is the posterior', () => {
    // x | z ~ N(z, 1) gives z | x ~ N(x/2, 1/2).
    const exact = [0.5, Math.log(0.5), 1].map((value) => parameter(tensor([value], soft)));
    for (const seed of [0, 1, 2]) {
      const [a, b] = gradients(loss(iwae({ samples: 1, estimator: 'stl' }), seed, exact), exact);
      expect([a!.item(), b!.item()].every((g) => Math.abs(g) < 1e-12)).toBe(true);
    }
  });
});

describe('the bound', () => {
  it('of importance weights is log p(x) where q is the posterior, draw by draw', () => {
    const exact = [0.5, Math.log(0.5), 1].map((value) => tensor([value], soft));
    const two = tensor([[2]], soft);
    for (const samples of [1, 5]) {
      const value = iwae({ samples })
        .compute(toy(exact[0]!, exact[1]!, exact[2]!), two, new Rng(1), null)
        .loss.item();
      expect(value).toBeCloseTo(2.26551212348, 10);
    }
  });

  it('with one importance draw is the bound of that draw', () => {
    const params = start;
    const one = loss(iwae({ samples: 1 }), 5, params).item();
    expect(one).toBeCloseTo(loss(elbo(), 5, params, null, false).item(), 12);
  });

  it('is the plain one with β 1, without free bits, after warm-up', () => {
    const plain = loss(elbo(), 2, start).item();
    expect(loss(elbo({ freeBits: 0 }), 2, start).item()).toBe(plain);
    expect(loss(elbo({ warmUp: 3 }), 2, start, tensor([1], soft)).item()).toBeCloseTo(plain, 12);
    expect(elbo({ warmUp: 4 }).weightAt?.(2)).toBe(0.5);
    expect(elbo({ warmUp: 4 }).weightAt?.(9)).toBe(1);
    expect([0, 1, 2, 3, 4, 5].map((epoch) => elbo({ cyclical: { period: 4 }, beta: 2 }).weightAt?.(epoch))).toEqual([
      0, 1, 2, 2, 0, 1,
    ]);
    expect([0, 1, 5].map((epoch) => elbo({ capacity: { max: 6, epochs: 2 } }).weightAt?.(epoch))).toEqual([0, 3, 6]);
    expect(elbo().weightAt).toBe(null);
  });

  it('counts a latent below its free bits as if it carried them', () => {
    const [, , c] = start;
    // q = p: no latent carries anything.
    const idle = [tensor([0], soft), tensor([0], soft), c as Tensor];
    expect(loss(elbo({ freeBits: 0.7 }), 4, idle).item()).toBeCloseTo(loss(elbo(), 4, idle).item() + 0.7, 12);
  });

  it('comes back from its configuration, and refuses what cannot be', () => {
    for (const objective of [elbo({ beta: 2, freeBits: 0.1 }), iwae({ samples: 7, estimator: 'dreg' })]) {
      const config = JSON.parse(JSON.stringify(objective.config()));
      expect(objectives.resolve(config, at).config()).toEqual(objective.config());
    }
    expect(() => elbo({ samples: 0 })).toThrow('elbo: samples must be a whole number ≥ 1, got 0');
    expect(() => elbo({ freeBits: -1 })).toThrow('elbo: freeBits must be a number ≥ 0, got -1');
    expect(() => iwae({ estimator: 'best' as never })).toThrow(
      "iwae: estimator must be one of 'standard', 'stl', 'dreg', got \"best\"",
    );
    expect(() => objectives.resolve({ name: 'luck' }, at)).toThrow("test: there is no objective (objective) 'luck'");
  });
});
