import { Rng, tensor } from '@latent/tensor';
import { expect, it } from 'vitest';
import { layers, network, Softmax, softmax } from '../index.ts';

it('gives each row probabilities over its last axis', () => {
  const p = new Softmax().forward(
    tensor([
      [0, Math.log(3)],
      [1000, 0],
    ]),
  ).data;
  [0.25, 0.75, 1, 0].forEach((want, i) => {
    expect(p[i]).toBeCloseTo(want, 6);
  });
  const built = network([2, softmax()], { input: [3], rng: new Rng(1) });
  const sums = built.forward(new Rng(2).normal([4, 3])).sum({ axis: 1 }).data;
  for (const sum of sums) expect(sum).toBeCloseTo(1, 6);
});

it('is read from its description', () => {
  const spec = layers.resolve(softmax().config(), { caller: 'test', path: 'layer' });
  expect(spec.config()).toEqual({ name: 'softmax' });
  expect(spec.outShape([2, 5])).toEqual([2, 5]);
  expect(spec.mirror([5])).toEqual([]);
});
