import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  adam,
  avgPool,
  batchNorm,
  channelsLast,
  conv1d,
  conv2d,
  convTranspose2d,
  dense,
  dropout2d,
  flatten,
  groupNorm,
  images,
  type LayerSpec,
  maxPool,
  reshape,
  residual,
  squeezeExcitation,
  upsample,
} from '@latent/nn';
import { Rng, type Shape, type Tensor, tensor, useThreads } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { gaussianNoise, masking } from '../autoencoder/corruption.ts';
import { DenoisingAutoencoder } from '../autoencoder/denoising.ts';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { gaussianMixture } from '../reconstruction/gaussian-mixture.ts';
import { Vae } from './vae.ts';

afterAll(() => useThreads('auto'));

const SIDE = 12;

/** Discs at places of their own, [n, 12, 12, 1]. */
function discs(n: number, seed = 1): Float32Array {
  const places = new Rng(seed).uniform([n, 2], { low: 3, high: 8 }).data;
  const values = new Float32Array(n * SIDE * SIDE);
  for (let r = 0; r < n; r++) {
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const [dy, dx] = [y - (places[2 * r] as number), x - (places[2 * r + 1] as number)];
        values[(r * SIDE + y) * SIDE + x] = dx * dx + dy * dy < 6 ? 1 : 0;
      }
    }
  }
  return values;
}

const event: Shape = [SIDE, SIDE, 1];
const encoder = [conv2d(8, { kernel: 3, stride: 2 }), conv2d(12, { stride: 2 }), dense(16)];
const vaeOf = (more: Partial<ConstructorParameters<typeof Vae>[0]> = {}): Vae =>
  new Vae({ event, encoder, latentSize: 2, reconstruction: bernoulli(), seed: 3, ...more });
const data = discs(96);

