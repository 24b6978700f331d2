import { adam, cosineSchedule } from '@latent/nn';
import {
  bernoulli,
  elbo,
  exemplarPrior,
  nearestNeighbours,
  neighbourVotes,
  type PriorSpec,
  standardNormalPrior,
  Vae,
  vampPrior,
} from '@latent/vae';
import { type Digits, image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, pick, rowsOf, type Setting } from './example.ts';
import { fashion } from './fashion.ts';

/**
 * One network under three priors, on binarised digits and Fashion images (Norouzi et al. 2020). You should see fewer nats with the
 * exemplar prior than with the VampPrior, and with that than with N(0, I), and images like one image. Units that do not saturate matter: a
 * VampPrior needs rows whose posteriors are wider than those of data, and those are beyond what tanh units tell apart.
 */
export const exemplar: Example = async (setting) => {
  const findings: Record<string, number> = {};
  Object.assign(findings, await compared(setting, 'digits', digits(setting)));
  if (!setting.quick) Object.assign(findings, await compared(setting, 'fashion', fashion(setting)));
  return findings;
};

async function compared(
  setting: Setting,
  name: string,
  { train: all, test }: { readonly train: Digits; readonly test: Digits },
): Promise<Record<string, number>> {
  // One row of ten says when to stop.
  const [train, kept] = [pick(all, (_, i) => i % 10 !== 9), pick(all, (_, i) => i % 10 === 9)];
  const [rows, validation, held] = [train, kept, test].map(({ images }, i) => binarised(images, i)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const priors: readonly (readonly [string, PriorSpec])[] = [
    ['standard', standardNormalPrior()],
    ['VampPrior', vampPrior({ components: setting.quick ? 10 : 200, start: 'rows' })],
    ['exemplar', exemplarPrior({ neighbours: setting.quick ? 2 : 5 })],
  ];
  const findings: Record<string, number> = {};
  for (const [label, prior] of priors) {
    const vae = new Vae({
      inputSize: PIXELS,
      latentSize: 20,
      encoder: [200],
      activation: 'relu',
      reconstruction: bernoulli(),
      prior,
      objective: elbo({ warmUp: setting.quick ? 0 : 10 }),
      seed: 4,
    });
    const epochs = setting.quick ? 2 : 40;
    const steps = epochs * Math.ceil(train.labels.length / 100);
    const history = await vae.fit(rows, {
      epochs,
      batchSize: 100,
      optimizer: adam({ learningRate: cosineSchedule({ rate: 2e-3, steps }) }),
      validationData: validation,
      earlyStopping: { patience: epochs, restoreBest: true },
    });
    const bound = -vae.elbo(held).elbo.mean().item();
    const { logLikelihood } = vae.logLikelihood(held, { samples: setting.quick ? 5 : 100 });
    const nats = -logLikelihood.mean().item();
    const votes = neighbourVotes(
      nearestNeighbours(vae.encode(rows).mean, vae.encode(held).mean, { k: 5 }),
      train.labels,
    );
    const right = votes.filter((vote, i) => vote === test.labels[i]).length / votes.length;
    findings[`${name} ${label}`] = nats;
    findings[`${name} ${label} neighbours`] = right;
    setting.say(
      `${name}, ${label}: −log p(x) ${nats.toFixed(2)}, −ELBO ${bound.toFixed(2)} nats; 5 nearest codes ${(100 * right).toFixed(1)} % right; ${history.epochs.length} epochs`,
    );
    if (label === 'exemplar') {
      const shown = Array.from({ length: 8 }, (_, k) => image(test, Math.floor(((k + 0.5) * test.labels.length) / 8)));
      const like = rowsOf(vae.moreLike(shown, 11, { seed: 1 }).data);
      const lines = shown.flatMap((source, k) => [source, ...like.slice(11 * k, 11 * (k + 1))]);
      sheet(lines, 12).write(setting.path(`exemplar-${name}.png`));
      setting.say(`exemplar-${name}.png: at the left a test image, then images like it`);
    }
  }
  return findings;
}
