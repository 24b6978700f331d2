import { conv2d, dense, lstm, network, standardise } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { Autoencoder, bernoulli, boundScore, gaussian, Vae } from '@latent/vae';
import { expect, it } from 'vitest';
import * as parts from './index.ts';
import { exportWith, imageOps, scales, sequenceOps, vaeGraphs } from './index.ts';

// What is known is known to the end of the process, so what is missing is asked for first.
it('holds the rules of the parts that are named, and says which one is missing', async () => {
  const vae = new Vae({ inputSize: 3, latentSize: 1, encoder: [4], reconstruction: bernoulli() });
  const scaled = new Vae({ inputSize: 3, latentSize: 1, reconstruction: gaussian(), transform: standardise() });
  await scaled.fit(new Rng(1).normal([20, 3]), { epochs: 1 });
  const rng = new Rng(2);
  const picture = network([conv2d(2), 3], { input: [4, 4, 1], rng });
  const series = network([lstm(3), 2], { input: [5, 2], rng });
  const image = { input: [4, 4, 1] };

  expect(() => exportWith([], vae, { graph: 'elbo' })).toThrow("of the class 'vae' have no graphs; name the part");
  expect(() => exportWith([], picture, image)).toThrow('imageOps');
  expect(() => exportWith([], series, { input: [5, 2] })).toThrow('sequenceOps');
  expect(() => exportWith([vaeGraphs], scaled, { graph: 'elbo' })).toThrow("'standardise' needs the part scales");
  expect(() => exportWith([vaeGraphs], new Autoencoder({ inputSize: 3, encoder: [2] }), { graph: 'encoder' })).toThrow(
    "of the class 'autoencoder' have no graphs",
  );
  expect(() => exportWith(vaeGraphs as never, vae, { graph: 'elbo' })).toThrow(
    'exportWith: the first argument must be parts such as [vaeGraphs, scales]',
  );

  const alone = network([dense(2)], { input: [3], rng });
  for (const file of [
    exportWith([], alone, { input: [3] }),
    exportWith([vaeGraphs], vae, { graph: 'elbo' }),
    exportWith([vaeGraphs], vae, { graph: boundScore }),
    exportWith([vaeGraphs, scales], scaled, { graph: 'detector', threshold: 3 }),
    exportWith([imageOps], picture, image),
    exportWith([sequenceOps], series, { input: [5, 2] }),
  ])
    expect(file.length).toBeGreaterThan(200);
});

it('are all known to exportOnnx', async () => {
  // Loaded here: it makes all parts known.
  const { modelRules, opRules } = await import('../index.ts');
  const models = Object.values(parts).flatMap((part) =>
    typeof part === 'object' && 'models' in part ? Object.keys(part.models?.() ?? {}) : [],
  );
  const ops = Object.values(parts).flatMap((part) =>
    typeof part === 'object' && 'ops' in part ? Object.keys(part.ops?.() ?? {}) : [],
  );
  expect(modelRules.names()).toEqual(expect.arrayContaining(models));
  expect(opRules.names()).toEqual(expect.arrayContaining(ops));
  expect(models.length + ops.length).toBeGreaterThan(20);
});
