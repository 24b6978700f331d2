import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { erf, tensor } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { type Digits, image, independentPixelsBaseline, loadDigits, PIXELS } from './digits.ts';
import { type DemoOptions, HELP, parseOptions } from './options.ts';
import { progress } from './progress.ts';
import { scatter } from './scatter.ts';
import { sheet } from './sheet.ts';

const COLUMNS = 16;
const GRID = 18;

const parsed = parseOptions(process.argv.slice(2));
if ('help' in parsed) console.log(HELP);
else if ('error' in parsed) {
  console.error(`demo: ${parsed.error}\n\n${HELP}`);
  process.exitCode = 2;
} else await main(parsed.options);

async function main({ epochs, seed, out }: DemoOptions): Promise<void> {
  mkdirSync(out, { recursive: true });
  const { train, test } = loadDigits();
  const count = (n: number): string => n.toLocaleString('en-US');
  console.log(
    `${count(train.labels.length)} training and ${count(test.labels.length)} test digits, ${PIXELS} pixels each\n`,
  );

  const vae = new Vae({
    inputSize: PIXELS,
    latentSize: 20,
    encoder: [400],
    activation: 'relu',
    reconstruction: bernoulli(),
    seed,
  });
  console.log(`${vae.summary()}\n`);
  await trainShown(vae, '784-400-20', train, test, epochs);
  report(vae, train, test, seed);

  const flat = new Vae({
    inputSize: PIXELS,
    latentSize: 2,
    encoder: [400],
    activation: 'relu',
    reconstruction: bernoulli(),
    seed,
  });
  // Two numbers must say everything, which takes longer to learn.
  await trainShown(flat, '784-400-2 ', train, test, 3 * epochs);

  const path = (name: string): string => join(out, name);
  const pictures: [string, string][] = [
    ['reconstructions.png', 'test digits, each above its reconstruction'],
    ['samples.png', 'new digits from the prior'],
    ['interpolation.png', 'from one test digit to another, through the latent space'],
    ['latent-map.png', 'the two-dimensional latent space, decoded on a grid of prior quantiles'],
    ['latent-scatter.png', 'the test digits in that space, coloured by digit'],
  ];
  reconstructionSheet(vae, test).write(path('reconstructions.png'));
  sheet(rowsOf(vae.sample(COLUMNS * 8, { seed }).data), COLUMNS).write(path('samples.png'));
  interpolationSheet(vae, test).write(path('interpolation.png'));
  latentMap(flat).write(path('latent-map.png'));
  const means = flat.encode(test.images).mean.toArray() as [number, number][];
  scatter(means, test.labels).write(path('latent-scatter.png'));

  const file = path('vae.safetensors');
  await vae.save(file);
  const loaded = await Vae.load(file);
  const before = vae.elbo(test.images).elbo.mean().item();
  const after = loaded.elbo(test.images).elbo.mean().item();
  console.log(
    `\nsaved to ${file} and loaded again: test −ELBO ${(-before).toFixed(6)} before, ${(-after).toFixed(6)} after`,
  );
  if (before !== after) throw new Error('the loaded model gives other numbers');
  console.log('\npictures:');
  for (const [name, text] of pictures) console.log(`  ${path(name)}  ${text}`);
}

async function trainShown(vae: Vae, name: string, train: Digits, test: Digits, epochs: number): Promise<void> {
  const { stop, ...callbacks } = progress(name, epochs);
  await vae.fit(train.images, {
    epochs,
    batchSize: 128,
    learningRate: 1e-3,
    validationData: test.images,
    ...callbacks,
  });
  stop();
}

/** The bound on both sets, beside what is reached without a model. */
function report(vae: Vae, train: Digits, test: Digits, seed: number): void {
  const line = (name: string, digits: Digits): string => {
    const { elbo, reconstruction, kl } = vae.elbo(digits.images, { seed });
    const mean = (x: typeof elbo): string => x.mean().item().toFixed(2).padStart(6);
    const baseline = independentPixelsBaseline(train, digits).toFixed(2);
    return `  ${name}  ${mean(elbo.neg())} = reconstruction ${mean(reconstruction)} + KL ${mean(kl)}   no model: ${baseline}`;
  };
  console.log('\n−ELBO in nats per row (no model: every pixel an independent Bernoulli with its training mean):');
  console.log(`${line('train', train)}\n${line('test ', test)}\n`);
}

function rowsOf(values: ArrayLike<number>): Float32Array[] {
  const all = Float32Array.from(values);
  return Array.from({ length: all.length / PIXELS }, (_, i) => all.subarray(i * PIXELS, (i + 1) * PIXELS));
}

/** Two of each digit and more, in two pairs of rows: originals above, reconstructions below. */
function reconstructionSheet(vae: Vae, test: Digits): ReturnType<typeof sheet> {
  const step = Math.floor(test.labels.length / (COLUMNS * 4));
  const originals = Array.from({ length: COLUMNS * 4 }, (_, i) => image(test, i * step));
  const restored = rowsOf(vae.reconstruct(originals).data);
  const rows = Array.from({ length: 4 }, (_, r) => [
    ...originals.slice(r * COLUMNS, (r + 1) * COLUMNS),
    ...restored.slice(r * COLUMNS, (r + 1) * COLUMNS),
  ]);
  return sheet(rows.flat(), COLUMNS, 2);
}

/** Each row goes from the first test image of one digit to that of the next. */
function interpolationSheet(vae: Vae, test: Digits): ReturnType<typeof sheet> {
  const first = (digit: number): Float32Array => image(test, test.labels.indexOf(digit));
  const rows = Array.from({ length: 9 }, (_, digit) =>
    rowsOf(vae.interpolate(first(digit), first(digit + 1), COLUMNS).data),
  );
  return sheet(rows.flat(), COLUMNS);
}

/** Digits decoded where the prior's quantiles cross, so that equal areas are equally likely. */
function latentMap(vae: Vae): ReturnType<typeof sheet> {
  const quantiles = Array.from({ length: GRID }, (_, i) => normalQuantile((i + 0.5) / GRID));
  const codes = quantiles.toReversed().flatMap((y) => quantiles.map((x) => [x, y]));
  return sheet(rowsOf(vae.decode(codes).data), GRID, Infinity, 0);
}

/** Φ⁻¹ by bisection of Φ(x) = ½(1 + erf(x/√2)). */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    const phi = 0.5 * (1 + erf(tensor(middle / Math.SQRT2, { dtype: 'f64' })).item());
    if (phi < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
