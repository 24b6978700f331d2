import { conv2d, convTranspose2d, dense, reshape } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { writeAnimation } from '../../demo/animation.ts';
import type { Picture } from '../../demo/picture.ts';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, rowsOf } from './example.ts';

const GRID = 20;
const SAMPLES = 16;

/**
 * TensorFlow's tutorial "Convolutional Variational Autoencoder", layer for layer: digits of zeros and ones, two latents, batches
 * of 32, 10 epochs. You should see samples take shape from epoch to epoch in the animated picture, and in the manifold the
 * digits turn into one another; its 20×20 codes are quantiles of the prior from 0.05 to 0.95 in each direction. The tutorial's
 * rate, 1e-4, is for 60,000 digits; here are 8,004, and it is 1e-3.
 */
export const cvaeTutorial: Example = async (setting) => {
  const { train, test } = digits(setting);
  const binary = (images: Float32Array): Float32Array => images.map((grey) => (grey > 0.5 ? 1 : 0));
  const vae = new Vae({
    event: [28, 28, 1],
    encoder: [conv2d(32, { stride: 2 }), conv2d(64, { stride: 2 })],
    latentSize: 2,
    decoder: [
      dense(7 * 7 * 32),
      reshape([7, 7, 32]),
      convTranspose2d(64, { stride: 2, padding: 'same' }),
      convTranspose2d(32, { stride: 2, padding: 'same' }),
      convTranspose2d(1, { padding: 'same' }),
    ],
    reconstruction: bernoulli(),
    seed: 1,
  });
  const codes = rowsOf(new Rng(2).normal([SAMPLES, 2]).data, 2);
  const frames: Picture[] = [];
  const shoot = (): void => {
    frames.push(sheet(rowsOf(vae.decode(codes).data), 4));
  };
  shoot();
  const bounds: number[] = [];
  await vae.fit(binary(train.images), {
    epochs: setting.quick ? 2 : 10,
    batchSize: 32,
    learningRate: 1e-3,
    validationData: binary(test.images),
    onEpoch({ epoch, validation }) {
      const bound = -(validation?.loss as number);
      bounds.push(bound);
      setting.say(`epoch ${epoch}: test ELBO ${bound.toFixed(1)} nats`);
      shoot();
    },
  });
  writeAnimation(setting.path('cvae-samples.png'), frames, 500);
  sheet(rowsOf(vae.decode(manifold()).data), GRID, Number.POSITIVE_INFINITY, 0).write(
    setting.path('cvae-manifold.png'),
  );
  setting.say('cvae-samples.png: the same 16 codes after every epoch; cvae-manifold.png: 20×20 codes decoded');
  setting.say(
    'the tutorial, on 60,000 digits: −155.9 nats after 10 epochs (logs of its readers; it prints none itself)',
  );
  return { first: bounds[0] as number, elbo: bounds.at(-1) as number, frames: frames.length };
};

/** The codes of the manifold, line by line from the upper left. */
function manifold(): number[][] {
  const at = Array.from({ length: GRID }, (_, i) => normalQuantile(0.05 + (0.9 * i) / (GRID - 1)));
  return at.toReversed().flatMap((y) => at.map((x) => [x, y]));
}

/** Φ⁻¹(p), by halving the interval in which it lies. */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Φ(x): the integral of the density from 0, by Simpson's rule. */
function normalBelow(x: number): number {
  const steps = 200;
  const h = x / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-0.5 * (i * h) ** 2);
  }
  return 0.5 + (sum * h) / 3 / Math.sqrt(2 * Math.PI);
}
