import { Rng } from '@latent/tensor';
import { bernoulli, conditionalPrior, standardNormalPrior, SemiSupervisedVae } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { binarised, digits, setting } from './example.ts';
const s = setting('/tmp/models', false, console.log);
const { train, test } = digits(s);
const [rows, held] = [binarised(train.images, 1), binarised(test.images, 2)];
function balanced(count: number, seed: number) {
  const left = new Array<number>(10).fill(count / 10); const chosen = new Set<number>();
  for (const i of new Rng(seed).permutation(train.labels.length)) { const l = train.labels[i]!; if (left[l] === 0) continue; left[l]!--; chosen.add(i); }
  return chosen;
}
for (const spec of process.argv.slice(2)) {
  const [latent, lw, epochs, lr, seed, prior] = spec.split(':');
  const known = balanced(100, Number(seed));
  const labels = Array.from(train.labels, (l, i) => (known.has(i) ? l : null));
  const t = performance.now();
  const m2 = new SemiSupervisedVae({ activation: 'softplus', encoder: [128], classes: 10, seed: Number(seed), inputSize: PIXELS, latentSize: Number(latent), reconstruction: bernoulli(), labelWeight: Number(lw), prior: prior === 'n' ? standardNormalPrior() : conditionalPrior() });
  const acc = () => m2.predict(held).filter((l, i) => l === test.labels[i]).length / 1996;
  const as: string[] = [];
  await m2.fit(rows, labels, { epochs: Number(epochs), batchSize: 100, learningRate: Number(lr), onEvent: undefined as never, callbacks: [] } as never).catch(() => m2.fit(rows, labels, { epochs: Number(epochs), batchSize: 100, learningRate: Number(lr) }));
  console.log(spec, acc().toFixed(3), as.join(' '), ((performance.now() - t) / 1000).toFixed(0) + ' s');
}
