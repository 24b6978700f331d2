import { noGrad } from '@latent/autograd';
import {
  asinh,
  chain,
  type FlatRows,
  flatten,
  log,
  minMax,
  perColumn,
  quantile,
  reshape,
  robust,
  scoring,
  standardise,
  type Transform,
} from '@latent/nn';
import { Rng, softmax, type Tensor, tensor } from '@latent/tensor';
import {
  Autoencoder,
  bernoulli,
  Classifier,
  categorical,
  composite,
  contributionsScore,
  DenoisingAutoencoder,
  expectedRows,
  gaussian,
  laplace,
  type Model,
  Regressor,
  type Vae,
} from '@latent/vae';
import { onnxModel } from '../src/index.ts';
import { ACTIVATION, type Case, SCORE } from './cases.ts';
import { shaken } from './layer-cases.ts';
import { given, scoreOf, vaeCases, vaeOf, wanted } from './vae-cases.ts';

/** Every registered transform, in rows of three columns above 0. */
export const TRANSFORMS: Readonly<Record<string, readonly Transform[]>> = {
  standardise: [standardise()],
  minMax: [minMax(), minMax({ low: -2, high: 3 })],
  robust: [robust()],
  quantile: [quantile(), quantile({ knots: 4 })],
  log: [log(), log({ offset: 2 })],
  asinh: [asinh(), asinh({ scale: 1e-3 }), asinh({ scale: 1e6 })],
  chain: [chain(log(), standardise()), chain(standardise(), minMax({ low: -1 }), standardise())],
  perColumn: [
    perColumn([
      { columns: [0, 2], transform: chain(log({ offset: 0.5 }), standardise()) },
      { columns: [1], transform: minMax() },
    ]),
    perColumn([{ columns: [2], transform: robust() }]),
  ],
};

const DOUBLE = { absolute: 2e-6, relative: 3e-6 } as const;

/** Rows of values far from 0 beside small ones, in double precision. */
function unevenRows(rng: Rng, rows: number): Tensor {
  const values = rng.exponential([rows, 3]).data;
  const scales = [1, 1e4, 0.1];
  const wide = Float64Array.from(values, (value, i) => (i % 3 === 1 ? 1e6 : 0.2) + value * (scales[i % 3] as number));
  return tensor(wide, { shape: [rows, 3], dtype: 'f64' });
}

/** Models under every transform: rows in and out in double precision, scores of the data as given. */
export function transformCases(): Case[] {
  return Object.entries(TRANSFORMS).flatMap(([name, specs]) =>
    specs.flatMap((spec, i): Case[] => {
      const x = unevenRows(new Rng(6), 12);
      const model = vaeOf(3, gaussian(), { transform: spec.fit(x) });
      const z = new Rng(3).normal([4, 2]);
      const inputs = { x: given(x, 'double') };
      const title = `transform ${name} ${i}`;
      const single = model.encode(x).mean;
      return [
        {
          name: `${title}: encoder`,
          model: onnxModel(model, { graph: 'encoder' }),
          inputs,
          expected: { mean: wanted(single) },
        },
        {
          name: `${title}: decoder`,
          model: onnxModel(model, { graph: 'decoder' }),
          inputs: { z: given(z) },
          expected: { mean: wanted(model.decode(z), DOUBLE) },
        },
        {
          name: `${title}: reconstruction`,
          model: onnxModel(model, { graph: 'reconstruction' }),
          inputs,
          expected: { reconstruction: wanted(model.reconstruct(x), DOUBLE) },
        },
        {
          name: `${title}: reconstruction error`,
          model: onnxModel(model, { graph: 'reconstructionError' }),
          inputs,
          expected: { error: wanted(model.reconstructionError(x), SCORE) },
        },
        contributionsCase(`${title}: contributions`, model, x, 3),
      ];
    }),
  );
}

/** The columns' shares at the mean of the codes; on the data's scale they differ from the model's by the log-slopes. */
function contributionsCase(name: string, model: Vae, x: Tensor, width: number): Case {
  const { transform } = model;
  const rows: FlatRows = { values: x.data, count: x.shape[0] as number, width };
  const own = tensor(transform?.forward('test', rows) ?? Float32Array.from(x.data), { shape: x.shape });
  const { columns, kl } = scoreOf(model, contributionsScore, own, null, 1) as { columns: Tensor; kl: Tensor };
  const slopes = transform?.logJacobian('test', rows) ?? new Float64Array(x.size);
  const shifted = columns.sub(tensor(Float32Array.from(slopes), { shape: columns.shape }));
  return {
    name,
    model: onnxModel(model, { graph: 'contributions' }),
    inputs: { x: given(x, 'double') },
    expected: {
      columns: wanted(shifted, SCORE),
      kl: wanted(kl, SCORE),
      score: wanted(shifted.sum({ axis: 1 }).add(kl), SCORE),
    },
  };
}

