import { adam, cosineSchedule } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { bernoulli, elbo, HierarchicalVae, Vae } from '@latent/vae';
import { image, PIXELS } from '../../demo/digits.ts';
import { sheet } from '../../demo/sheet.ts';
import { binarised, digits, type Example, rowsOf } from './example.ts';

/** Latents of each level, from the rows up. */
const LATENTS = [24, 8] as const;
/** Test images in the picture, and what is drawn for each. */
const [SHOWN, DRAWN] = [8, 8];

/**
 * A VAE with two levels of latents on binarised digits, beside plain ones with about as many parameters, as many latents and epochs: one
 * wide hidden layer, or two. You should see fewer nats with levels than with either. In each line of the picture stand a test image, what both
 * levels restore of it, what the upper one alone does, and images whose upper level is the image's and whose lower one is drawn: slant,
 * weight and outline stay.
 */
export const hierarchical: Example = async (setting) => {
  const { quick, say } = setting;
  const { train, test } = digits(setting);
  const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
  const epochs = quick ? 6 : 30;
  const steps = epochs * Math.ceil(train.labels.length / 100);
  const run = () => ({
    ...{ epochs, batchSize: 100 },
    optimizer: adam({ learningRate: cosineSchedule({ rate: quick ? 1e-2 : 2e-3, steps }) }),
  });
  const samples = quick ? 5 : 50;
  const warmUp = quick ? 0 : 5;
  const common = { inputSize: PIXELS, activation: 'elu', reconstruction: bernoulli(), seed: 4 } as const;
  const findings: Record<string, number> = {};
  const report = (name: string, model: Vae | HierarchicalVae, nats: number): void => {
    const size = model.namedParameters().reduce((sum, [, { size: count }]) => sum + count, 0);
    const { kl, reconstruction } = model.elbo(held);
    const mean = (of: typeof kl): string => of.mean().item().toFixed(2);
    findings[name] = nats;
    say(
      `${name}, ${Math.round(size / 1000)} thousand parameters: −log p(x) ${nats.toFixed(2)} nats; reconstruction ${mean(reconstruction)}, KL ${mean(kl)}`,
    );
  };

  const latentSize = LATENTS[0] + LATENTS[1];
  for (const [name, encoder] of [
    ['plain', quick ? [40] : [450]],
    ...(quick ? [] : [['plain, deeper', [340, 340]] as const]),
  ] as const) {
    const vae = new Vae({ ...common, latentSize, encoder: [...encoder], objective: elbo({ warmUp }) });
    await vae.fit(rows, run());
    report(name, vae, -vae.logLikelihood(held, { samples }).logLikelihood.mean().item());
  }
  const levels = new HierarchicalVae({
    ...common,
    encoder: quick ? [[24], [12]] : [[256], [128]],
    latentSizes: [...LATENTS],
    warmUp,
    freeBits: 10, // nats that each level holds for nothing; without them the upper one holds half of that
  });
  await levels.fit(rows, run());
  report('two levels', levels, -levels.logLikelihood(held, { samples }).mean().item());
  const [lower, upper] = levels.elbo(held).levels.mean({ axis: 0 }).toArray() as [number, number];
  findings.upper = upper;
  say(`KL of the lower level ${lower.toFixed(2)} nats, of the upper ${upper.toFixed(2)}`);

  const shown = Array.from({ length: SHOWN }, (_, k) => image(test, Math.floor(((k + 0.5) * test.labels.length) / 8)));
  const codes = levels.encode(shown).mean.toArray() as number[][];
  const drawn = new Rng(1).normal([SHOWN * DRAWN, LATENTS[0]]).toArray() as number[][];
  const mixed = drawn.map((own, i) => [...own, ...(codes[Math.floor(i / DRAWN)] as number[]).slice(LATENTS[0])]);
  const all = rowsOf(levels.reconstruct(shown).data);
  const top = rowsOf(levels.reconstruct(shown, { levels: 1 }).data);
  const others = rowsOf(levels.decode(mixed).data);
  const lines = shown.flatMap((source, k) => [source, all[k], top[k], ...others.slice(k * DRAWN, (k + 1) * DRAWN)]);
  sheet(lines as Float32Array[], 3 + DRAWN).write(setting.path('hierarchical.png'));
  say('hierarchical.png: a test image, both levels, the upper alone, and lower levels drawn under the same upper one');
  return findings;
};
