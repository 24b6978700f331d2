import { bernoulli, Vae } from '@latent/vae';
import { rocAuc } from '@latent/vae/evaluate';
import { image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, pick, ranked, rowsOf } from './example.ts';

/**
 * Each digit in turn is left out of training and looked for among the test images by −ELBO. You should see areas under the
 * ROC curve well above ½ for most digits, and the 1 near or below it: a simple image is cheap to code, known or not.
 */
export const anomaly: Example = async (setting) => {
  const { train, test } = digits(setting);
  const areas: number[] = [];
  for (let odd = 0; odd < (setting.quick ? 2 : 10); odd++) {
    const normal = pick(train, (label) => label !== odd);
    const vae = new Vae({
      inputSize: PIXELS,
      latentSize: 32,
      encoder: [256, 256],
      reconstruction: bernoulli(),
      seed: odd,
    });
    await vae.fit(normal.images, { epochs: setting.quick ? 1 : 8 });
    const { score } = vae.contributions(test.images, { samples: 4 });
    const isOdd = Array.from(test.labels, (label) => (label === odd ? 1 : 0));
    areas.push(rocAuc(score.data, isOdd));
    setting.say(`${odd} unseen in training: ROC-AUC ${areas[odd]?.toFixed(3)}`);
    if (odd !== 0) continue;
    // Of the images, above those that it finds usual, below those that it finds odd, each over its reconstruction.
    const order = ranked(score.data);
    const chosen = [order.slice(0, 12), order.slice(-12)].map((part) => part.map((i) => image(test, i)));
    const pictures = chosen.flatMap((part) => [...part, ...rowsOf(vae.reconstruct(part).data)]);
    sheet(pictures, 12, 2).write(setting.path('anomaly-0.png'));
    setting.say('anomaly-0.png: most usual and oddest test images without 0 in training, and their reconstructions');
  }
  return { worst: Math.min(...areas), mean: areas.reduce((a, b) => a + b) / areas.length };
};