describe('a convolutional VAE', () => {
  it('learns, and scores as many rows as come', async () => {
    const vae = vaeOf();
    const before = vae.elbo(data).elbo.mean().item();
    const { epochs } = await vae.fit(data, { epochs: 25, batchSize: 16, learningRate: 5e-3 });
    expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss as number) / 2);
    const all = vae.elbo(data).elbo.data;
    expect(vae.elbo(data).elbo.mean().item()).toBeGreaterThan(before / 2);
    // A row's score does not depend on how many come with it.
    for (const count of [1, 2, 5, 13, 40, 96]) {
      const some = vae.elbo(data.subarray(0, count * SIDE * SIDE)).elbo.data;
      expect(some).toEqual(all.slice(0, count));
    }
    expect(vae.reconstruct(data.subarray(0, 3 * SIDE * SIDE)).shape).toEqual([3, ...event]);
    expect(vae.sample(5).shape).toEqual([5, ...event]);
    expect(vae.sample(2, { output: 'draw' }).shape).toEqual([2, ...event]);
    expect(vae.traverse(data.subarray(0, SIDE * SIDE), 1).shape).toEqual([7, ...event]);
    const { columns, score } = vae.contributions(data.subarray(0, 2 * SIDE * SIDE));
    expect([columns.shape, score.shape]).toEqual([[2, SIDE * SIDE], [2]]);
  });

  it('has no head but its last convolution, which undoes the first', () => {
    const names = vaeOf()
      .namedParameters()
      .map(([name, { shape }]) => `${name} ${shape.join('×')}`);
    expect(names.filter((name) => name.startsWith('decoder') || name.startsWith('head'))).toEqual([
      'decoder.0.weight 16×2',
      'decoder.0.bias 16',
      'decoder.2.weight 48×16',
      'decoder.2.bias 48',
      'decoder.5.weight 12×8×3×3',
      'decoder.5.bias 8',
      'decoder.7.weight 8×1×3×3',
      'decoder.7.bias 1',
    ]);
  });

  it('has the same bits on any number of threads', async () => {
    const weights = async (threads: number): Promise<readonly number[]> => {
      useThreads(threads);
      const vae = vaeOf({ encoder: [conv2d(16, { stride: 2 }), conv2d(32, { stride: 2 }), dense(16)] });
      await vae.fit(discs(128), { epochs: 3, batchSize: 64 });
      return Object.values(vae.stateDict()).flatMap((x) => [...x.data]);
    };
    const alone = await weights(1);
    expect((await weights(3)).every((value, i) => value === alone[i])).toBe(true);
  });

  it('is saved and loaded, and goes on from a checkpoint to the same bits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latent-'));
    try {
      const net = [
        conv2d(6, { stride: 2, norm: batchNorm(), dropout: 0.1 }),
        residual([conv2d(6, { padding: 'same' })]),
        dense(8),
      ];
      const options = { batchSize: 32, optimizer: adam({ learningRate: 1e-3 }) };
      const whole = vaeOf({ encoder: net });
      await whole.fit(data, { ...options, epochs: 4 });
      const path = join(folder, 'run.safetensors');
      await vaeOf({ encoder: net }).fit(data, { ...options, epochs: 2, checkpoint: { to: path } });
      const resumed = vaeOf({ encoder: net });
      await resumed.fit(data, { ...options, epochs: 4, checkpoint: { to: path, resume: true } });
      const state = (vae: Vae): string =>
        JSON.stringify(Object.entries(vae.stateDict()).map(([k, x]) => [k, [...x.data]]));
      expect(state(resumed)).toBe(state(whole));
      const file = join(folder, 'vae.safetensors');
      await whole.save(file);
      const loaded = await Vae.load(file);
      expect(loaded.elbo(data).elbo.data).toEqual(whole.elbo(data).elbo.data);
      expect(loaded.options.encoder).toHaveLength(3);
      expect(state(loaded)).toContain('running_mean');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes a decoder of its own, whose last layer is the parameters', async () => {
    const tutorial = vaeOf({
      encoder: [conv2d(4, { stride: 2 }), flatten()],
      decoder: [
        dense(3 * 3 * 4),
        reshape([3, 3, 4]),
        convTranspose2d(8, { stride: 2, padding: 'same' }),
        convTranspose2d(4, { stride: 2, padding: 'same' }),
        convTranspose2d(1, { padding: 'same' }),
      ],
    });
    expect(tutorial.head.parameters()).toEqual([]);
    // Logits of both signs: the last layer has no activation, though the model's is ReLU.
    const logits = tutorial.likelihoodParams(new Rng(1).normal([50, 2])).data;
    expect(logits.some((x: number) => x < 0) && logits.some((x: number) => x > 0)).toBe(true);
    await tutorial.fit(data, { epochs: 1 });
    const named = vaeOf({ decoder: [dense(144, { activation: 'tanh' }), reshape(event)] });
    expect(Math.max(...named.likelihoodParams(new Rng(1).normal([5, 2])).data.map(Math.abs))).toBeLessThanOrEqual(1);
  });

  it('maps channels to parameters at each place where they are not as many', async () => {
    const vae = vaeOf({ decoder: [dense(72), reshape([6, 6, 2]), upsample(), conv2d(5, { padding: 'same' })] });
    expect(vae.head.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [1, 5]],
      ['bias', [1]],
    ]);
    const other = vaeOf({ decoder: [dense(72), reshape([6, 6, 2])] });
    expect(other.head.namedParameters()[0]?.[1].shape).toEqual([144, 72]);
    await other.fit(data, { epochs: 1 });
    await vae.fit(data, { epochs: 1 });
  });

  it.each([
    ['gaussian', gaussian()],
    ['gaussian with a shared variance', gaussian({ variance: 'optimal' })],
    ['gaussian with a variance per column', gaussian({ variance: 'perColumn' })],
    ['a mixture', gaussianMixture({ components: 2 })],
  ])('has likelihoods with several parameters of each channel: %s', async (_name, reconstruction) => {
    const colours = new Rng(2).uniform([24, 9, 10, 3]);
    const vae = new Vae({
      event: [9, 10, 3],
      encoder: [conv2d(6, { stride: 2 }), groupNorm(3), squeezeExcitation({ reduction: 2 }), avgPool(2), dense(8)],
      latentSize: 2,
      reconstruction,
    });
    await vae.fit(colours, { epochs: 2, batchSize: 8, onWarning: () => {} });
    expect(vae.sample(2).shape).toEqual([2, 9, 10, 3]);
    const copy = Vae.fromBytes(vae.toBytes());
    expect(copy.elbo(colours).elbo.data).toEqual(vae.elbo(colours).elbo.data);
    // The mean of a place is that of its own first parameter.
    const code = new Rng(3).normal([1, 2]);
    const params = vae.likelihoodParams(code);
    expect(params.shape[1]).toBe(reconstruction.paramCount(270));
    if (reconstruction.name === 'gaussian') {
      expect([...vae.decode([[...code.data]]).data]).toEqual([...params.data.slice(0, 270)]);
    }
  });

  it.each([
    ['bernoulli', bernoulli()],
    ['gaussian', gaussian()],
  ])(
    'takes rows that are lines of pixels, which its first layer makes images of: %s',
    async (_name, reconstruction) => {
      const net = [conv2d(6, { stride: 2 }), dense(8)];
      const lines = vaeOf({ event: [SIDE * SIDE], encoder: [reshape(event), ...net], reconstruction });
      const pictures = vaeOf({ encoder: net, reconstruction });
      const weights = (vae: Vae): unknown => vae.namedParameters().map(([, x]) => [x.shape, [...x.data]]);
      expect(weights(lines)).toEqual(weights(pictures));
      const fit = { epochs: 1, batchSize: 16, onWarning: () => {} };
      await lines.fit(data, fit);
      await pictures.fit(data, fit);
      expect(lines.elbo(data).elbo.data).toEqual(pictures.elbo(data).elbo.data);
      const code = [[0.5, -1]];
      expect(lines.decode(code).data).toEqual(pictures.decode(code).data);
      expect(Vae.fromBytes(lines.toBytes()).decode(code).data).toEqual(lines.decode(code).data);
    },
  );

  it('takes pictures as canvases give them', async () => {
    const picture = (value: number) => ({
      width: 6,
      height: 6,
      data: Uint8ClampedArray.from({ length: 144 }, (_, i) => (i % 4 === 3 ? 255 : (i * value) % 256)),
    });
    const rows = images([picture(3), picture(5), picture(7)]);
    const vae = new Vae({
      event: [6, 6, 3],
      encoder: [conv2d(4), dense(4)],
      latentSize: 2,
      reconstruction: gaussian(),
    });
    await vae.fit(rows, { epochs: 1, onWarning: () => {} });
    expect(vae.reconstruct(rows).shape).toEqual([3, 6, 6, 3]);
    const bytes = new Uint8Array(108).fill(1);
    expect(vae.encode(bytes).mean.shape).toEqual([1, 2]);
    expect(() => vae.encode(new Uint8Array(107))).toThrow('Vae.encode: expected rows of [6, 6, 3] end to end');
  });

  it('fills holes of pictures, which its encoder sees as further channels', async () => {
    const vae = vaeOf({ missing: true });
    expect(vae.namedParameters()[0]?.[1].shape).toEqual([8, 2, 3, 3]);
    const holed = data.map((value, i) => (i % 5 === 0 ? Number.NaN : value));
    await vae.fit(holed, { epochs: 2 });
    const [filled] = vae.impute(holed.subarray(0, 2 * SIDE * SIDE)) as [Tensor];
    expect(filled.shape).toEqual([2, ...event]);
    expect(filled.data.every(Number.isFinite)).toBe(true);
    expect(filled.data[1]).toBe(data[1]);
  });

  it('says which layer does not fit', () => {
    const of = (layers: LayerSpec[]) => () => vaeOf({ encoder: layers });
    expect(of([conv2d(4, { kernel: 13 })])).toThrow(
      'encoder[0], conv2d on rows of [12, 12, 1]: conv2d: the input 12×12 is smaller than the kernel 13×13',
    );
    expect(of([dense(4), conv2d(4)])).toThrow(
      'encoder[1], conv2d on rows of [4]: expected rows [height, width, channels]',
    );
    expect(() => new Vae({ inputSize: 144, encoder: [conv2d(4)], latentSize: 2, reconstruction: bernoulli() })).toThrow(
      'encoder[0], conv2d on rows of [144]: expected rows [height, width, channels], got [144]',
    );
  });

  it('takes over a PyTorch model’s weights, flattened pictures among them', () => {
    // nn.Flatten of [2, 2, 3] has channel after channel; the rows here have both channels of a pixel together.
    const theirs = new Rng(1).normal([4, 12]);
    const ours = channelsLast(theirs, [2, 3, 2], 1);
    const x = new Rng(2).normal([1, 2, 3, 2]);
    const flatTheirs = x.transpose([0, 3, 1, 2]).reshape([12, 1]);
    const [a, b] = [theirs.matmul(flatTheirs).data, ours.matmul(x.reshape([12, 1])).data];
    for (const [i, value] of a.entries()) expect(b[i]).toBeCloseTo(value, 5);
  });
});

