import { Rng } from '@latent/tensor';
import { bernoulli, SemiSupervisedVae } from '@latent/vae';
import { binarised, digits, pick, setting } from './example.ts';

const { train: all, test } = digits(setting('/tmp/o', false, console.log));
const train = pick(all, (_, i) => i % 4 === 0);
const rows = binarised(train.images, 1),
  held = binarised(test.images, 2);
const left = new Array(10).fill(10);
const known = new Set<number>();
for (const i of new Rng(0).permutation(train.labels.length)) {
  const l = train.labels[i]!;
  if (left[l]! > 0) {
    left[l]!--;
    known.add(i);
  }
}
const labels = Array.from(train.labels, (l, i) => (known.has(i) ? l : null));
for (const [w, lat] of [
  [1, 4],
  [10, 4],
  [1, 10],
] as const) {
  const t = process.cpuUsage().user;
  const m = new SemiSupervisedVae({
    inputSize: 784,
    latentSize: lat,
    encoder: [64],
    activation: 'softplus',
    classes: 10,
    reconstruction: bernoulli(),
    labelWeight: w,
    seed: 0,
  });
  const acc: string[] = [];
  await m.fit(rows, labels, {
    epochs: 16,
    batchSize: 50,
    learningRate: 2e-3,
    onEpoch: (e) => {
      if (e.epoch % 4 === 0)
        acc.push((m.predict(held).filter((l, i) => l === test.labels[i]).length / 1996).toFixed(3));
    },
  });
  console.log(w, lat, acc.join(' '), (process.cpuUsage().user - t) / 1e6);
}
