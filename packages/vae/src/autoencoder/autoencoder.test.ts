import { gradCheck, gradients } from '@latent/autograd';
import { sgd } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Classifier } from '../supervised/classifier.ts';
import { Vae } from '../variational/vae.ts';
import { Autoencoder } from './autoencoder.ts';
import { corruptions, masking, saltAndPepper, swapNoise } from './corruption.ts';
import { DenoisingAutoencoder } from './denoising.ts';
import type { AutoencoderOptions } from './options.ts';
import { contractivePenalty, sparsityPenalty } from './penalties.ts';

/** Rows on a line in six columns, from 0 to 1. */
function rowsOf(n: number, seed: number): Float32Array {
  const t = new Rng(seed).uniform([n, 1]).data;
  return Float32Array.from({ length: 6 * n }, (_, i) =>
    i % 2 === 0 ? t[Math.floor(i / 6)]! : 1 - t[Math.floor(i / 6)]!,
  );
}
const rows = rowsOf(200, 1);
const base: AutoencoderOptions = { inputSize: 6, encoder: [8, 2], activation: 'sigmoid', reconstruction: bernoulli() };

describe('tied weights', () => {
  it('are the encoder’s, with biases of their own, and the gradient is that of the loss', () => {
    const model = new Autoencoder({ ...base, visibleBias: 0.3 });
    expect(model.options.tied).toBe(true);
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      'encoder.0.weight',
      'encoder.0.bias',
      'encoder.2.weight',
      'encoder.2.bias',
      'decoder.0.bias',
      'head.bias',
    ]);
    expect([...(model.parameters().at(-1) as Tensor).data].every((b) => Math.abs(b - 0.3) < 1e-6)).toBe(true);
    const x = tensor(rows.slice(0, 30), { shape: [5, 6] });
    const weight = model.parameters()[0]!;
    const [analytic] = gradients(model.loss(x), [weight]);
    for (const i of [0, 7, 23, 40]) {
      const kept = weight.data as Float32Array;
      const at = (delta: number): number => {
        weight.assign(kept.map((value, j) => (j === i ? value + delta : value)));
        return model.loss(x).item();
      };
      const numeric = (at(5e-3) - at(-5e-3)) / 1e-2;
      weight.assign(kept);
      expect(Math.abs(numeric - analytic!.data[i]!)).toBeLessThan(2e-2 * Math.max(0.1, Math.abs(numeric)));
    }
  });

  it('are the default only where they can be', () => {
    expect(new Autoencoder({ ...base, decoder: [8] }).options.tied).toBe(false);
    expect(new Autoencoder({ ...base, reconstruction: gaussian() }).options.tied).toBe(false);
    expect(() => new Autoencoder({ ...base, tied: true, reconstruction: gaussian() })).toThrow(
      'Autoencoder: tied weights give one parameter per column, but gaussian needs more; set tied: false',
    );
    expect(() => new Autoencoder({ ...base, tied: true, decoder: [5] })).toThrow(
      'Autoencoder: a tied decoder has the encoder’s sizes, 8; leave decoder out'.replace('’', "'"),
    );
  });
});

describe('pretraining and training', () => {
  it('lower the loss with plain gradient descent', async () => {
    const model = new DenoisingAutoencoder(base);
    const { epochs } = await model.fit(rows, { epochs: 40, batchSize: 20, optimizer: sgd({ learningRate: 0.5 }) });
    expect(epochs[39]!.loss).toBeLessThan(epochs[0]!.loss);
    const [history] = await new DenoisingAutoencoder(base).pretrain(rows, { epochs: 30, learningRate: 0.02 });
    expect(history!.epochs[29]!.loss).toBeLessThan(history!.epochs[0]!.loss);
  });

  it('gives layer k the activations of the layers below, and takes its weights over', async () => {
    const model = new Autoencoder({ ...base, encoder: [8, 5, 2] });
    const histories = await model.pretrain(rows, { epochs: 40, learningRate: 0.02 });
    expect(histories).toHaveLength(3);
    const fresh = new Autoencoder({ ...base, encoder: [8, 5, 2] });
    const changed = model.parameters().map((p, i) => String(p.data) !== String(fresh.parameters()[i]!.data));
    expect(changed.every(Boolean)).toBe(true);
    // Pretrained layers are a better start.
    const errorOf = (m: Autoencoder): number => m.reconstructionError(rows).mean().item();
    await model.fit(rows, { epochs: 5, learningRate: 0.01 });
    await fresh.fit(rows, { epochs: 5, learningRate: 0.01 });
    expect(errorOf(model)).toBeLessThan(errorOf(fresh));
  });

  it('reports the loss of the clean row, without penalties, on validation data', async () => {
    const model = new Autoencoder({ ...base, sparsity: { kind: 'l1', weight: 5 }, corruption: masking(0.9) });
    const { epochs } = await model.fit(rows, { epochs: 1, validationData: rows });
    expect(epochs[0]!.validation?.loss).toBe(model.reconstructionError(rows).mean().item());
    expect(epochs[0]!.loss).toBeGreaterThan((epochs[0]!.validation?.loss as number) + 1);
  });
});

