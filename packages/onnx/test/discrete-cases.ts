// Models with codes that are whole numbers, features of which few are on, or classes that are summed over.

import { noGrad } from '@latent/autograd';
import { conv2d, scoring, standardise } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, gaussian, type Model, SemiSupervisedVae, SparseAutoencoder, VqVae } from '@latent/vae';
import { onnxModel } from '../src/index.ts';
import { ACTIVATION, type Case, SCORE } from './cases.ts';
import { shaken } from './layer-cases.ts';
import { classesOf, given, vaeCases, wanted } from './vae-cases.ts';

const quick = { epochs: 3, batchSize: 8, onWarning: () => {} };

/** Whole numbers that must come out. */
const whole = (x: Tensor): Case['expected'][string] => ({ dims: x.shape, data: Array.from(x.data), ...ACTIVATION });

/** A threshold that some of the scores are above. */
const between = (scores: Tensor): number => {
  const sorted = scores.data.toSorted();
  const middle = sorted.length >> 1;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

const detected = (name: string, model: Model, x: Case['inputs'], score: Tensor): Case => ({
  name: `${name}: detector`,
  model: onnxModel(model, { graph: 'detector', threshold: between(score) }),
  inputs: x,
  expected: {
    score: wanted(score, SCORE),
    anomaly: { dims: score.shape, data: Array.from(score.data, (s) => Number(s > between(score))), ...ACTIVATION },
  },
});

/** A VQ-VAE of rows on a scale and one of pictures, before and after its prior has learned. */
async function quantisedCases(): Promise<Case[]> {
  const rows = new Rng(3).normal([24, 4]).mul(3).add(1);
  const pictures = new Rng(4).bernoulli([16, 4, 4, 1]);
  const prior = { width: 8, layers: 1, heads: 2 };
  const line = new VqVae({
    ...{ inputSize: 4, encoder: [6], codes: 5, codeSize: 2, places: 3, prior },
    ...{ reconstruction: gaussian(), transform: standardise() },
  });
  await line.fit(rows, quick);
  const plane = new VqVae({
    ...{ event: [4, 4, 1], encoder: [conv2d(3, { kernel: 3, stride: 2 })], codes: 4, codeSize: 2, prior },
    reconstruction: bernoulli(),
  });
  await plane.fit(pictures, quick);
  await plane.fitPrior(pictures, quick);
  const cases = (name: string, model: VqVae, data: Tensor, type: 'float' | 'double'): Case[] => {
    const x = { x: given(data, type) };
    const codes = model.encode(data);
    const { bound, reconstruction, codes: cost } = model.codeBound(data);
    return [
      {
        name: `${name}: encoder`,
        model: onnxModel(model, { graph: 'encoder' }),
        inputs: x,
        expected: { codes: whole(codes) },
      },
      {
        name: `${name}: decoder`,
        model: onnxModel(model, { graph: 'decoder' }),
        inputs: { codes: given(codes, 'int64') },
        expected: { mean: wanted(model.decode(codes), { absolute: 4e-6, relative: 4e-6 }) },
      },
      {
        name: `${name}: reconstruction`,
        model: onnxModel(model, { graph: 'reconstruction' }),
        inputs: x,
        expected: { reconstruction: wanted(model.reconstruct(data), { absolute: 4e-6, relative: 4e-6 }) },
      },
      {
        name: `${name}: reconstruction error`,
        model: onnxModel(model, { graph: 'reconstructionError' }),
        inputs: x,
        expected: { error: wanted(reconstruction, SCORE) },
      },
      {
        name: `${name}: bound`,
        model: onnxModel(model, { graph: 'codeBound' }),
        inputs: x,
        expected: {
          bound: wanted(bound, SCORE),
          reconstruction: wanted(reconstruction, SCORE),
          codes: wanted(cost, SCORE),
        },
      },
      detected(name, model, x, model.reconstructionError(data)),
    ];
  };
  return [...cases('codes of rows', line, rows, 'double'), ...cases('codes of pictures', plane, pictures, 'float')];
}

/** A sparse autoencoder of rows on a scale. */
async function sparseCases(): Promise<Case[]> {
  const rows = new Rng(5).normal([20, 5]).mul(2).add(3);
  const model = new SparseAutoencoder({ inputSize: 5, features: 12, active: 3, transform: standardise() });
  await model.fit(rows, quick);
  const x = { x: given(rows, 'double') };
  const codes = model.encode(rows);
  const error = model.reconstructionError(rows);
  return [
    {
      name: 'features: encoder',
      model: onnxModel(model, { graph: 'encoder' }),
      inputs: x,
      expected: { code: wanted(codes) },
    },
    {
      name: 'features: decoder',
      model: onnxModel(model, { graph: 'decoder' }),
      inputs: { z: given(codes) },
      expected: { mean: wanted(model.decode(codes), { absolute: 4e-6, relative: 4e-6 }) },
    },
    {
      name: 'features: reconstruction',
      model: onnxModel(model, { graph: 'reconstruction' }),
      inputs: x,
      expected: { reconstruction: wanted(model.reconstruct(rows), { absolute: 4e-6, relative: 4e-6 }) },
    },
    {
      name: 'features: reconstruction error',
      model: onnxModel(model, { graph: 'reconstructionError' }),
      inputs: x,
      expected: { error: wanted(error, SCORE) },
    },
    detected('features', model, x, error),
  ];
}

/** A semi-supervised VAE of rows with holes on a scale, and the VAE in it, whose condition is the class. */
async function semiSupervisedCases(): Promise<Case[]> {
  const rows = new Rng(6).normal([12, 3]).mul(2).add(1);
  const holes = tensor(
    rows.data.map((value, i) => (i % 7 === 2 ? Number.NaN : value)),
    { shape: rows.shape },
  );
  const model = new SemiSupervisedVae({
    ...{ inputSize: 3, latentSize: 2, encoder: [5], classes: 3, missing: true },
    ...{ reconstruction: gaussian(), transform: standardise() },
  });
  await model.fit(
    holes,
    Array.from({ length: 12 }, (_, i) => (i % 2 ? null : i % 3)),
    quick,
  );
  const x = { x: given(holes, 'double') };
  const plain = shaken(
    new SemiSupervisedVae({
      ...{ inputSize: 4, latentSize: 2, encoder: [5], classes: 2, reconstruction: bernoulli() },
    }),
    2,
    0.3,
  );
  const binary = new Rng(7).bernoulli([6, 4]);
  const eps = new Rng(8).normal([2, 6, 2]);
  const boundOf = (noise: Tensor): Tensor =>
    noGrad(() => scoring(() => plain.bound({ x: binary, near: binary, draws: { normal: () => noise } })));
  const [bound, atMean] = [boundOf(eps), boundOf(eps.mul(0))];
  const inputs = { x: given(binary) };
  return [
    {
      name: 'some classes: prediction',
      model: onnxModel(model, { graph: 'prediction' }),
      inputs: x,
      expected: {
        probability: wanted(model.predictProbability(holes)),
        class: { dims: [12], data: model.predict(holes), ...ACTIVATION },
      },
    },
    {
      name: 'some classes: bound on the scale of the data',
      model: onnxModel(model, { graph: 'elbo' }),
      inputs: x,
      expected: { elbo: wanted(elboAtMean(model, holes), SCORE) },
    },
    {
      name: 'some classes: bound of draws',
      model: onnxModel(plain, { graph: 'elbo', noise: 'input' }),
      inputs: { ...inputs, eps: given(eps) },
      expected: { elbo: wanted(bound, SCORE) },
    },
    detected('some classes', plain, inputs, atMean.neg()),
    ...vaeCases('the VAE of classes', plain.vae, binary, classesOf([0, 1, 1, 0, 1, 0], 2)),
  ];
}

/** The bound at the mean of each class's code, of rows on a scale: their densities differ by the slopes. */
function elboAtMean(model: SemiSupervisedVae, rows: Tensor): Tensor {
  const { transform } = model;
  const flat = { values: rows.data, count: rows.shape[0] as number, width: rows.shape[1] as number };
  const x = tensor(transform?.forward('test', flat) as Float32Array, { shape: rows.shape });
  const noise = new Rng(1).normal([model.classes, flat.count, 2]).mul(0);
  const bound = noGrad(() => scoring(() => model.bound({ x, near: x, draws: { normal: () => noise } })));
  const slopes = tensor(Float32Array.from(transform?.logJacobian('test', flat) as Float64Array), { shape: rows.shape });
  return bound.add(slopes.sum({ axis: 1 }));
}

/** All of them. */
export async function discreteCases(): Promise<Case[]> {
  return (await Promise.all([quantisedCases(), sparseCases(), semiSupervisedCases()])).flat();
}
