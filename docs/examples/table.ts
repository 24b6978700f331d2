import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { standardise } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { categorical, composite, gaussian, Vae } from '@latent/vae';
import type { Example } from './example.ts';

const NUMBERS = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'] as const;
const SPECIES = ['Adelie', 'Chinstrap', 'Gentoo'] as const;
const ISLANDS = ['Biscoe', 'Dream', 'Torgersen'] as const;
const WIDTH = NUMBERS.length + SPECIES.length + ISLANDS.length;

type Penguin = Record<string, string | number | null>;

/** The Palmer penguins (Gorman et al. 2014) of the npm package `vega-datasets`. */
function penguins(): Penguin[] {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return JSON.parse(readFileSync(join(dirname(entry), '..', 'data', 'penguins.json'), 'utf8')) as Penguin[];
}

/** Four numbers and two one-hot groups; what is not known is a hole. */
function row(penguin: Penguin): (number | null)[] {
  const oneHot = (value: unknown, names: readonly string[]): number[] => names.map((name) => (name === value ? 1 : 0));
  return [
    ...NUMBERS.map((name) => penguin[name] as number | null),
    ...oneHot(penguin.Species, SPECIES),
    ...oneHot(penguin.Island, ISLANDS),
  ];
}

/**
 * A table of numbers and categories with holes. A fifth of the known numbers is taken away and filled in again. You should
 * see errors well below those of the column means, in the columns' own units.
 */
export const table: Example = async (setting) => {
  const rows = penguins().map(row);
  const normaliser = standardise();
  const scaled = normaliser.fit(rows.map((r) => r.slice(0, 4).map((x) => x ?? Number.NaN)));
  const rng = new Rng(3);
  const chance = rng.uniform([rows.length, 4]).data;
  const torn = rows.map((r, i) => r.map((x, c) => (c < 4 && chance[4 * i + c] < 0.2 ? null : x)));
  const y = (r: readonly (number | null)[]): (number | null)[] => [
    ...scaled.transform([r.slice(0, 4).map((x) => x ?? Number.NaN)])[0],
    ...r.slice(4),
  ];
  const vae = new Vae({
    inputSize: WIDTH,
    latentSize: 3,
    encoder: [32],
    missing: true,
    reconstruction: composite([
      [4, gaussian({ variance: 'perColumn' })],
      [3, categorical(3)],
      [3, categorical(3)],
    ]),
  });
  await vae.fit(torn.map(y), { epochs: setting.quick ? 30 : 400, batchSize: 64, learningRate: 5e-3 });
  const [filled] = vae.impute(torn.map(y), { samples: setting.quick ? 10 : 100 });
  const values = filled.toArray() as number[][];
  const findings: Record<string, number> = {};
  NUMBERS.forEach((name, c) => {
    const known = torn.flatMap((r) => (r[c] === null ? [] : [r[c] as number]));
    const mean = known.reduce((a, b) => a + b) / known.length;
    let [model, guess, count] = [0, 0, 0];
    rows.forEach((r, i) => {
      if (r[c] === null || torn[i][c] !== null) return;
      const [restored] = scaled.inverse([values[i].slice(0, 4)]);
      model += (restored[c] - (r[c] as number)) ** 2;
      guess += (mean - (r[c] as number)) ** 2;
      count++;
    });
    const [ours, theirs] = [Math.sqrt(model / count), Math.sqrt(guess / count)];
    findings[name] = ours / theirs;
    setting.say(
      `${name}: root mean squared error ${ours.toFixed(2)}, by the column's mean ${theirs.toFixed(2)} (${count} holes)`,
    );
  });
  return findings;
};
