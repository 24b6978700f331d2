import { Autoencoder } from '@latent/vae';
import { image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, ranked } from './example.ts';

/**
 * A deep autoencoder 784-250-10 ranks the test images of each digit by how badly it restores them. You should see clean
 * handwriting in the upper half of the sheet and broken, slanted or thick digits in the lower.
 */
export const ranking: Example = async (setting) => {
  const { train, test } = digits(setting);
  const model = new Autoencoder({
    inputSize: PIXELS,
    encoder: [250, 10],
    encoderActivation: ['relu', 'identity'],
    tied: false,
  });
  const { epochs } = await model.fit(train.images, {
    epochs: setting.quick ? 2 : 25,
    validationData: test.images,
    l2: 1e-5,
  });
  const errors = model.reconstructionError(test.images).data;
  const order = ranked(errors);
  const of = (digit: number): number[] => order.filter((i) => test.labels[i] === digit);
  const count = 5;
  const best = Array.from({ length: 10 }, (_, digit) => of(digit).slice(0, count)).flat();
  const worst = Array.from({ length: 10 }, (_, digit) => of(digit).slice(-count)).flat();
  sheet(
    [...best, ...worst].map((i) => image(test, i)),
    2 * count,
    5,
  ).write(setting.path('ranking.png'));
  setting.say('ranking.png: of each digit the five best restored (above) and the five worst (below)');
  const mean = (list: number[]): number => list.reduce((sum, i) => sum + (errors[i] as number), 0) / list.length;
  setting.say(`mean squared error ${mean(best).toFixed(1)} of the best, ${mean(worst).toFixed(1)} of the worst`);
  return { loss: epochs.at(-1)?.validation?.loss as number, ratio: mean(worst) / mean(best) };
};
