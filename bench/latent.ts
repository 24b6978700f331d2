import { add, exp, sigmoid, softplus, step, sum, type Tensor, tanh, tensor, useThreads } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { type Contender, testData, type VaeConfig, type Work } from './contender.ts';
import { latentImages } from './latent-images.ts';
import { latentSequences } from './latent-sequences.ts';
import { trainer } from './trainer.ts';

const unary: Record<string, (x: Tensor) => Tensor> = {
  add: (x) => add(x, x),
  exp,
  tanh,
  sigmoid,
  softplus,
  'sum rows': (x) => sum(x, { axis: 1 }),
  'sum columns': (x) => sum(x, { axis: 0 }),
};

/** Latent with so many threads. Matrix products and elementwise work are eager, on one. */
export function latentWith(threads: number | 'auto', name: string): Contender {
  return {
    ...latent,
    name,
    vaeStep: (config) => vaeStep(config, threads),
    image: (work) => latentImages(work, threads),
    sequence: (work) => latentSequences(work, threads),
  };
}

const latent: Contender = {
  name: 'latent',

  async matmul({ m, n, k, transA, transB }) {
    const a = tensor(testData(m * k), { shape: transA ? [k, m] : [m, k] }).persisted(true);
    const b = tensor(testData(k * n), { shape: transB ? [n, k] : [k, n] }).persisted(true);
    const options = { transposeA: transA, transposeB: transB };
    return () => {
      step(() => {
        a.matmul(b, options);
      });
    };
  },

  async elementwise({ name, shape }) {
    const x = tensor(testData(shape[0] * shape[1], -3, 3), { shape }).persisted(true);
    return () => {
      step(() => {
        (unary[name] as (x: Tensor) => Tensor)(x);
      });
    };
  },

  vaeStep: (config) => vaeStep(config, 'auto'),
  image: (work) => latentImages(work, 'auto'),
  sequence: (work) => latentSequences(work, 'auto'),

  async scoreRow({ input, hidden, latent: latentSize }) {
    const vae = new Vae({ inputSize: input, latentSize, encoder: hidden, reconstruction: bernoulli() });
    const row = Array.from(testData(input, 0, 1));
    return () => {
      vae.elbo([row]).elbo.item();
    };
  },
};

async function vaeStep(config: VaeConfig, threads: number | 'auto'): Promise<Work> {
  const step = trainer(config);
  return () => {
    useThreads(threads);
    step();
  };
}
