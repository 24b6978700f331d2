// `npm run bench:long-run`: the demo's training here and on PyTorch, for several seeds; the test bounds must agree within
// PyTorch's own spread.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bernoulli, Vae } from '@latent/vae';
import { loadDigits, PIXELS } from '../demo/digits.ts';

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

const script = fileURLToPath(new URL('./peers/train_digits.py', import.meta.url));
const folder = dirname(createRequire(import.meta.url).resolve('mnist/src/digits/0.json'));
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
);
if (python === undefined) {
  console.log('pytorch  missing: no Python with torch (on Debian: apt-get install python3-torch)');
} else {
  const { stdout, stderr, status } = spawnSync(python, [script, folder, String(EPOCHS), String(SEEDS)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`long-run: PyTorch failed\n${stderr}`);
  const theirs = JSON.parse(stdout) as number[];
  report('pytorch', theirs);
  const gap = mean(ours) - mean(theirs);
  // Both means scatter.
  const allowed = 3 * Math.sqrt((spread(ours) ** 2 + spread(theirs) ** 2) / SEEDS);
  console.log(
    `difference ${gap.toFixed(2)} nats, ${Math.abs(gap) <= allowed ? 'within' : 'OUTSIDE'} ± ${allowed.toFixed(2)}`,
  );
  if (Math.abs(gap) > allowed) process.exitCode = 1;
}

function report(name: string, bounds: readonly number[]): void {
  const list = bounds.map((value) => value.toFixed(2)).join('  ');
  console.log(
    `${name.padEnd(8)} ${list}   mean ${mean(bounds).toFixed(2)}, standard deviation ${spread(bounds).toFixed(2)}`,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b) / values.length;
}

function spread(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
}
