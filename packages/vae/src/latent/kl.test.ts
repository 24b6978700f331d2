import { gradCheck } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { normalLogProb } from './diagonal-normal.ts';
import { kl, type Parametric } from './kl.ts';

const f64 = (values: number[]): Tensor => tensor(values, { dtype: 'f64' });
const of = (name: string, ...params: number[][]): Parametric => ({ name, params: params.map(f64) });
const logit = (p: number): number => Math.log(p / (1 - p));

// Golden values in float64 by the formulas of the field, twelve digits.
const table: [Parametric, Parametric, number][] = [
  [of('normal', [1], [-1]), of('normal', [0], [0]), 0.683939720586],
  [of('normal', [0.5], [0.3]), of('normal', [0], [0]), 0.149929403788],
  [of('normal', [1], [2 * Math.log(2)]), of('normal', [-1], [2 * Math.log(3)]), 0.349909552553],
  [of('bernoulli', [logit(0.3)]), of('bernoulli', [logit(0.6)]), 0.183786897387],
  [of('exponential', [Math.log(2)]), of('exponential', [Math.log(0.5)]), 0.63629436112],
  [of('laplace', [0], [0]), of('laplace', [1], [Math.log(2)]), 0.377086901146],
  [of('categorical', [0.2, 0.5, 0.3].map(Math.log)), of('categorical', [0, 0, 0]), 0.0689592746035],
];

describe('kl', () => {
  it.each(table)('of %o has its golden value, is 0 to itself, and has its gradients', (p, q, want) => {
    expect(kl(p, q).item()).toBeCloseTo(want, 11);
    expect(kl(p, p).item()).toBeCloseTo(0, 12);
    const count = p.params.length;
    const f = (...params: Tensor[]): Tensor =>
      kl({ name: p.name, params: params.slice(0, count) }, { name: q.name, params: params.slice(count) });
    expect(gradCheck(f, [...p.params, ...q.params])).toBeLessThan(1e-6);
  });

  it('is never negative, and adds up over the last axis', () => {
    const rng = new Rng(1);
    const draw = (): Tensor => rng.normal([40, 3], { dtype: 'f64' });
    for (const name of ['normal', 'laplace', 'bernoulli', 'exponential', 'categorical']) {
      const count = ['normal', 'laplace'].includes(name) ? 2 : 1;
      const make = (): Parametric => ({ name, params: Array.from({ length: count }, draw) });
      const values = kl(make(), make());
      expect(values.shape).toEqual([40]);
      for (const value of values.data) expect(value).toBeGreaterThan(0);
    }
  });

  it('of other pairs is an estimate when asked for, and an error when not', () => {
    const gaussian = (mean: number, v: number, name: string): Parametric => ({
      name,
      params: [],
      logProb: (x) => normalLogProb(x, x.mul(0).add(mean), x.mul(0).add(v)),
      rsample: (rng) =>
        rng
          .normal([20_000, 1], { dtype: 'f64' })
          .mul(Math.exp(v / 2))
          .add(mean),
    });
    const [p, q] = [gaussian(0.5, 0.3, 'mine'), gaussian(0, 0, 'yours')];
    const estimate = { samples: 2, rng: new Rng(3) };
    const draws = kl(p, q, { estimate });
    const error = Math.sqrt(draws.variance().item() / 20_000);
    expect(Math.abs(draws.mean().item() - 0.149929403788)).toBeLessThan(4 * error);
    expect(() => kl(p, q)).toThrow('kl: no closed form for mine ‖ yours');
    expect(() => kl({ name: 'mine', params: [] }, q, { estimate })).toThrow('needs rsample and logProb of mine');
    expect(() => kl(p, q, { estimate: { samples: 0, rng: new Rng(0) } })).toThrow('samples must be a whole number ≥ 1');
  });
});
