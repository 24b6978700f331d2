import { adam, clipGradNorm } from '@latent/nn';
import { compile, Rng, step, type Tensor, tensor, useKernels, useThreads } from '@latent/tensor';
import { afterEach, describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { Vae } from './vae.ts';

afterEach(() => {
  useKernels('auto');
  useThreads('auto');
});

const INPUT = 200;
const data = new Rng(5).bernoulli([160, INPUT], { p: 0.3 }).data as Float32Array;

/** A model and its training step, large enough for several threads to take part. */
function trainer(seed = 0): { vae: Vae; train: (x: Tensor) => { loss: Tensor; norm: Tensor } } {
  const vae = new Vae({ inputSize: INPUT, latentSize: 8, encoder: [96, 40], reconstruction: bernoulli(), seed });
  const optimizer = adam({ learningRate: 3e-3 }).create(vae.parameters());
  const rng = new Rng(seed + 1);
  return {
    vae,
    train(x) {
      const { loss } = vae.loss(x, rng);
      loss.backward();
      const norm = clipGradNorm(vae.parameters(), 5);
      optimizer.step();
      optimizer.zeroGrad();
      return { loss, norm };
    },
  };
}

const BATCHES: [from: number, to: number][] = [
  [0, 64],
  [64, 128],
  [128, 160],
];

/** Losses of `steps` steps on batches of 64, 64 and 32 rows in turn, and the weights at the end. */
function trainingRun(steps: number, how: 'eager' | 'compiled'): { losses: number[]; weights: Float32Array[] } {
  const { vae, train } = trainer();
  const run = how === 'eager' ? (x: Tensor) => step(() => train(x)) : compile(train);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const [from, to] = BATCHES[i % 3]!;
    losses.push(run(tensor(data.subarray(from * INPUT, to * INPUT), { shape: [to - from, INPUT] })).loss.item());
  }
  return { losses, weights: vae.parameters().map((p) => p.data as Float32Array) };
}

describe('a training run of 200 steps', () => {
  const eager = trainingRun(200, 'eager');

  it('learns', () => {
    expect(eager.losses[199]).toBeLessThan(0.9 * eager.losses[0]!);
  });

  it.each([1, 2, 3])('has the same bits recorded, fused and on %i threads', (threads) => {
    useThreads(threads);
    expect(trainingRun(200, 'compiled')).toEqual(eager);
  });

  it('stays within rounding without fused multiply-add, and on the reference kernels', () => {
    useKernels('wasm', { deterministic: true });
    const deterministic = trainingRun(200, 'compiled');
    expect(trainingRun(200, 'eager')).toEqual(deterministic);
    // Rounding grows along a run: a part in a thousand after 200 steps.
    for (const [i, loss] of deterministic.losses.entries()) expect(loss / eager.losses[i]!).toBeCloseTo(1, 3);
    useKernels('reference');
    const reference = trainingRun(10, 'compiled');
    for (const [i, loss] of reference.losses.entries()) expect(loss / eager.losses[i]!).toBeCloseTo(1, 5);
  });

  it('is not disturbed by another model that trains in between', () => {
    useThreads(2);
    const [a, b] = [trainer(0), trainer(7)];
    const [runA, runB] = [compile(a.train), compile(b.train)];
    const batch = (i: number): Tensor =>
      tensor(data.subarray(i * 32 * INPUT, (i + 1) * 32 * INPUT), { shape: [32, INPUT] });
    const lossesOf = (run: typeof runA): number[] => [0, 1, 2, 3, 4, 0, 1].map((i) => run(batch(i)).loss.item());
    const together = [0, 1, 2, 3, 4, 0, 1].map((i) => [runA(batch(i)).loss.item(), runB(batch(i)).loss.item()]);
    expect(together.map(([x]) => x)).toEqual(lossesOf(compile(trainer(0).train)));
    expect(together.map(([, y]) => y)).toEqual(lossesOf(compile(trainer(7).train)));
  });
});

describe('fit', () => {
  it('stops between two steps when its signal is aborted, with whole steps done', async () => {
    const make = (): Vae => new Vae({ inputSize: INPUT, latentSize: 4, encoder: [32], reconstruction: bernoulli() });
    const [stopped, whole] = [make(), make()];
    const controller = new AbortController();
    let steps = 0;
    const history = await stopped.fit(data, {
      epochs: 50,
      batchSize: 32,
      signal: controller.signal,
      onProgress: () => {
        steps++;
        if (steps === 5) controller.abort();
      },
    });
    expect([history.stopped, history.epochs.length, steps]).toEqual(['aborted', 1, 5]);
    await whole.fit(data, { epochs: 1, batchSize: 32 });
    expect(stopped.parameters().map((p) => p.data)).toEqual(whole.parameters().map((p) => p.data));
  });
});
