// Short trainings whose weights have the same bits wherever they run, with deterministic kernels and any number of threads.
import { adamW, batchNorm, conv2d, crc32, dense, dropout, rmsProp, sgd, standardise } from '@latent/nn';
import { Rng, useKernels } from '@latent/tensor';
import {
  bernoulli,
  Classifier,
  composite,
  DenoisingAutoencoder,
  elbo,
  gaussian,
  iwae,
  type Model,
  masking,
  mixturePrior,
  poisson,
  Regressor,
  studentT,
  Vae,
} from '@latent/vae';

const run = { epochs: 5, batchSize: 16, onWarning: () => {} };
/** 64 rows: twenty steps. */
const COUNT = 64;
const uniform = (width: number): Float32Array => new Rng(7).uniform([COUNT, width]).data as Float32Array;
const normal = (width: number): Float32Array => new Rng(8).normal([COUNT, width]).data as Float32Array;
const ones = (width: number): Float32Array => uniform(width).map((x) => (x < 0.4 ? 1 : 0));
const classes = (): number[] => Array.from(uniform(1), (x) => Math.floor(3 * x));

const trainings: Readonly<Record<string, () => Promise<Model<never>>>> = {
  async 'bernoulli, adam'() {
    const vae = new Vae({ inputSize: 37, latentSize: 3, encoder: [19], reconstruction: bernoulli(), seed: 1 });
    await vae.fit(ones(37), run);
    return vae as never;
  },
  async 'mixed columns, a mixture prior, three draws, sgd with momentum, clipping'() {
    const reconstruction = composite([
      [3, studentT()],
      [2, poisson()],
    ]);
    const rows = normal(5).map((x, i) => (i % 5 < 3 ? x : Math.floor(Math.abs(3 * x))));
    const vae = new Vae({
      inputSize: 5,
      latentSize: 2,
      encoder: [8, 8],
      activation: 'silu',
      reconstruction,
      prior: mixturePrior({ components: 3 }),
      objective: iwae({ samples: 3 }),
      seed: 2,
    });
    await vae.fit(rows, { ...run, optimizer: sgd({ learningRate: 1e-3, momentum: 0.9 }), clipNorm: 1 });
    return vae as never;
  },
  async 'a transform, dropout, warm-up, adamW'() {
    const vae = new Vae({
      inputSize: 6,
      latentSize: 2,
      encoder: [dense(12, { activation: 'tanh', layerNorm: true }), dropout(0.2)],
      reconstruction: gaussian({ variance: 'perColumn' }),
      transform: standardise(),
      objective: elbo({ warmUp: 3 }),
      seed: 3,
    });
    await vae.fit(normal(6), { ...run, optimizer: adamW({ learningRate: 1e-2 }), l2: 1e-3 });
    return vae as never;
  },
  async 'a denoising autoencoder with tied weights, rmsProp'() {
    const model = new DenoisingAutoencoder({ inputSize: 9, encoder: [7, 3], corruption: masking(0.3), seed: 4 });
    await model.fit(uniform(9), { ...run, optimizer: rmsProp({ learningRate: 1e-2 }) });
    return model as never;
  },
  async 'pictures through convolutions'() {
    const vae = new Vae({
      event: [8, 8, 1],
      latentSize: 2,
      encoder: [conv2d(4, { stride: 2, norm: batchNorm() }), dense(6)],
      reconstruction: bernoulli(),
      seed: 5,
    });
    await vae.fit(ones(64), run);
    return vae as never;
  },
  async 'a classifier'() {
    const model = new Classifier({ inputSize: 6, encoder: [10], classes: 3, seed: 6 });
    await model.fit(normal(6), classes(), run);
    return model as never;
  },
  async 'a regressor'() {
    const model = new Regressor({ inputSize: 6, encoder: [10], likelihood: gaussian(), seed: 7 });
    await model.fit(normal(6), Array.from(uniform(1)), run);
    return model as never;
  },
};

/** A checksum of the weights of each model after its training. */
export async function goldenWeights(): Promise<Record<string, string>> {
  useKernels('auto', { deterministic: true });
  const found: Record<string, string> = {};
  for (const [name, train] of Object.entries(trainings)) {
    const state = (await train()).stateDict();
    let sum = 0;
    for (const key of Object.keys(state).sort()) {
      const { buffer, byteOffset, byteLength } = (state[key] as { data: Float32Array }).data;
      sum = crc32(new Uint8Array(buffer, byteOffset, byteLength), sum);
    }
    found[name] = sum.toString(16).padStart(8, '0');
  }
  return found;
}
