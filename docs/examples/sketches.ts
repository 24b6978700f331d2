import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { adam, cosineSchedule, lstm, unpadded } from '@latent/nn';
import type { Tensor } from '@latent/tensor';
import { bivariateMixture, categorical, composite, elbo, Vae } from '@latent/vae';
import { BLACK, Picture, WHITE } from '../../demo/picture.ts';
import { segment } from './chart.ts';
import type { Example } from './example.ts';

/** Points of the longest drawing that is kept, with the one that ends it. */
const STEPS = 64;

/** Omniglot's drawings as strokes (MIT; see data/omniglot-strokes): of each the offsets and the state of the pen, end to end. */
function loadDrawings(set: 'train' | 'test', most: number): number[][] {
  const part = (name: string): Buffer =>
    gunzipSync(readFileSync(new URL(`data/omniglot-strokes/${set}.${name}.gz`, import.meta.url)));
  const [points, counts] = [part('i16'), part('len.u16')];
  const drawings: number[][] = [];
  for (let d = 0, at = 0; d < counts.length / 2 && drawings.length < most; d++) {
    const count = counts.readUInt16LE(2 * d);
    if (count < STEPS) {
      const steps = Array.from({ length: count }, (_, t) => {
        const [dx, dy, lifted] = [0, 2, 4].map((byte) => points.readInt16LE(6 * (at + t) + byte)) as [
          number,
          number,
          number,
        ];
        return [dx / 53, dy / 53, lifted === 1 ? 0 : 1, lifted === 1 ? 1 : 0, 0];
      });
      drawings.push([...steps.flat(), 0, 0, 0, 0, 1]);
    }
    at += count;
  }
  return drawings;
}

/** Draws rows of (Δx, Δy, down, lifted, end) into cells of a picture. */
function draw(rows: readonly ArrayLike<number>[], columns: number): Picture {
  const side = 84;
  const picture = new Picture(columns * side, Math.ceil(rows.length / columns) * side, WHITE);
  rows.forEach((row, i) => {
    const places: [number, number][] = [[0, 0]];
    for (let t = 0; 5 * t < row.length; t++) {
      const [x, y] = places.at(-1) as [number, number];
      places.push([x + (row[5 * t] as number), y + (row[5 * t + 1] as number)]);
    }
    const ends = [0, 1].map((c) => [
      Math.min(...places.map((p) => p[c] as number)),
      Math.max(...places.map((p) => p[c] as number)),
    ]);
    const [[left = 0, right = 0] = [], [top = 0, bottom = 0] = []] = ends;
    const scale = (side - 16) / Math.max(right - left, bottom - top, 1e-6);
    const cell = [(i % columns) * side + 8, Math.floor(i / columns) * side + 8] as const;
    const at = ([x, y]: [number, number]): [number, number] => [
      cell[0] + (x - left) * scale,
      cell[1] + (y - top) * scale,
    ];
    for (let t = 0; t + 1 < places.length; t++) {
      // The pen was lifted after the point before.
      if (t > 0 && row[5 * (t - 1) + 3] === 1) continue;
      segment(picture, at(places[t] as [number, number]), at(places[t + 1] as [number, number]), BLACK);
    }
  });
  return picture;
}

/**
 * A VAE of drawings, stroke by stroke, in the manner of sketch-rnn (Ha & Eck 2018): the pen's offsets from a mixture of bivariate
 * Gaussians, and whether it is down, lifted or done. You should see signs as people write them, most with an end. Codes hold five nats,
 * the free ones: what is drawn again from a sign's code has something of its shape, and is another sign.
 */
export const sketches: Example = async (setting) => {
  const { quick, say } = setting;
  const [train, test] = [loadDrawings('train', quick ? 100 : 8000), loadDrawings('test', quick ? 20 : 200)];
  const vae = new Vae({
    sequence: { steps: STEPS, features: 5, stop: { column: 4, value: 1 }, previous: { dropout: 0.2 } },
    latentSize: 16,
    encoder: [lstm(quick ? 8 : 64, { bidirectional: true })],
    decoder: [lstm(quick ? 16 : 128, { returnSequences: true })],
    reconstruction: composite([
      [2, bivariateMixture({ components: 5 })],
      [3, categorical()],
    ]),
    // Half of the KL's weight: else the decoder, which sees the points before, leaves the code aside.
    objective: elbo({ beta: 0.5, freeBits: 0.3 }),
  });
  const before = vae.elboPerRow(test).mean().item();
  const [epochs, batchSize] = quick ? [2, 20] : [25, 64];
  const steps = epochs * Math.ceil(train.length / batchSize);
  await vae.fit(train, {
    ...{ epochs, batchSize },
    optimizer: adam({ learningRate: cosineSchedule({ rate: 4e-3, steps }) }),
    clipNorm: 1,
  });
  const { elbo: bound, kl } = vae.elbo(test);
  const mean = (x: Tensor): number => x.mean().item();
  say(
    `${mean(bound).toFixed(1)} nats per held-out drawing (${before.toFixed(1)} before training), KL ${mean(kl).toFixed(1)}`,
  );
  const given = test.slice(0, 12);
  const drawn = unpadded(vae.sample(24, { output: 'draw', temperature: 0.5, seed: 2 }));
  const ended = drawn.filter((row) => row.at(-1) === 1).length;
  say(`${ended} of ${drawn.length} drawn signs end within ${STEPS} points`);
  const again = vae.moreLike(given, 1, { output: 'draw', temperature: 0.1, seed: 1 }).reshape([given.length, STEPS, 5]);
  draw([...given, ...unpadded(again), ...drawn], 12).write(setting.path('sketches.png'));
  say('sketches.png: held-out signs, each drawn again from its code, and two rows of new ones');
  return { before, bound: mean(bound), kl: mean(kl), ended };
};
