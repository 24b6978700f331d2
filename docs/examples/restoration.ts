import { conv2d } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { bernoulli, blur, type Corruption, DenoisingAutoencoder, lowResolution, occlusion } from '@latent/vae';
import { sheet } from '../../demo/sheet.ts';
import { type Example, type Findings, rowsOf } from './example.ts';
import { fashion } from './fashion.ts';

const SHOWN = 10;

const tasks: readonly (readonly [name: string, corruption: Corruption])[] = [
  ['inpainting', occlusion(10)],
  ['deblurring', blur(1.5)],
  ['super-resolution', lowResolution(4)],
];

/**
 * Clothes of Fashion-MNIST with a square cut out, blurred, or four times as small: one convolutional autoencoder for each learns
 * what was there. You should see, in threes of rows, the image, what was spoiled and what was restored; the error of the
 * restored images is well below that of the spoiled ones. What a square hid it can only guess: the guess is smooth.
 */
export const restoration: Example = async (setting) => {
  const { train, test } = fashion(setting);
  const clean = tensor(test.images, { shape: [test.labels.length, 28, 28, 1] });
  const found: Record<string, number> = {};
  for (const [name, corruption] of tasks) {
    const model = new DenoisingAutoencoder({
      event: [28, 28, 1],
      encoder: [
        conv2d(24, { kernel: 4, stride: 2, padding: 'same' }),
        conv2d(48, { kernel: 4, stride: 2, padding: 'same' }),
      ],
      corruption,
      reconstruction: bernoulli(),
      seed: 1,
    });
    await model.fit(train.images, {
      epochs: setting.quick ? 3 : 15,
      batchSize: setting.quick ? 16 : 64,
      learningRate: setting.quick ? 5e-3 : 2e-3,
      onWarning: () => {},
    });
    const spoiled = corruption.apply(clean, new Rng(1));
    const restored = model.reconstruct(spoiled);
    const error = (x: Tensor): number => x.sub(clean).square().mean().item();
    Object.assign(found, { [`${name}, spoiled`]: error(spoiled), [name]: error(restored) });
    const every = Array.from({ length: SHOWN }, (_, k) => Math.floor((k * test.labels.length) / SHOWN));
    const pick = (x: Tensor): Float32Array[] => every.map((i) => rowsOf(x.slice([[i, i + 1]]).data)[0] as Float32Array);
    sheet([...pick(clean), ...pick(spoiled), ...pick(restored)], SHOWN).write(setting.path(`restoration-${name}.png`));
    setting.say(
      `restoration-${name}.png: mean squared error ${error(spoiled).toFixed(4)} spoiled, ${error(restored).toFixed(4)} restored`,
    );
  }
  return found satisfies Findings;
};
