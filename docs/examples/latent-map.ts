import { bernoulli, Vae } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { scatter } from '../../demo/scatter.ts';
import { sheet } from '../../demo/sheet.ts';
import { digits, type Example, rowsOf } from './example.ts';

const GRID = 16;

/**
 * A VAE with two latents. You should see the ten digits drift apart from picture to picture of the map, and in the grid
 * of decoded codes one digit turn into another.
 */
export const latentMap: Example = async (setting) => {
  const { train, test } = digits(setting);
  const vae = new Vae({ inputSize: PIXELS, latentSize: 2, encoder: [256, 128], reconstruction: bernoulli(), seed: 1 });
  const shown = setting.quick ? [1] : [1, 5, 40];
  const history = await vae.fit(train.images, {
    epochs: Math.max(...shown),
    validationData: test.images,
    onEpoch({ epoch, validation }) {
      if (!shown.includes(epoch)) return;
      const points = rowsOf(vae.encode(test.images).mean.data, 2).map(([x = 0, y = 0]) => [x, y] as const);
      scatter(points, test.labels).write(setting.path(`map-epoch-${epoch}.png`));
      setting.say(`epoch ${epoch}: test bound ${validation?.loss.toFixed(2)} nats, map-epoch-${epoch}.png`);
    },
  });
  const codes = Array.from({ length: GRID * GRID }, (_, i) => [
    -3 + (6 * (i % GRID)) / (GRID - 1),
    3 - (6 * Math.floor(i / GRID)) / (GRID - 1),
  ]);
  sheet(rowsOf(vae.decode(codes).data), GRID, Number.POSITIVE_INFINITY, 0).write(setting.path('map-grid.png'));
  setting.say('map-grid.png: codes from −3 to 3 in both directions, decoded');
  return { loss: history.epochs.at(-1)?.validation?.loss as number };
};
