import { adam, cosineSchedule } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { bernoulli, MaskedAutoencoder } from '@latent/vae';
import { PIXELS, SIDE } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, rowsOf } from './example.ts';

/** What is hidden of an image: whether pixel (y, x) is, given a number from 0 to 1 that is its own. */
const holes: Readonly<Record<string, (y: number, x: number, u: number) => boolean>> = {
  'nine pixels of ten': (_y, _x, u) => u < 0.9,
  'the lower half': (y) => y >= SIDE / 2,
  'the right half': (_y, x) => x >= SIDE / 2,
};

/**
 * One masked autoencoder fills what is missing of digits, whatever it is, though while it learned only single pixels were hidden, at
 * random; and it finds the pixels that were turned over, each by what the others say. You should see pixels filled at fewer nats
 * than the mean image gives them, and most of the odd ones found.
 */
export const masked: Example = async (setting) => {
  const { quick, say } = setting;
  const { train, test } = digits(setting);
  const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
  const epochs = quick ? 25 : 40;
  const steps = epochs * Math.ceil(train.labels.length / 100);
  const model = new MaskedAutoencoder({
    inputSize: PIXELS,
    encoder: quick ? [32] : [400, 200],
    reconstruction: bernoulli(),
    hide: [0.2, 0.95],
  });
  await model.fit(rows, {
    ...{ epochs, batchSize: 100 },
    optimizer: adam({ learningRate: cosineSchedule({ rate: quick ? 2e-2 : 2e-3, steps }) }),
  });

  const mean = meanOf(rows);
  const shown = Array.from({ length: 12 }, (_, k) => Math.floor(((k + 0.5) * test.labels.length) / 12));
  const lines = shown.map((i) => held.subarray(i * PIXELS, (i + 1) * PIXELS));
  const findings: Record<string, number> = {};
  for (const [name, hidden] of Object.entries(holes)) {
    const u = new Rng(3).uniform([held.length]).data;
    const seen = held.map((value, i) => {
      const [y, x] = [Math.floor((i % PIXELS) / SIDE), i % SIDE];
      return hidden(y, x, u[i] as number) ? Number.NaN : value;
    });
    const filled = Float32Array.from(model.impute(seen).data);
    const byMean = seen.map((value, i) => (Number.isNaN(value) ? (mean[i % PIXELS] as number) : value));
    const [ours, plain] = [filled, byMean].map((by) => natsOf(held, seen, by)) as [number, number];
    findings[name] = ours;
    findings[`${name}, mean image`] = plain;
    say(`${name} hidden: ${ours.toFixed(1)} nats an image for what is hidden, ${plain.toFixed(1)} by the mean image`);
    const [before, after] = [rowsOf(seen), rowsOf(filled)];
    // What is hidden is grey.
    lines.push(...shown.map((i) => (before[i] as Float32Array).map((value) => (Number.isNaN(value) ? 0.4 : value))));
    lines.push(...shown.map((i) => after[i] as Float32Array));
  }
  sheet(lines, shown.length).write(setting.path('masked.png'));
  say('masked.png: test images; in pairs of rows, what is seen of them and how it is filled');

  // Five pixels of each image turned over: are they the five least likely given the others?
  const [images, odd] = [quick ? 1 : 40, 5];
  const spoiled = held.slice(0, images * PIXELS);
  const turned = Array.from({ length: images }, (_, r) => new Rng(r).permutation(PIXELS).subarray(0, odd));
  turned.forEach((pixels, r) => {
    for (const i of pixels) spoiled[r * PIXELS + i] = 1 - (spoiled[r * PIXELS + i] as number);
  });
  const each = rowsOf(model.contributions(spoiled).columns.data);
  const found = turned.reduce((sum, pixels, r) => {
    const order = Array.from(each[r]?.keys() ?? []).sort((a, b) => (each[r]?.[b] ?? 0) - (each[r]?.[a] ?? 0));
    const first = new Set(order.slice(0, 2 * odd));
    return sum + Array.from(pixels).filter((i) => first.has(i)).length;
  }, 0);
  findings.found = found / (images * odd);
  say(
    `of ${odd} pixels turned over in each image ${(100 * findings.found).toFixed(0)} % are among its ${2 * odd} oddest`,
  );
  return findings;
};

/** The mean image, away from 0 and 1. */
function meanOf(rows: Float32Array): Float32Array {
  const [sum, count] = [new Float32Array(PIXELS), rows.length / PIXELS];
  rows.forEach((value, i) => {
    sum[i % PIXELS] = (sum[i % PIXELS] as number) + value;
  });
  return sum.map((value) => (value + 0.5) / (count + 1));
}

/** −log p of what is hidden, in nats per image, under Bernoullis of these means. */
function natsOf(truth: Float32Array, seen: Float32Array, mean: Float32Array): number {
  let nats = 0;
  truth.forEach((value, i) => {
    if (!Number.isNaN(seen[i])) return;
    const p = Math.min(1 - 1e-6, Math.max(1e-6, mean[i] as number));
    nats -= Math.log(value > 0.5 ? p : 1 - p);
  });
  return nats / (truth.length / PIXELS);
}
