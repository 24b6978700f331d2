import { adam, cosineSchedule } from '@latent/nn';
import { bernoulli, elbo, exemplarPrior, mixturePrior, standardNormalPrior, Vae, vampPrior } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { binarised, digits, pick, setting } from './example.ts';

const [spec = 'standard', ep = '60', wu = '10', lr = '3e-3'] = process.argv.slice(2);
const s = setting('/tmp/models', false, console.log);
const { train: all, test } = digits(s);
const [train, kept] = [pick(all, (_, i) => i % 10 !== 9), pick(all, (_, i) => i % 10 === 9)];
const [rows, validation, held] = [train, kept, test].map(({ images }, i) => binarised(images, i)) as [
  Float32Array,
  Float32Array,
  Float32Array,
];
for (const one of spec.split(',')) {
  const [name, k = '200', start = 'rows'] = one.split(':');
  const prior =
    name === 'standard'
      ? standardNormalPrior()
      : name === 'vamp'
        ? vampPrior({ components: Number(k), start: start as 'rows' })
        : name === 'mixture'
          ? mixturePrior({ components: Number(k) })
          : exemplarPrior({ neighbours: 5 });
  const vae = new Vae({
    inputSize: PIXELS,
    latentSize: 20,
    encoder: (process.env.ENC ?? '200').split('-').map(Number),
    activation: (process.env.ACT ?? 'tanh') as 'tanh',
    reconstruction: bernoulli(),
    prior,
    objective: elbo({ warmUp: Number(wu) }),
    seed: 4,
  });
  const epochs = Number(ep);
  const steps = epochs * Math.ceil(train.labels.length / 100);
  const t = performance.now();
  const h = await vae.fit(rows, {
    epochs,
    batchSize: 100,
    optimizer: adam({ learningRate: cosineSchedule({ rate: Number(lr), steps }) }),
    validationData: validation,
    earlyStopping: { patience: epochs, restoreBest: true },
  });
  const tt = (performance.now() - t) / 1000;
  const e = vae.elbo(held, { samples: 4 });
  const m = (x: any) => x.mean().item().toFixed(2);
  const tr = vae.elbo(rows, { samples: 1 });
  console.log(
    one,
    wu,
    lr,
    `train ${m(tr.elbo)} test ${m(e.elbo)} rec ${m(e.reconstruction)} kl ${m(e.kl)}; best epoch ${h.epochs.map((x) => x.validation!.loss).indexOf(Math.min(...h.epochs.map((x) => x.validation!.loss)))} ${tt.toFixed(0)} s`,
    h.epochs
      .filter((_, i) => i < 8 || i % 4 === 0)
      .map((x) => x.validation!.loss.toFixed(0) + '/' + x.kl.toFixed(0))
      .join(' '),
  );
}
