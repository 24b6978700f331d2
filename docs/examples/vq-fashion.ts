import { adam, conv2d, cosineSchedule } from '@latent/nn';
import { bernoulli, VqVae } from '@latent/vae';
import { image, SIDE } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { type Example, rowsOf } from './example.ts';
import { fashion } from './fashion.ts';

/**
 * Fashion images as 7×7 codes of 128, and a small transformer that makes new ones (van den Oord et al. 2017; the layers and sizes are
 * those of the example at keras.io). You should see images that come back from 49 whole numbers, and new ones that are mostly clothes.
 */
export const vqFashion: Example = async (setting) => {
  const { train, test } = fashion(setting);
  const model = new VqVae({
    event: [SIDE, SIDE, 1],
    encoder: [
      conv2d(32, { kernel: 3, stride: 2, padding: 'same' }),
      conv2d(64, { kernel: 3, stride: 2, padding: 'same' }),
    ],
    codes: 128,
    codeSize: 16,
    prior: { width: 64, layers: 2, heads: 4 },
    reconstruction: bernoulli(),
    seed: 1,
  });
  const batchSize = 64;
  const run = (epochs: number, rate: number) => {
    const steps = epochs * Math.ceil(train.labels.length / batchSize);
    return { epochs, batchSize, optimizer: adam({ learningRate: cosineSchedule({ rate, steps }) }) };
  };
  const history = await model.fit(train.images, run(setting.quick ? 1 : 24, 2e-3));
  const last = history.epochs.at(-1);
  const restored = model.reconstruct(test.images).data;
  let error = 0;
  restored.forEach((value, i) => {
    error += (value - (test.images[i] as number)) ** 2 / restored.length;
  });
  const uniform = model.codeBound(test.images);
  setting.say(
    `${history.epochs.length} epochs: ${last?.perplexity.toFixed(1)} of 128 codes in use (e^entropy of a batch); squared error ${error.toFixed(4)}`,
  );
  const before = uniform.codes.mean().item();
  await model.fitPrior(train.images, run(setting.quick ? 1 : 15, 3e-3));
  const { bound, reconstruction, codes } = model.codeBound(test.images);
  const mean = (x: typeof bound): number => x.mean().item();
  setting.say(
    `test: ${mean(reconstruction).toFixed(1)} nats for the image given its codes, ${mean(codes).toFixed(1)} for the codes (${before.toFixed(1)} if all are as likely), ${mean(bound).toFixed(1)} together`,
  );
  const shown = Array.from({ length: 12 }, (_, k) => image(test, Math.floor(((k + 0.5) * test.labels.length) / 12)));
  const back = rowsOf(model.reconstruct(shown.map((row) => Float32Array.from(row))).data);
  const made = rowsOf(model.sample(36, { seed: 1, temperature: 0.9 }).data);
  sheet([...shown, ...back, ...made], 12, 2).write(setting.path('vq-fashion.png'));
  setting.say('vq-fashion.png: test images, what 49 codes make of them, and new images');
  return { error, uniform: before, learned: mean(codes), perplexity: last?.perplexity ?? 0 };
};
