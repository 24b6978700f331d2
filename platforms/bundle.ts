import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** One script with the packages' sources inlined. */
export async function bundle(source: string, format: 'esm' | 'iife'): Promise<string> {
  const result = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    bundle: true,
    write: false,
    format,
    target: 'es2022',
    conditions: ['source'],
    external: ['node:*'],
    logLevel: 'error',
  });
  return result.outputFiles[0]!.text;
}

/** Trains a small VAE for some steps and scores a row: numbers that are the same on every platform, but for rounding. */
export const TRAINING = `
import { adam } from '@latent/nn';
import { compile, Rng, tensor, threadCount } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';

export function trainSome() {
  const rng = new Rng(3);
  const x = rng.bernoulli([64, 120], { p: 0.4 });
  const vae = new Vae({ inputSize: 120, latentSize: 4, encoder: [80], reconstruction: bernoulli(), seed: 1 });
  const optimizer = adam({ learningRate: 1e-2 }).create(vae.parameters());
  const run = compile((batch) => {
    const { loss } = vae.loss(batch, rng);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  });
  const losses = Array.from({ length: 12 }, () => run(x).item());
  return { losses, score: vae.elbo([x.data.slice(0, 120)]).elbo.item(), threads: threadCount() };
}
`;

/** Fits a model whose weights and slots are put off on a page, in steps of several pieces: what comes of it, the same bits everywhere. */
export const FITTING = `
import { Rng as FitRng, useKernels } from '@latent/tensor';
import { bernoulli as bits, Vae as FitVae } from '@latent/vae';

export async function fitSome() {
  useKernels('auto', { deterministic: true });
  const rows = new FitRng(3).bernoulli([256, 300], { p: 0.4 });
  const vae = new FitVae({ inputSize: 300, latentSize: 8, encoder: [400, 200], reconstruction: bits(), seed: 1 });
  const { epochs } = await vae.fit(rows, { epochs: 2, batchSize: 128, onWarning: () => {} });
  const scores = Array.from(vae.elboPerRow(rows).data.subarray(0, 4));
  useKernels('auto');
  return { losses: epochs.map(({ loss }) => loss), scores };
}
`;

export interface Trained {
  readonly losses: readonly number[];
  readonly score: number;
  readonly threads: number;
}
