// `npm run bench:long-run`: the demo's training here and on PyTorch, for several seeds; the test bounds must agree within
// PyTorch's own spread.
import { bernoulli, Vae } from '@latent/vae';
import { loadDigits, PIXELS } from '../demo/digits.ts';
import { digitsFolder, mean, onPytorch, report, spread } from './seeds.ts';

const SEEDS = 5;
const EPOCHS = 10;

const { train, test } = loadDigits();
const ours: number[] = [];
for (let seed = 0; seed < SEEDS; seed++) {
  const vae = new Vae({ inputSize: PIXELS, latentSize: 20, encoder: [400], reconstruction: bernoulli(), seed });
  await vae.fit(train.images, { epochs: EPOCHS });
  ours.push(-vae.elbo(test.images, { seed }).elbo.mean().item());
}
report('latent', ours);

const theirs = onPytorch('train_digits.py', [digitsFolder(), String(EPOCHS), String(SEEDS)]) as
  | readonly number[]
  | null;
if (theirs !== null) {
  report('pytorch', theirs);
  const gap = mean(ours) - mean(theirs);
  // Both means scatter.
  const allowed = 3 * Math.sqrt((spread(ours) ** 2 + spread(theirs) ** 2) / SEEDS);
  console.log(
    `difference ${gap.toFixed(2)} nats, ${Math.abs(gap) <= allowed ? 'within' : 'OUTSIDE'} ± ${allowed.toFixed(2)}`,
  );
  if (Math.abs(gap) > allowed) process.exitCode = 1;
}