const predicted = (model: Model & { forward(x: Tensor): Tensor }, x: Tensor): Tensor =>
  noGrad(() => scoring(() => model.forward(x)));

/** Autoencoders, and models that predict. */
export function modelCases(): Case[] {
  const x = new Rng(8).normal([5, 6]);
  const wide = x.mul(4).add(1);
  const transform = standardise().fit(wide);
  const autoencoders = {
    tied: shaken(new Autoencoder({ inputSize: 6, encoder: [4, 2], activation: 'sigmoid' })),
    untied: shaken(new Autoencoder({ inputSize: 6, encoder: [4, 2], reconstruction: gaussian(), transform })),
    denoising: shaken(new DenoisingAutoencoder({ inputSize: 6, encoder: [3], reconstruction: laplace() })),
    shaped: shaken(
      new Autoencoder({
        event: [2, 3],
        encoder: [flatten(), 4, reshape([2, 2])],
        decoder: [flatten(), 5],
        tied: false,
      }),
    ),
  };
  const cases = Object.entries(autoencoders).flatMap(([name, model]): Case[] => {
    const type = model.transform === null ? 'float' : 'double';
    const rows = (model.transform === null ? x : wide).reshape([5, ...model.event]);
    const codes = model.encode(rows);
    const inputs = { x: given(rows, type) };
    return [
      {
        name: `${name}: encoder`,
        model: onnxModel(model, { graph: 'encoder' }),
        inputs,
        expected: { code: wanted(codes) },
      },
      {
        name: `${name}: decoder`,
        model: onnxModel(model, { graph: 'decoder' }),
        inputs: { z: given(codes) },
        expected: { mean: wanted(model.decode(codes), DOUBLE) },
      },
      {
        name: `${name}: reconstruction`,
        model: onnxModel(model, { graph: 'reconstruction' }),
        inputs,
        expected: { reconstruction: wanted(model.reconstruct(rows), DOUBLE) },
      },
      {
        name: `${name}: reconstruction error`,
        model: onnxModel(model, { graph: 'reconstructionError' }),
        inputs,
        expected: { error: wanted(model.reconstructionError(rows), SCORE) },
      },
      detectorCase(`${name}: detector`, model, rows, type),
    ];
  });

  const encoder = vaeOf(6, gaussian(), { transform });
  const classifier = shaken(new Classifier({ encoder, classes: 3 }), 5);
  const plain = shaken(new Classifier({ inputSize: 6, encoder: [4, 3], classes: 4 }), 5);
  const targetTransform = minMax({ low: -1 }).fit([
    [5, -3],
    [900, 2],
    [20, 7],
  ]);
  const regressor = shaken(
    new Regressor({ inputSize: 6, encoder: [4], outputs: 2, likelihood: gaussian(), targetTransform, transform }),
  );
  const single = shaken(new Regressor({ inputSize: 6, encoder: [] }));
  return [
    ...cases,
    {
      name: 'classifier on a VAE',
      model: onnxModel(classifier),
      inputs: { x: given(wide, 'double') },
      expected: {
        probability: wanted(classifier.predictProbability(wide)),
        class: { dims: [5], data: classifier.predict(wide), ...ACTIVATION },
      },
    },
    {
      name: 'classifier',
      model: onnxModel(plain, { graph: 'prediction' }),
      inputs: { x: given(x) },
      expected: { probability: wanted(softmax(predicted(plain, x))) },
    },
    {
      name: 'regressor',
      model: onnxModel(regressor),
      inputs: { x: given(wide, 'double') },
      expected: { prediction: wanted(regressor.predict(wide), DOUBLE) },
    },
    {
      name: 'linear regressor',
      model: onnxModel(single),
      inputs: { x: given(x) },
      expected: { prediction: wanted(single.predict(x)) },
    },
  ];
}

/** A threshold between the scores. */
function between(scores: ArrayLike<number>): number {
  const sorted = Float64Array.from(scores).sort();
  return ((sorted[1] as number) + (sorted[2] as number)) / 2;
}

function detectorCase(name: string, model: Autoencoder, rows: Tensor, type: 'float' | 'double'): Case {
  const score = model.reconstructionError(rows);
  const threshold = between(score.data);
  return {
    name,
    model: onnxModel(model, { graph: 'detector', threshold }),
    inputs: { x: given(rows, type) },
    expected: {
      score: wanted(score, SCORE),
      anomaly: { dims: score.shape, data: Array.from(score.data, (value) => Number(value > threshold)), ...ACTIVATION },
    },
  };
}

