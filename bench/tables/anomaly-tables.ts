// Public tables with rows that are odd by their label: attacks, ill hearts, tumours, breakdowns, and classes of which one is rare. At
// most 2,000 usual rows and a tenth as many odd ones (or what there is), drawn by a fixed seed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import { Rng } from '@latent/tensor';
import { csv, type Row, serverMachine, tables } from './data.ts';

/** Rows, and of each whether it is odd. */
export interface LabelledTable {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly odd: readonly boolean[];
}

const MOST_USUAL = 2000;
const SHARE = 0.1;

const at = (path: string): Buffer => readFileSync(new URL(path, import.meta.url));

/** Some of the usual rows, and of the odd ones at most `share` of them. */
function table(name: string, usual: readonly Row[], odd: readonly Row[], share = SHARE): LabelledTable {
  const rng = new Rng(20_241);
  const some = (of: readonly Row[], most: number): Row[] =>
    Array.from(rng.permutation(of.length).subarray(0, most), (i) => of[i] as Row);
  const kept = some(usual, MOST_USUAL);
  const found = some(odd, Math.max(5, Math.round(share * kept.length)));
  const order = rng.permutation(kept.length + found.length);
  const all = [...kept, ...found];
  return {
    name,
    rows: Array.from(order, (i) => all[i] as Row),
    odd: Array.from(order, (i) => i >= kept.length),
  };
}

/** Rows by their label, which the model is not shown. */
function byLabel(
  name: string,
  all: readonly Row[],
  label: string,
  isOdd: (label: string) => boolean,
  isUsual = (of: string): boolean => !isOdd(of),
): LabelledTable {
  const without = all.map(({ [label]: own, ...row }) => ({ own: String(own), row: row as Row }));
  return table(
    name,
    without.filter(({ own }) => isUsual(own)).map(({ row }) => row),
    without.filter(({ own }) => isOdd(own)).map(({ row }) => row),
  );
}

const numbered = (values: ArrayLike<number>): Row =>
  Object.fromEntries(Array.from(values, (value, i) => [`x${i}`, value]));

/** Means of blocks of an image. */
function pooled(pixels: ArrayLike<number>, side: number, block: number): number[] {
  const size = Math.floor(side / block);
  return Array.from({ length: size * size }, (_, i) => {
    let sum = 0;
    for (let y = 0; y < block; y++)
      for (let x = 0; x < block; x++)
        sum += pixels[(Math.floor(i / size) * block + y) * side + (i % size) * block + x] as number;
    return Math.round((1000 * sum) / block ** 2) / 1000;
  });
}

function heartbeats(record: string): LabelledTable {
  const beats = gunzipSync(at('../../docs/examples/data/ecg-beats/beats.i16.gz'));
  const values = new Int16Array(beats.buffer, beats.byteOffset, beats.byteLength / 2);
  const lines = at('../../docs/examples/data/ecg-beats/beats.csv').toString().trim().split(/\r?\n/).slice(1);
  const rows: Row[] = [];
  lines.forEach((line, r) => {
    const [own, , symbol = ''] = line.split(',');
    if (own !== record) return;
    // Every fifth of 140 samples, as a mean of five.
    const wave = Array.from({ length: 28 }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < 5; k++) sum += values[140 * r + 5 * i + k] as number;
      return sum / 5;
    });
    rows.push({ ...numbered(wave), symbol });
  });
  return byLabel(`heartbeats of ${record}`, rows, 'symbol', (symbol) => symbol !== 'N');
}

function uci(file: string, header: boolean): Row[] {
  const bytes = at(`../data/uci/${file}`);
  const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes)
    .toString()
    .trim()
    .split(/\r?\n/)
    .slice(header ? 1 : 0);
  return lines.map((line) => {
    const cells = line.split(',').map(Number);
    return { ...numbered(cells.slice(0, -1)), label: String(cells.at(-1)) };
  });
}

function garments(): Row[] {
  const pixels = gunzipSync(at('../../docs/data/fashion-10k/t10k-images-idx3-ubyte.gz')).subarray(16);
  const labels = gunzipSync(at('../../docs/data/fashion-10k/t10k-labels-idx1-ubyte.gz')).subarray(8);
  return Array.from(labels, (label, i) => ({
    ...numbered(pooled(pixels.subarray(784 * i, 784 * (i + 1)), 28, 4)),
    label: String(label),
  }));
}

