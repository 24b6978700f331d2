import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng, tensor } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussianNoise, masking } from './corruption.ts';
import { DenoisingAutoencoder } from './denoising.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows on a line in six columns. */
function line(n: number, seed: number): number[][] {
  return [...new Rng(seed).uniform([n], { low: -1, high: 1 }).data].map((t) => [t, -t, 2 * t, t, 1, -2 * t]);
}

describe('corruption', () => {
  it('masks the right share and changes nothing else, least of all the input', () => {
    const x = tensor(new Float32Array(30_000).fill(2));
    const masked = masking(0.3).apply(x, new Rng(1)).data;
    const zeros = masked.filter((value: number) => value === 0).length / 30_000;
    expect(Math.abs(zeros - 0.3)).toBeLessThan(3 * Math.sqrt(0.21 / 30_000));
    expect(new Set(masked)).toEqual(new Set([0, 2]));
    expect(new Set(x.data)).toEqual(new Set([2]));
  });

  it('adds noise of the given standard deviation', () => {
    const noisy = gaussianNoise(0.5).apply(tensor(new Float32Array(30_000).fill(1)), new Rng(1));
    expect(noisy.mean().item()).toBeCloseTo(1, 1);
    expect(Math.sqrt(noisy.variance().item())).toBeCloseTo(0.5, 2);
  });

  it('refuses rates that are none', () => {
    expect(() => masking(1.2)).toThrow('masking: rate must be a number ≥ 0 and ≤ 1, got 1.2');
    expect(() => gaussianNoise(NaN)).toThrow('gaussianNoise: std must be a number ≥ 0, got NaN');
  });
});

describe('DenoisingAutoencoder', () => {
  it('learns to restore what is missing, and its loss falls', async () => {
    const rows = line(300, 1);
    const model = new DenoisingAutoencoder({ inputSize: 6, encoder: [16, 2], corruption: masking(0.3), seed: 2 });
    const { epochs } = await model.fit(rows, {
      epochs: 60,
      batchSize: 50,
      learningRate: 5e-3,
      validationData: line(50, 2),
    });
    expect(epochs[59]!.loss).toBeLessThan(epochs[0]!.loss / 2);
    expect(epochs[59]!.validation?.loss).toBeLessThan(0.2);
    const [restored] = model.reconstruct([[0, -0.8, 1.6, 0.8, 1, -1.6]]).toArray() as number[][];
    expect(Math.abs(restored![0]! - 0.8)).toBeLessThan(0.35);
    // A row off the line is odd.
    const [on, off] = model.reconstructionError([
      [0.5, -0.5, 1, 0.5, 1, -1],
      [0.5, 0.5, -1, 0.5, 1, -1],
    ]).data;
    expect(off).toBeGreaterThan(10 * on!);
  });

  it('does not corrupt at inference', () => {
    const model = new DenoisingAutoencoder({ inputSize: 6, encoder: [4], corruption: masking(1) });
    expect(model.reconstruct(line(5, 1)).data).toEqual(model.reconstruct(line(5, 1)).data);
    expect(model.encode(line(5, 1)).shape).toEqual([5, 4]);
    expect(model.decode(model.encode(line(5, 1))).data).toEqual(model.reconstruct(line(5, 1)).data);
  });

  it('is saved to a file, whole or not at all, and loaded again', async () => {
    const model = new DenoisingAutoencoder({
      inputSize: 6,
      encoder: [5, 3],
      corruption: gaussianNoise(0.2),
      reconstruction: bernoulli(),
      seed: 4,
    });
    const path = join(folder, 'model.safetensors');
    await model.save(path);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
    const rows = line(5, 1).map((row) => row.map((x) => (x + 2) / 4));
    const copy = await DenoisingAutoencoder.load(path);
    expect(copy.reconstructionError(rows).data).toEqual(model.reconstructionError(rows).data);
    expect(copy.options.corruption.config()).toEqual({ name: 'gaussianNoise', std: 0.2 });
    await expect(model.save(join(folder, 'missing', 'model'))).rejects.toThrow('there is no such folder');
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 10));
    await expect(DenoisingAutoencoder.load(path)).rejects.toThrow(
      /safetensors: tensor '.*' claims bytes .* of .*; the file is truncated or altered/,
    );
  });

  it('refuses an encoder without layers', () => {
    expect(() => new DenoisingAutoencoder({ inputSize: 6, encoder: [] })).toThrow(
      'DenoisingAutoencoder: encoder needs at least one layer, the code',
    );
  });
});