describe('a series', () => {
  it('goes through convolutions along its steps', async () => {
    const waves = tensor(
      Float32Array.from({ length: 40 * 30 }, (_, i) => Math.sin((i % 30) / 3 + Math.floor(i / 30))),
      { shape: [40, 30, 1] },
    );
    const model = new Autoencoder({
      event: [30, 1],
      encoder: [conv1d(8, { kernel: 7, stride: 2, padding: 'same' }), conv1d(4, { kernel: 7, stride: 2 }), dense(4)],
      seed: 1,
    });
    const { epochs } = await model.fit(waves, { epochs: 40, batchSize: 10, learningRate: 5e-3 });
    expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss as number) / 3);
    expect(model.reconstruct(waves).shape).toEqual([40, 30, 1]);
  });
});

describe('a convolutional denoising autoencoder', () => {
  const denoiser = (): DenoisingAutoencoder =>
    new DenoisingAutoencoder({
      event,
      encoder: [
        conv2d(8, { padding: 'same' }),
        maxPool(2, { padding: 'same' }),
        dropout2d(0.1),
        conv2d(4, { padding: 'same' }),
      ],
      corruption: gaussianNoise(0.4),
      reconstruction: bernoulli(),
    });

  it('has the code of its last layer, in its shape, and no linear layers', () => {
    const model = denoiser();
    expect(model.codeSize).toBe(6 * 6 * 4);
    expect(Array.from(model.namedModules(), ([, module]) => module.type)).not.toContain('Linear');
  });

  it('learns to restore, is saved, and goes on', async () => {
    const model = denoiser();
    const { epochs } = await model.fit(data, { epochs: 12, batchSize: 24, learningRate: 5e-3 });
    expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss as number) / 2);
    const copy = DenoisingAutoencoder.fromBytes(model.toBytes());
    const some = data.subarray(0, 5 * SIDE * SIDE);
    expect(copy.reconstruct(some).data).toEqual(model.reconstruct(some).data);
    expect(copy.decode(copy.encode(some)).shape).toEqual([5, ...event]);
    expect(copy.reconstructionError(some).shape).toEqual([5]);
    await copy.fit(data, { epochs: 1 });
  });

  it('restores what was cut out', async () => {
    const model = new DenoisingAutoencoder({
      event,
      encoder: [conv2d(8, { stride: 2 }), conv2d(8), dense(12)],
      corruption: masking(0.2),
    });
    await model.fit(data, { epochs: 2 });
    expect(model.encode(data.subarray(0, SIDE * SIDE)).shape).toEqual([1, 12]);
  });
});