function digits(): Row[] {
  const { resolve } = createRequire(import.meta.url);
  return Array.from({ length: 10 }, (_, label) => {
    const { data } = JSON.parse(readFileSync(resolve(`mnist/src/digits/${label}.json`), 'utf8')) as { data: number[] };
    return Array.from({ length: Math.min(1000, Math.floor(data.length / 784)) }, (_, i) => ({
      ...numbered(pooled(data.slice(784 * i, 784 * (i + 1)), 28, 4)),
      label: String(label),
    }));
  }).flat();
}

function attacks(name: string, names: readonly string[]): LabelledTable {
  const rows = tables['nsl-kdd']().map(({ difficulty: _, ...row }) => row as Row);
  return byLabel(
    name,
    rows,
    'attack',
    (attack) => names.includes(attack),
    (attack) => attack === 'normal',
  );
}

function machine(): LabelledTable {
  const { test, causes } = serverMachine();
  const isOdd = test.map((_, r) => causes.some(({ from, to }) => r >= from && r < to));
  return table(
    'server machine',
    test.filter((_, r) => !isOdd[r]),
    test.filter((_, r) => isOdd[r]),
  );
}

const holed = (rows: readonly Row[], ...drop: string[]): Row[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !drop.includes(name))));

/** The tables, each read when it is asked for. */
export const labelledTables: Readonly<Record<string, () => LabelledTable>> = {
  ...Object.fromEntries(
    ['106', '119', '208', '213', '228'].map((record) => [`heart-${record}`, () => heartbeats(record)]),
  ),
  'kdd-dos': () => attacks('denial of service', ['neptune', 'smurf', 'back', 'teardrop', 'pod', 'land']),
  'kdd-probe': () => attacks('probes', ['ipsweep', 'portsweep', 'satan', 'nmap']),
  'kdd-break-in': () =>
    attacks('break-ins', [
      'warezclient',
      'warezmaster',
      'guess_passwd',
      'ftp_write',
      'imap',
      'multihop',
      'phf',
      'spy',
      'buffer_overflow',
      'rootkit',
      'loadmodule',
    ]),
  server: machine,
  adult: () => byLabel('adult by income', tables.adult(), 'income', (income) => income === '>50K'),
  credit: () => byLabel('credit by default', tables['default-credit'](), 'default', (unpaid) => unpaid === '1'),
  titanic: () =>
    byLabel(
      'titanic by survival',
      holed(tables.titanic(), 'name', 'ticket', 'cabin'),
      'survived',
      (survived) => survived === '1',
    ),
  penguins: () =>
    byLabel('penguins by species', holed(tables.penguins(), 'Island'), 'Species', (species) => species === 'Chinstrap'),
  'breast-cancer': () => byLabel('breast cancer', uci('breast-cancer.csv.gz', true), 'label', (label) => label === '0'),
  'wine-0': () => byLabel('wine, grower 0', uci('wine.csv', true), 'label', (label) => label === '0'),
  'wine-1': () => byLabel('wine, grower 1', uci('wine.csv', true), 'label', (label) => label === '1'),
  'optical-0': () =>
    byLabel('optical digits, 0 odd', uci('optical-digits.csv.gz', false), 'label', (label) => label === '0'),
  'optical-8': () =>
    byLabel('optical digits, 8 odd', uci('optical-digits.csv.gz', false), 'label', (label) => label === '8'),
  'optical-only-4': () =>
    byLabel('optical digits, 4 usual', uci('optical-digits.csv.gz', false), 'label', (label) => label !== '4'),
  'digits-6': () =>
    byLabel(
      'digits, 6 odd',
      digits(),
      'label',
      (label) => label === '6',
      (label) => label === '0',
    ),
  'digits-9': () => byLabel('digits, 9 odd', digits(), 'label', (label) => label === '9'),
  'digits-only-2': () => byLabel('digits, 2 usual', digits(), 'label', (label) => label !== '2'),
  'garments-bag': () => byLabel('garments, bags odd', garments(), 'label', (label) => label === '8'),
  'garments-shirt': () => byLabel('garments, shirts odd', garments(), 'label', (label) => label === '6'),
  'garments-only-coat': () => byLabel('garments, coats usual', garments(), 'label', (label) => label !== '4'),
  snow: () =>
    byLabel(
      'weather, snow odd',
      holed(csv('../../node_modules/vega-datasets/data/seattle-weather.csv'), 'date'),
      'weather',
      (weather) => weather === 'snow',
    ),
  fog: () =>
    byLabel(
      'weather, fog odd',
      holed(csv('../../node_modules/vega-datasets/data/seattle-weather.csv'), 'date'),
      'weather',
      (weather) => weather === 'fog',
    ),
};
