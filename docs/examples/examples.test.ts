import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { anomaly } from './anomaly.ts';
import { conditionalDigits } from './conditional-digits.ts';
import { convDenoising } from './conv-denoising.ts';
import { cvaeTutorial } from './cvae-tutorial.ts';
import { denoising } from './denoising.ts';
import { ecg } from './ecg.ts';
import { type Example, type Findings, setting } from './example.ts';
import { exemplar } from './exemplar.ts';
import { hierarchical } from './hierarchical.ts';
import { latentMap } from './latent-map.ts';
import { likelihood } from './likelihood.ts';
import { masked } from './masked.ts';
import { names } from './names.ts';
import { pytorchVae } from './pytorch-vae.ts';
import { ranking } from './ranking.ts';
import { restoration } from './restoration.ts';
import { semiSupervised } from './semi-supervised.ts';
import { sketches } from './sketches.ts';
import { sparseEmbeddings } from './sparse-embeddings.ts';
import { stacked } from './stacked.ts';
import { table } from './table.ts';
import { timeseriesAnomaly } from './timeseries-anomaly.ts';
import { vqFashion } from './vq-fashion.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Quick runs: numbers that a few steps must already give, and the pictures.
const runs: [string, Example, string[], (found: Findings) => void][] = [
  ['latent-map', latentMap, ['map-epoch-1.png', 'map-grid.png'], ({ loss }) => expect(loss).toBeLessThan(530)],
  ['anomaly', anomaly, ['anomaly-0.png'], ({ mean }) => expect(mean).toBeGreaterThan(0.2)],
  ['ranking', ranking, ['ranking.png'], ({ ratio }) => expect(ratio).toBeGreaterThan(1.2)],
  ['denoising', denoising, ['denoising.png'], (found) => expect(found.restored).toBeLessThan(found.spoiled as number)],
  ['stacked', stacked, [], ({ random100 }) => expect(random100).toBeGreaterThan(0.1)],
  ['likelihood', likelihood, [], (found) => expect(found['VAE gap']).toBeGreaterThan(0)],
  ['ecg', ecg, ['ecg.png'], ({ convolutional }) => expect(convolutional).toBeGreaterThan(0.85)],
  ['timeseries-anomaly', timeseriesAnomaly, ['timeseries.png'], (found) => expect(found.inside).toBe(found.odd)],
  ['names', names, [], ({ bits }) => expect(bits).toBeLessThan(6)],
  ['sketches', sketches, ['sketches.png'], (found) => expect(found.bound).toBeGreaterThan(found.before as number)],
  [
    'cvae-tutorial',
    cvaeTutorial,
    ['cvae-samples.png', 'cvae-manifold.png'],
    ({ first, elbo, frames }) => {
      expect(elbo).toBeGreaterThan(first as number);
      expect(frames).toBe(3);
    },
  ],
  [
    'pytorch-vae',
    pytorchVae,
    ['pytorch-vae-reconstruction.png', 'pytorch-vae-samples.png'],
    ({ first, loss }) => expect(loss).toBeLessThan(first as number),
  ],
  [
    'conv-denoising',
    convDenoising,
    ['conv-denoising.png'],
    ({ restored, noisy }) => expect(restored).toBeLessThan(noisy as number),
  ],
  [
    'restoration',
    restoration,
    ['restoration-inpainting.png', 'restoration-deblurring.png', 'restoration-super-resolution.png'],
    (found) => expect(found.inpainting).toBeLessThan(found['inpainting, spoiled'] as number),
  ],
  [
    'conditional-digits',
    conditionalDigits,
    ['conditional-digits.png'],
    ({ accuracy }) => expect(accuracy).toBeGreaterThan(0.2),
  ],
  [
    'exemplar',
    exemplar,
    ['exemplar-digits.png'],
    (found) => expect(found['digits exemplar neighbours']).toBeGreaterThan(0.3),
  ],
  [
    'semi-supervised',
    semiSupervised,
    ['semi-supervised.png'],
    (found) => expect(found['M1 + M2 100']).toBeGreaterThan(0.3),
  ],
  ['hierarchical', hierarchical, ['hierarchical.png'], (found) => expect(found['two levels']).toBeLessThan(250)],
  [
    'masked',
    masked,
    ['masked.png'],
    (found) =>
      expect(found['nine pixels of ten']).toBeLessThan(1.3 * (found['nine pixels of ten, mean image'] as number)),
  ],
  ['vq-fashion', vqFashion, ['vq-fashion.png'], (found) => expect(found.learned).toBeLessThan(found.uniform as number)],
  [
    'sparse-embeddings',
    sparseEmbeddings,
    ['sparse-embeddings.png'],
    ({ explained }) => expect(explained).toBeGreaterThan(0.3),
  ],
  ['table', table, [], (found) => expect(found['Flipper Length (mm)']).toBeLessThan(1)],
];

describe('the examples, quickly', () => {
  it.each(runs)('%s', async (_name, example, pictures, check) => {
    const said: string[] = [];
    check(await example(setting(folder, true, (line) => said.push(line))));
    expect(said.length).toBeGreaterThan(0);
    for (const picture of pictures) expect(existsSync(join(folder, picture))).toBe(true);
  });
});