describe('penalties', () => {
  it('have their formulas and gradients', () => {
    const codes = tensor(
      [
        [0.2, 0.9],
        [0.4, 0.5],
      ],
      { dtype: 'f64' },
    );
    const kl = (rho: number, mean: number): number =>
      rho * Math.log(rho / mean) + (1 - rho) * Math.log((1 - rho) / (1 - mean));
    const sparsity = { kind: 'target', target: 0.05, weight: 3 } as const;
    expect(sparsityPenalty(codes, { sparsity })?.item()).toBeCloseTo(3 * (kl(0.05, 0.3) + kl(0.05, 0.7)), 10);
    expect(sparsityPenalty(codes, { sparsity: { kind: 'l1', weight: 2 } })?.item()).toBeCloseTo(2, 10);
    expect(gradCheck((h) => sparsityPenalty(h, { sparsity }) as Tensor, [codes])).toBeLessThan(1e-6);
    // The gradient of a penalty on a gradient: second derivatives.
    const contractive = { weight: 2, directions: 2 };
    const x = new Rng(1).normal([3, 4], { dtype: 'f64' });
    const penalty = (w: Tensor): Tensor =>
      contractivePenalty((at) => at.matmul(w).sigmoid(), x, 2, new Rng(2), { contractive }) as Tensor;
    expect(gradCheck(penalty, [new Rng(3).normal([4, 2], { dtype: 'f64' })])).toBeLessThan(1e-5);
  });

  it('of contraction has the expectation ‖∂h/∂x‖²', () => {
    const w = new Rng(3).normal([4, 3], { dtype: 'f64' });
    const x = new Rng(1).normal([1, 4], { dtype: 'f64' });
    const h = Array.from(x.matmul(w).sigmoid().data);
    const exact = h.reduce((sum, value, j) => {
      const column = [0, 1, 2, 3].reduce((total, i) => total + w.data[3 * i + j]! ** 2, 0);
      return sum + (value * (1 - value)) ** 2 * column;
    }, 0);
    const contractive = { weight: 1, directions: 400 };
    const estimate = contractivePenalty((at) => at.matmul(w).sigmoid(), x, 3, new Rng(2), { contractive });
    expect((estimate as Tensor).item() / exact).toBeCloseTo(1, 1);
  });

  it('act: codes are sparser, and stiller', async () => {
    const warnings: string[] = [];
    const trained = async (options: object): Promise<Autoencoder> => {
      const model = new Autoencoder({ ...base, encoder: [12], ...options });
      await model.fit(rows, {
        epochs: 60,
        learningRate: 0.02,
        batchSize: 50,
        onWarning: (warning) => warnings.push(warning),
      });
      return model;
    };
    const mean = (model: Autoencoder): number => model.encode(rows).mean().item();
    const plain = await trained({});
    const sparse = await trained({ sparsity: { kind: 'target', target: 0.05, weight: 3 } });
    expect(mean(sparse)).toBeLessThan(0.5 * mean(plain));
    const still = await trained({ contractive: { weight: 5 } });
    const weightNorm = (model: Autoencoder): number => model.parameters()[0]!.square().sum().item();
    expect(weightNorm(still)).toBeLessThan(weightNorm(plain));
    // Said of the one that nothing holds back.
    expect(warnings).toEqual([expect.stringContaining('the code has 12 numbers, and a row has 6: rows can be copied')]);
    expect(() => new Autoencoder({ ...base, sparsity: { kind: 'target', target: 1, weight: 1 } })).toThrow(
      'Autoencoder: sparsity.target must be a number > 0 and < 1, got 1',
    );
  });
});

