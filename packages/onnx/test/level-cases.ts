// Models of several levels of latents, and of masked cells.
import { noGrad } from '@latent/autograd';
import { scoring, standardise } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, gaussian, HierarchicalVae, MaskedAutoencoder } from '@latent/vae';
import { onnxModel } from '../src/index.ts';
import { type Case, SCORE } from './cases.ts';
import { shaken } from './layer-cases.ts';
import { given, wanted } from './vae-cases.ts';

const quick = { epochs: 3, batchSize: 8, onWarning: () => {} };
const LOOSE = { absolute: 4e-6, relative: 4e-6 };

/** A hierarchical VAE of rows on a scale, and the bound of draws of one that is not. */
async function hierarchicalCases(): Promise<Case[]> {
  const options = { encoder: [[6], [5]], latentSizes: [3, 2] } as const;
  const rows = new Rng(9).normal([10, 4]).mul(2).add(3);
  const model = new HierarchicalVae({
    ...options,
    inputSize: 4,
    reconstruction: gaussian(),
    transform: standardise(),
  });
  await model.fit(rows, quick);
  const plain = shaken(new HierarchicalVae({ ...options, inputSize: 4, reconstruction: bernoulli() }), 3, 0.3);
  const binary = new Rng(7).bernoulli([6, 4]);
  const eps = new Rng(8).normal([6, plain.latentSize]);
  const { elbo, cost, kl } = boundOf(plain, binary, eps);
  const atMean = boundOf(plain, binary, eps.mul(0));
  const threshold = (atMean.elbo.neg().data.toSorted()[3] as number) - 1e-3;
  const codes = model.encode(rows);
  const x = { x: given(rows, 'double') };
  return [
    {
      name: 'levels: encoder',
      model: onnxModel(model, { graph: 'encoder' }),
      inputs: x,
      expected: { mean: wanted(codes.mean), logVariance: wanted(codes.variance.log()) },
    },
    {
      name: 'levels: decoder',
      model: onnxModel(model, { graph: 'decoder' }),
      inputs: { z: given(codes.mean) },
      expected: { mean: wanted(model.decode(codes.mean), LOOSE) },
    },
    {
      name: 'levels: reconstruction',
      model: onnxModel(model, { graph: 'reconstruction' }),
      inputs: x,
      expected: { reconstruction: wanted(model.reconstruct(rows), LOOSE) },
    },
    {
      name: 'levels: reconstruction error on the scale of the data',
      model: onnxModel(model, { graph: 'reconstructionError' }),
      inputs: x,
      expected: { error: wanted(model.reconstructionError(rows), SCORE) },
    },
    {
      name: 'levels: bound of draws',
      model: onnxModel(plain, { graph: 'elbo', noise: 'input' }),
      inputs: { x: given(binary), eps: given(eps) },
      expected: { elbo: wanted(elbo, SCORE), reconstruction: wanted(cost, SCORE), kl: wanted(kl, SCORE) },
    },
    {
      name: 'levels: detector',
      model: onnxModel(plain, { graph: 'detector', threshold }),
      inputs: { x: given(binary) },
      expected: {
        score: wanted(atMean.elbo.neg(), SCORE),
        anomaly: {
          dims: [6],
          data: Array.from(atMean.elbo.data, (nats) => Number(-nats > threshold)),
          absolute: 0,
          relative: 0,
        },
      },
    },
  ];
}

/** The bound with this noise, by its definition. */
function boundOf(model: HierarchicalVae, x: Tensor, eps: Tensor): Record<'elbo' | 'cost' | 'kl', Tensor> {
  return noGrad(() =>
    scoring(() => {
      const noise = model.tower.split(eps);
      const { params, residuals } = model.tower.descend(x, ({ mean, logVariance }, level) =>
        mean.add(
          logVariance
            .exp()
            .sqrt()
            .mul(noise[level] as Tensor),
        ),
      );
      const cost = model.options.reconstruction.logProb(x, params).neg();
      const kl = residuals
        .map(({ mean, logVariance }) =>
          logVariance.exp().add(mean.square()).sub(logVariance).sub(1).sum({ axis: 1 }).div(2),
        )
        .reduce((a, b) => a.add(b));
      return { elbo: cost.add(kl).neg(), cost, kl };
    }),
  );
}

/** A masked autoencoder of rows with holes on a scale. */
async function maskedCases(): Promise<Case[]> {
  const rows = new Rng(6).normal([12, 3]).mul(2).add(1);
  const holes = tensor(
    rows.data.map((value, i) => (i % 7 === 2 ? Number.NaN : value)),
    { shape: rows.shape },
  );
  const model = new MaskedAutoencoder({
    ...{ inputSize: 3, encoder: [6], reconstruction: gaussian(), transform: standardise() },
  });
  await model.fit(holes, quick);
  const x = { x: given(holes, 'double') };
  return [
    {
      name: 'masked cells: encoder',
      model: onnxModel(model, { graph: 'encoder' }),
      inputs: x,
      expected: { code: wanted(model.encode(holes)) },
    },
    {
      name: 'masked cells: imputer',
      model: onnxModel(model, { graph: 'imputer' }),
      inputs: x,
      expected: { rows: wanted(model.impute(holes), LOOSE) },
    },
  ];
}

/** All of them. */
export async function levelCases(): Promise<Case[]> {
  return (await Promise.all([hierarchicalCases(), maskedCases()])).flat();
}
