import { Rng } from '@latent/tensor';
import { bernoulli, conditionalPrior, Vae } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, rowsOf } from './example.ts';

/**
 * A VAE of digits given their labels (Kingma et al. 2014; Sohn et al. 2015). You should see, in each row of the picture, one
 * handwriting, all ten digits in it; and a bound that rises when the label is known, by at most log 10 = 2.3 nats of what is known
 * plus what the decoder gains by not having to say it.
 */
export const conditionalDigits: Example = async (setting) => {
  const { train, test } = digits(setting);
  const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
  const options = {
    inputSize: PIXELS,
    latentSize: 10,
    encoder: [256],
    activation: 'tanh',
    reconstruction: bernoulli(),
    seed: 1,
  } as const;
  const run = { epochs: setting.quick ? 2 : 30, learningRate: 2e-3, batchSize: 100 };
  const findings: Record<string, number> = {};
  const report = (name: string, vae: Vae, given: { readonly condition?: ArrayLike<number> }): void => {
    const bound = vae.elbo(held, given).elbo.mean().item();
    const { logLikelihood } = vae.logLikelihood(held, { ...given, samples: setting.quick ? 10 : 50 });
    findings[name] = logLikelihood.mean().item();
    setting.say(`${name}: ELBO ${bound.toFixed(2)}, log-likelihood ${(findings[name] ?? 0).toFixed(2)} nats`);
  };

  const plain = new Vae(options);
  await plain.fit(rows, run);
  report('p(x)', plain, {});
  const vae = new Vae({ ...options, condition: { classes: 10 } });
  await vae.fit(rows, { ...run, condition: train.labels });
  report('p(x | label)', vae, { condition: test.labels });
  const learned = new Vae({ ...options, condition: { classes: 10 }, prior: conditionalPrior({ hidden: [32] }) });
  await learned.fit(rows, { ...run, condition: train.labels });
  report('p(x | label), p(z | label)', learned, { condition: test.labels });

  // Which label explains a test image best is a classifier that nobody trained.
  const each = Array.from({ length: 10 }, (_, k) => vae.elboPerRow(held, { condition: k, samples: 4 }).data);
  let right = 0;
  for (let i = 0; i < test.labels.length; i++) {
    let best = 0;
    for (let k = 1; k < 10; k++) if ((each[k]?.[i] as number) > (each[best]?.[i] as number)) best = k;
    if (best === test.labels[i]) right++;
  }
  findings.accuracy = right / test.labels.length;
  setting.say(`the label with the largest bound is right for ${(100 * findings.accuracy).toFixed(1)} % of test digits`);

  const codes = new Rng(7).normal([8, 10]).toArray() as number[][];
  const hands = codes.flatMap((code) => Array.from({ length: 10 }, () => code));
  const labels = hands.map((_, i) => i % 10);
  sheet(rowsOf(vae.decode(hands, { condition: labels }).data), 10).write(setting.path('conditional-digits.png'));
  setting.say('conditional-digits.png: each row one code, under all ten labels');
  return findings;
};