describe('corruption', () => {
  const x = tensor(
    new Float32Array(20_000).map((_, i) => 2 + Math.floor(i / 10)),
    { shape: [2000, 10] },
  );

  it('by salt and pepper sets either end as often', () => {
    const values = saltAndPepper(0.4, { low: -1, high: 1 }).apply(x, new Rng(1)).data;
    const share = (value: number): number => values.filter((v: number) => v === value).length / 20_000;
    expect(Math.abs(share(-1) - 0.2)).toBeLessThan(0.01);
    expect(Math.abs(share(1) - 0.2)).toBeLessThan(0.01);
  });

  it('by swapping takes values of the same column', () => {
    const swapped = swapNoise(0.25).apply(x, new Rng(1)).data;
    const moved = swapped.filter((value: number, i: number) => value !== x.data[i]).length / 20_000;
    expect(Math.abs(moved - 0.25)).toBeLessThan(0.01);
    expect(new Set(swapped)).toEqual(new Set(x.data));
  });

  it('comes back from its description, and acts only while training', async () => {
    for (const corruption of [masking(0.2), saltAndPepper(0.1, { low: -1 }), swapNoise(0.3)]) {
      expect(corruptions.resolve(corruption.config(), { caller: 'test', path: 'corruption' }).config()).toEqual(
        corruption.config(),
      );
      const model = new DenoisingAutoencoder({ ...base, corruption });
      await model.fit(rows, { epochs: 2 });
      expect(model.reconstruct(rows).data).toEqual(model.reconstruct(rows).data);
      const copy = DenoisingAutoencoder.fromBytes(model.toBytes());
      expect(copy).toBeInstanceOf(DenoisingAutoencoder);
      expect(copy.reconstruct(rows).data).toEqual(model.reconstruct(rows).data);
    }
  });
});

describe('Classifier', () => {
  const labels = Array.from({ length: 200 }, (_, r) => (rows[6 * r]! > 0.5 ? 1 : 0));

  it('tunes a pretrained encoder, or leaves it as it is', async () => {
    const encoder = new Autoencoder(base);
    await encoder.fit(rows, { epochs: 150, learningRate: 0.02, batchSize: 20 });
    const before = encoder.encode(rows).data;
    const options = { encoder, inputSize: 6, features: 2, classes: 2 };
    const frozen = new Classifier({ ...options, freezeEncoder: true });
    await frozen.fit(rows, labels, { epochs: 60, learningRate: 0.05, batchSize: 50 });
    expect(encoder.encode(rows).data).toEqual(before);
    const right = (model: Classifier): number =>
      model.predict(rows).filter((value, r) => value === labels[r]).length / labels.length;
    expect(right(frozen)).toBeGreaterThan(0.85);
    encoder.unfreeze();
    const tuned = new Classifier(options);
    await tuned.fit(rows, labels, { epochs: 60, learningRate: 0.05, batchSize: 50 });
    expect(encoder.encode(rows).data).not.toEqual(before);
    expect(right(tuned)).toBeGreaterThan(0.95);
    for (const total of tuned.predictProbability(rows).sum({ axis: 1 }).data) expect(total).toBeCloseTo(1, 5);
  });

  it('takes a VAE as its posterior mean, and says what is wrong with labels', async () => {
    const vae = new Vae({ inputSize: 6, latentSize: 2, encoder: [8], reconstruction: bernoulli() });
    const model = new Classifier({ encoder: vae, inputSize: 6, features: 2, classes: 2 });
    const { epochs } = await model.fit(rows, labels, { epochs: 30, learningRate: 0.03 });
    expect(epochs[29]!.loss).toBeLessThan(0.5 * epochs[0]!.loss);
    // The decoder rests while the encoder is tuned, or goes on learning.
    const decoder = (): string => String(vae.head.parameters()[0]!.data);
    const resting = decoder();
    await model.fit(rows, labels, { epochs: 1 });
    expect(decoder()).toBe(resting);
    const both = new Classifier({ encoder: vae, inputSize: 6, features: 2, classes: 2, jointly: 0.1 });
    await both.fit(rows, labels, { epochs: 2, clipParameterNorm: 1 });
    expect(decoder()).not.toBe(resting);
    expect(() => new Classifier({ encoder: vae.encoder, inputSize: 6, features: 8, classes: 2, jointly: 1 })).toThrow(
      'Classifier: jointly needs an encoder with a loss of its own, such as a Vae',
    );
    await expect(model.fit(rows, [1, 0])).rejects.toThrow('Classifier.fit: there are 200 rows, but 2 labels');
    const wrong = labels.map((label, r) => (r === 3 ? 2 : label));
    await expect(model.fit(rows, wrong)).rejects.toThrow(
      'Classifier.fit: labels[3] must be a whole number ≥ 0 and ≤ 1, got 2',
    );
  });
});
