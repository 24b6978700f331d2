import { tensor } from '@latent/tensor';
import { expect, it } from 'vitest';
import { continuousBernoulli } from '../index.ts';

it('the mean of a continuous Bernoulli keeps its digits near logit 0, in single precision too', () => {
  const logits = [-3, -0.5001, -0.4999, -0.1, -0.06, -1e-3, 0, 1e-6, 0.04, 0.0501, 0.2, 0.51, 1, 8];
  // ∫ x·C(l)·e^(lx) dx by the midpoint rule.
  const exact = logits.map((l) => {
    let [total, first] = [0, 0];
    for (let i = 0; i < 20_000; i++) {
      const x = (i + 0.5) / 20_000;
      total += Math.exp(l * x);
      first += x * Math.exp(l * x);
    }
    return first / total;
  });
  const single = continuousBernoulli().mean(tensor(logits)).data;
  const double = continuousBernoulli().mean(tensor(Float64Array.from(logits))).data;
  exact.forEach((value, i) => {
    expect(Math.abs((single[i] as number) - value)).toBeLessThan(4e-7);
    expect(Math.abs((double[i] as number) - value)).toBeLessThan(1e-8);
  });
});
