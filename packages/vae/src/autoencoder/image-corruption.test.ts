import { conv2d } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { DenoisingAutoencoder } from './denoising.ts';
import { blur, lowResolution, occlusion } from './image-corruption.ts';

const images = (n: number, height = 6, width = 7, channels = 2): Tensor =>
  new Rng(1).uniform([n, height, width, channels], { low: 1, high: 2 });

describe('occlusion', () => {
  it('hides one square of each image, anywhere', () => {
    const x = images(400);
    const kept = x.data.slice();
    const y = occlusion(3).apply(x, new Rng(2)).toArray() as number[][][][];
    const corners = new Map<string, number>();
    for (const image of y) {
      const hidden = image.flatMap((line, i) => line.flatMap(([a], j) => (a === 0 ? [[i, j] as const] : [])));
      expect(hidden).toHaveLength(9);
      const [top, left] = hidden[0]!;
      expect(hidden).toEqual(Array.from({ length: 9 }, (_, k) => [top + Math.floor(k / 3), left + (k % 3)]));
      expect(image.flat(2).filter((value) => value === 0)).toHaveLength(18);
      corners.set(`${top} ${left}`, (corners.get(`${top} ${left}`) ?? 0) + 1);
    }
    // All 4 × 5 places, about 20 times each.
    expect(corners.size).toBe(20);
    expect(Math.max(...corners.values())).toBeLessThan(45);
    expect(x.data).toEqual(kept);
  });

  it('hides a run of steps of a series, all of what is smaller, and shows a value of one’s own', () => {
    const series = new Rng(1).uniform([30, 9, 1]);
    const spoiled = occlusion(4, { value: -5 }).apply(series, new Rng(3)).toArray() as number[][][];
    for (const row of spoiled) expect(row.filter(([value]) => value === -5)).toHaveLength(4);
    expect(
      occlusion(100)
        .apply(images(2), new Rng(1))
        .data.every((value) => value === 0),
    ).toBe(true);
  });
});

describe('blur', () => {
  it('spreads a point as a bell and leaves what is even as it is', () => {
    const point = tensor(
      Array.from({ length: 81 }, (_, i) => (i === 40 ? 1 : 0)),
      { shape: [1, 9, 9, 1] },
    );
    const blurred = blur(1).apply(point, new Rng(1)).reshape([9, 9]).toArray() as number[][];
    expect(blurred.flat().reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(blurred[4]![5]! / blurred[4]![4]!).toBeCloseTo(Math.exp(-0.5), 5);
    expect(blurred[2]![5]! / blurred[4]![4]!).toBeCloseTo(Math.exp(-2.5), 5);
    const even = tensor(new Float32Array(2 * 5 * 4 * 3).fill(0.25), { shape: [2, 5, 4, 3] });
    for (const value of blur(2).apply(even, new Rng(1)).data) expect(value).toBeCloseTo(0.25, 6);
    expect(blur(0.7).apply(new Rng(1).uniform([3, 8, 2]), new Rng(1)).shape).toEqual([3, 8, 2]);
  });

  it('keeps channels apart', () => {
    const x = images(2);
    const alone = blur(1).apply(x.slice([null, null, null, [1, 2]]), new Rng(1)).data;
    const together = blur(1)
      .apply(x, new Rng(1))
      .slice([null, null, null, [1, 2]]).data;
    for (const [i, value] of alone.entries()) expect(together[i]).toBeCloseTo(value, 6);
  });
});

describe('lowResolution', () => {
  it('keeps sizes and means, and gives up detail', () => {
    const x = images(3, 8, 8);
    const y = lowResolution(4).apply(x, new Rng(1));
    expect(y.shape).toEqual(x.shape);
    expect(y.mean().item()).toBeCloseTo(x.mean().item(), 1);
    const spread = (t: Tensor): number => t.sub(t.mean()).square().mean().item();
    expect(spread(y)).toBeLessThan(spread(x) / 3);
    expect(lowResolution(1).apply(x, new Rng(1)).data).toEqual(x.data);
    expect(lowResolution(4).apply(images(1, 5, 3), new Rng(1)).shape).toEqual([1, 5, 3, 2]);
    expect(lowResolution(9).apply(new Rng(1).uniform([2, 7, 1]), new Rng(1)).shape).toEqual([2, 7, 1]);
  });
});

describe.each([
  ['occlusion', occlusion(3)],
  ['blur', blur(1)],
  ['lowResolution', lowResolution(2)],
])('%s', (_name, corruption) => {
  it('trains an autoencoder that restores', async () => {
    // Bars, upright or lying, at every other place: what is half as large still tells them apart.
    const values = new Float32Array(64 * 64);
    for (let r = 0; r < 64; r++) {
      for (let i = 0; i < 64; i++) values[64 * r + i] = (r % 2 === 0 ? i % 8 : i >> 3) === (r & 6) ? 1 : 0;
    }
    const clean = tensor(values, { shape: [64, 8, 8, 1] });
    const model = new DenoisingAutoencoder({
      event: [8, 8, 1],
      encoder: [conv2d(16, { padding: 'same' }), conv2d(16, { stride: 2 })],
      corruption,
    });
    await model.fit(clean, { epochs: 60, batchSize: 16, learningRate: 1e-2, onWarning: () => {} });
    const spoiled = corruption.apply(clean, new Rng(5));
    const error = (x: Tensor): number => x.sub(clean).square().mean().item();
    expect(error(model.reconstruct(spoiled))).toBeLessThan(error(spoiled) / 2);
    const copy = DenoisingAutoencoder.fromBytes(model.toBytes());
    expect(copy.reconstruct(spoiled).data).toEqual(model.reconstruct(spoiled).data);
  });

  it('is for rows with a shape', async () => {
    const model = new DenoisingAutoencoder({ inputSize: 12, encoder: [4], corruption });
    const said =
      /expected rows of \[height, width, channels\] or \[steps, channels\], got \[12\]; give the model the shape/;
    await expect(model.fit(new Float32Array(120), { epochs: 1, onWarning: () => {} })).rejects.toThrow(said);
  });
});
