import { conv2d, convTranspose2d, maxPool } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, DenoisingAutoencoder, gaussianNoise } from '@latent/vae';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, rowsOf } from './example.ts';

const SHOWN = 14;

/**
 * The convolutional denoising autoencoder of keras.io, layer for layer: noise of deviation 0.4, clipped. You should see, in threes
 * of rows, the clean digit, the noisy one and the restored one. Unlike there the noise is fresh in every batch, and the restored
 * digits are measured against the clean ones beside two that anyone can make: the noisy digit as it is, and the mean of all.
 */
export const convDenoising: Example = async (setting) => {
  const { train, test } = digits(setting);
  const corruption = gaussianNoise(0.4, { low: 0, high: 1 });
  const model = new DenoisingAutoencoder({
    event: [28, 28, 1],
    encoder: [
      conv2d(32, { padding: 'same' }),
      maxPool(2, { padding: 'same' }),
      conv2d(32, { padding: 'same' }),
      maxPool(2, { padding: 'same' }),
    ],
    decoder: [
      convTranspose2d(32, { stride: 2, padding: 'same' }),
      convTranspose2d(32, { stride: 2, padding: 'same' }),
      conv2d(1, { padding: 'same' }),
    ],
    corruption,
    reconstruction: bernoulli(),
    seed: 1,
  });
  setting.say(`${model.namedParameters().reduce((sum, [, { size }]) => sum + size, 0)} parameters`);
  await model.fit(train.images, {
    epochs: setting.quick ? 4 : 10,
    batchSize: setting.quick ? 16 : 128,
    learningRate: setting.quick ? 5e-3 : 1e-3,
    onEpoch: ({ epoch, loss }) => setting.say(`epoch ${epoch}: cross-entropy ${(loss / 784).toFixed(4)} per pixel`),
  });
  const clean = tensor(test.images, { shape: [test.labels.length, 28, 28, 1] });
  const noisy = corruption.apply(clean, new Rng(1));
  const restored = model.reconstruct(noisy);
  const mean = tensor(train.images, { shape: [train.labels.length, 28, 28, 1] }).mean({ axis: 0 });
  const error = (x: Tensor): number => x.sub(clean).square().mean().item();
  const found = {
    noisy: error(noisy),
    mean: error(mean),
    restored: error(restored),
    entropy: entropy(restored, clean),
  };
  const every = Array.from({ length: SHOWN }, (_, k) => Math.floor((k * test.labels.length) / SHOWN));
  const pick = (x: Tensor): Float32Array[] => every.map((i) => rowsOf(x.slice([[i, i + 1]]).data)[0] as Float32Array);
  sheet([...pick(clean), ...pick(noisy), ...pick(restored)], SHOWN).write(setting.path('conv-denoising.png'));
  setting.say(
    `conv-denoising.png: mean squared error ${found.restored.toFixed(4)} restored, ${found.noisy.toFixed(4)} noisy, ${found.mean.toFixed(4)} the mean digit`,
  );
  setting.say(
    `cross-entropy of restored test digits ${found.entropy.toFixed(4)} per pixel; keras.io, on 60,000 digits after 50 epochs without noise: 0.0868 after 10 more, 0.0839 after 100`,
  );
  return found;
};

/** Of probabilities and targets, in nats per pixel. */
function entropy(p: Tensor, x: Tensor): number {
  const inside = p.clamp(1e-7, 1 - 1e-7);
  return x
    .mul(inside.log())
    .add(x.neg().add(1).mul(inside.neg().add(1).log()))
    .mean()
    .neg()
    .item();
}
