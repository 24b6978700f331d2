import { standardise } from '@latent/nn';
import { Rng, tensor, zeros } from '@latent/tensor';
import { expect, it } from 'vitest';
import { Autoencoder, expectedRows, gaussian, Regressor, SeenRange, Vae } from '../index.ts';

it('limits are what drawIn holds rows to', () => {
  const range = SeenRange.of(Float32Array.of(0, 10, 2, 30), 2);
  const { least, most, largest } = range.limits('codes');
  expect([...least, ...most]).toEqual([-9, -80, 11, 120]);
  expect([...range.limits('scores').most]).toEqual([2, 30]);
  const rows = Float32Array.of(50, -1e20, 1, 5);
  expect([...(range.drawIn(rows, 'codes') as Float32Array)]).toEqual([11, -80, 1, 5]);
  expect([...rows]).toEqual([50, Math.fround(-largest), 1, 5]);
  least.fill(0);
  expect(range.limits('codes').least[0]).toBe(-9);
});

it('a model says what it has seen, once it has', async () => {
  const vae = new Vae({ inputSize: 2, latentSize: 1, reconstruction: gaussian() });
  expect(vae.seenRange).toBeNull();
  await vae.fit(new Rng(1).normal([20, 2]), { epochs: 1 });
  expect(vae.seenRange?.limits('codes').least).toHaveLength(2);
});

it('an autoencoder gives the parameters of the distribution of rows with these codes', () => {
  const model = new Autoencoder({ inputSize: 3, encoder: [2] });
  const codes = tensor([[1, 2]]);
  expect(model.likelihoodParams(codes).data).toEqual(model.decode(codes).data);
});

it('a regressor says how its targets scatter, and on which scale', async () => {
  const model = new Regressor({ inputSize: 2, encoder: [3], targetTransform: standardise() });
  expect(model.targetDistribution.name).toBe('squaredError');
  expect(model.targetTransform).toBeNull();
  expect(model.targetTransformToLearn?.name).toBe('standardise');
  await model.fit(new Rng(1).normal([10, 2]), new Rng(2).normal([10, 1]), { epochs: 1 });
  expect(model.targetTransform?.width).toBe(1);
});

it('expected rows of one draw are the mean at its code', () => {
  const vae = new Vae({ inputSize: 2, latentSize: 1, reconstruction: gaussian(), missing: true });
  const x = tensor([
    [1, Number.NaN],
    [0.5, 2],
  ]);
  const draws = { normal: (samples: number, width: number) => zeros([samples, 2, width]) };
  const atMean = vae.reconstructionDistribution.mean(vae.likelihoodParams(vae.posterior(x).mean)).data;
  expectedRows(vae, { x, near: x, draws }, 1).data.forEach((value, i) => {
    expect(value).toBeCloseTo(atMean[i] as number, 6);
  });
});
