import { Rng, tensor } from '@latent/tensor';
import { bernoulli, DenoisingAutoencoder, saltAndPepper } from '@latent/vae';
import { image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, rowsOf } from './example.ts';

/**
 * A third of the pixels is set to black or white. You should see, in threes of rows, the clean digit, the spoiled one and
 * the restored one, close to the clean.
 */
export const denoising: Example = async (setting) => {
  const { train, test } = digits(setting);
  const corruption = saltAndPepper(0.35);
  const model = new DenoisingAutoencoder({
    inputSize: PIXELS,
    encoder: [400, 100],
    tied: false,
    corruption,
    reconstruction: bernoulli(),
  });
  await model.fit(train.images, { epochs: setting.quick ? 2 : 25 });
  const clean = Array.from({ length: 14 }, (_, k) => image(test, Math.floor((k * test.labels.length) / 14)));
  const x = tensor(Float32Array.from(clean.flatMap((row) => Array.from(row))), { shape: [14, PIXELS] });
  const spoiled = corruption.apply(x, new Rng(1));
  const restored = model.reconstruct(spoiled);
  sheet([...clean, ...rowsOf(spoiled.data), ...rowsOf(restored.data)], 14).write(setting.path('denoising.png'));
  const error = (y: typeof x): number => y.sub(x).square().mean().item();
  setting.say(
    `denoising.png: mean squared error ${error(spoiled).toFixed(3)} spoiled, ${error(restored).toFixed(3)} restored`,
  );
  return { spoiled: error(spoiled), restored: error(restored) };
};