/** Rows with holes, rows of a shape, rows far from what was seen, and detectors. */
export async function rowCases(): Promise<Case[]> {
  const x = new Rng(11).normal([6, 4]);
  const holes = tensor(
    x.data.map((value, i) => (i % 5 === 2 ? Number.NaN : value)),
    { shape: x.shape },
  );
  const mixed = composite([
    [2, gaussian()],
    [2, categorical()],
  ]);
  const categories = tensor(
    holes.data.map((value, i) => (i % 4 < 2 ? value : i % 8 < 4 ? Number.NaN : Number(i % 2))),
    { shape: [6, 4] },
  );
  const incomplete = vaeOf(4, gaussian(), { missing: true });
  const shaped = vaeOf(0, bernoulli(), { event: [2, 3, 1], encoder: [flatten(), 5] });
  const binary = new Rng(2).bernoulli([6, 2, 3, 1]);

  const trained = vaeOf(4, gaussian(), { missing: true, transform: standardise() });
  await trained.fit(holes, { epochs: 2, batchSize: 3 });
  const far = tensor(
    holes.data.map((value, i) => (i === 0 ? 1e4 : i === 5 ? -1e20 : i === 11 ? 3e30 : value)),
    { shape: [6, 4] },
  );
  const farError = trained.reconstructionError(far);
  const scores = scoreOf(incomplete, contributionsScore, holes, null, 1) as { columns: Tensor; kl: Tensor };
  const elbo = scores.columns.sum({ axis: 1 }).add(scores.kl);
  const threshold = between(elbo.data);
  return [
    ...vaeCases('rows with holes', incomplete, holes),
    ...vaeCases('columns of several kinds with holes', vaeOf(4, mixed, { missing: true }), categories),
    ...vaeCases('rows of a shape', shaped, binary),
    ...imputerCases('imputer', incomplete, holes, 'float'),
    ...imputerCases(
      'imputer of trained rows',
      trained,
      tensor(Float64Array.from(holes.data), { shape: [6, 4] }),
      'double',
    ),
    {
      name: 'far rows',
      model: onnxModel(trained, { graph: 'reconstructionError' }),
      inputs: { x: given(far, 'double') },
      expected: { error: wanted(farError, SCORE) },
    },
    {
      name: 'far rows in single precision',
      model: onnxModel(trained, { graph: 'encoder', rows: 'float32' }),
      inputs: { x: given(far) },
      expected: { mean: wanted(trained.encode(far).mean, { absolute: 4e-6, relative: 4e-6 }) },
    },
    {
      name: 'detector by the bound',
      model: onnxModel(incomplete, { graph: 'detector', threshold }),
      inputs: { x: given(holes) },
      expected: {
        score: wanted(elbo, SCORE),
        anomaly: { dims: [6], data: Array.from(elbo.data, (value) => Number(value > threshold)), ...ACTIVATION },
      },
    },
    {
      name: 'detector by the reconstruction error',
      model: onnxModel(incomplete, { graph: 'detector', score: 'reconstructionError', threshold: 3 }),
      inputs: { x: given(holes) },
      expected: { score: wanted(incomplete.reconstructionError(holes), SCORE) },
    },
  ];
}

/** Holes filled at the mean of the code, and over draws. */
function imputerCases(name: string, model: Vae, x: Tensor, type: 'float' | 'double'): Case[] {
  const { transform } = model;
  const flat: FlatRows = { values: x.data, count: 6, width: 4 };
  const own = tensor(transform?.forward('test', flat) ?? Float32Array.from(x.data), { shape: [6, 4] });
  const eps = new Rng(5).normal([3, 6, 2]);
  const filled = (made: Tensor): Tensor => {
    const restored = transform?.inverse(made.data) ?? made.data;
    return tensor(
      Float64Array.from(x.data, (value, i) => (Number.isNaN(value) ? (restored[i] as number) : value)),
      {
        shape: [6, 4],
      },
    );
  };
  const draws = { normal: () => eps };
  const weighted = noGrad(() => scoring(() => expectedRows(model, { x: own, near: own, draws }, 3)));
  const atMean = noGrad(() =>
    scoring(() => model.reconstructionDistribution.mean(model.likelihoodParams(model.posterior(own).mean))),
  );
  return [
    {
      name: `${name} at the mean`,
      model: onnxModel(model, { graph: 'imputer' }),
      inputs: { x: given(x, type) },
      expected: { rows: wanted(filled(atMean), DOUBLE) },
    },
    {
      name: `${name} over draws`,
      model: onnxModel(model, { graph: 'imputer', noise: 'input', samples: 3 }),
      inputs: { x: given(x, type), eps: given(eps) },
      expected: { rows: wanted(filled(weighted), { absolute: 1e-5, relative: 1e-5 }) },
    },
  ];
}
