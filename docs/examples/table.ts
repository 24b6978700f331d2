import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { perColumn, standardise } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { type CompositePart, categorical, composite, gaussian, Vae } from '@latent/vae';
import type { Example, Setting } from './example.ts';

type Row = Readonly<Record<string, string | number | null>>;

/** Which columns of a file are numbers and which are categories. */
interface Schema {
  readonly file: string;
  readonly numbers: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

const penguins: Schema = {
  file: 'penguins.json',
  numbers: ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'],
  categories: { Species: ['Adelie', 'Chinstrap', 'Gentoo'], Island: ['Biscoe', 'Dream', 'Torgersen'] },
};
const cars: Schema = {
  file: 'cars.json',
  numbers: ['Miles_per_Gallon', 'Displacement', 'Horsepower', 'Weight_in_lbs', 'Acceleration'],
  categories: { Origin: ['Europe', 'Japan', 'USA'], Cylinders: ['3', '4', '5', '6', '8'] },
};

/** A table of the npm package `vega-datasets`. */
function read({ file }: Schema): Row[] {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return JSON.parse(readFileSync(join(dirname(entry), '..', 'data', file), 'utf8')) as Row[];
}

/**
 * Tables of numbers and categories with holes: the Palmer penguins (Gorman et al. 2014) and cars of the seventies. A fifth
 * of the known numbers is taken away and filled in again. You should see errors well below those of the column means, in
 * the columns' own units.
 */
export const table: Example = async (setting) => ({
  ...(await fillIn(penguins, setting)),
  ...(await fillIn(cars, setting)),
});

async function fillIn(schema: Schema, { quick, say }: Setting): Promise<Record<string, number>> {
  const { numbers, categories } = schema;
  const count = numbers.length;
  const groups = Object.entries(categories);
  const rows = read(schema);
  const known = rows.map((row) => numbers.map((name) => row[name] as number | null));
  const chance = new Rng(3).uniform([rows.length, count]).data;
  const torn = known.map((row, r) => row.map((x, c) => ((chance[count * r + c] as number) < 0.2 ? null : x)));
  const data = torn.map((row, r) => [
    ...row,
    ...groups.flatMap(([name, values]) => values.map((value) => (String(rows[r]?.[name]) === value ? 1 : 0))),
  ]);
  const vae = new Vae({
    inputSize: data[0]?.length as number,
    latentSize: 3,
    encoder: [32],
    missing: true,
    // The numbers on a common scale; the one-hot columns stay as they are.
    transform: perColumn([{ columns: numbers.map((_, c) => c), transform: standardise() }]),
    reconstruction: composite([
      [count, gaussian({ variance: 'perColumn' })],
      ...groups.map(([, values]): CompositePart => [values.length, categorical(values.length)]),
    ]),
  });
  await vae.fit(data, { epochs: quick ? 30 : 400, batchSize: 64, learningRate: 5e-3 });
  const [filled] = vae.impute(data, { samples: quick ? 10 : 100 });
  const restored = filled?.toArray() as number[][];
  const findings: Record<string, number> = {};
  say(`${schema.file}, ${rows.length} rows`);
  numbers.forEach((name, c) => {
    const seen = torn.flatMap((row) => row[c] ?? []);
    const mean = seen.reduce((a, b) => a + b) / seen.length;
    const holes = known.flatMap((row, r) => (row[c] !== null && torn[r]?.[c] === null ? [r] : []));
    const error = (guess: (r: number) => number): number =>
      Math.sqrt(holes.reduce((sum, r) => sum + (guess(r) - (known[r]?.[c] as number)) ** 2, 0) / holes.length);
    const [ours, theirs] = [error((r) => restored[r]?.[c] as number), error(() => mean)];
    findings[name] = ours / theirs;
    say(
      `  ${name}: root mean squared error ${ours.toFixed(2)}, by the column's mean ${theirs.toFixed(2)} (${holes.length} holes)`,
    );
  });
  return findings;
}
