import { adam, cosineSchedule } from '@latent/nn';
import { bernoulli, elbo, HierarchicalVae, Vae } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { binarised, digits, setting } from './example.ts';

const [specs = 'vae', ep = '20', lr = '1e-3', act = 'elu', wu = '5'] = process.argv.slice(2);
const s = setting('/tmp/models', false, console.log);
const { train, test } = digits(s);
const [rows, held] = [train, test].map(({ images }, i) => binarised(images, i)) as [Float32Array, Float32Array];
const size = (m: any) => m.namedParameters().reduce((a: number, [, p]: any) => a + p.size, 0);
const m = (x: any) => x.mean().item().toFixed(2);
for (const spec of specs.split(',')) {
  const epochs = Number(ep);
  const steps = epochs * Math.ceil(train.labels.length / 100);
  const fit = {
    epochs,
    batchSize: 100,
    optimizer: adam({ learningRate: cosineSchedule({ rate: Number(lr), steps }) }),
  };
  const t = performance.now();
  const [kind, enc = '', lat = ''] = spec.split(':');
  if (kind === 'vae') {
    const vae = new Vae({
      inputSize: PIXELS,
      latentSize: Number(lat),
      encoder: enc.split('-').map(Number),
      activation: act as 'elu',
      reconstruction: bernoulli(),
      objective: elbo({ warmUp: Number(wu) }),
      seed: 4,
    });
    const h = await vae.fit(rows, fit);
    const e = vae.elbo(held, { samples: 4 });
    console.log(
      spec,
      act,
      lr,
      wu,
      size(vae),
      `train ${h.epochs.at(-1)!.loss.toFixed(2)} test ${m(e.elbo)} rec ${m(e.reconstruction)} kl ${m(e.kl)} ${((performance.now() - t) / 1000).toFixed(0)} s`,
    );
  } else {
    const vae = new HierarchicalVae({
      inputSize: PIXELS,
      encoder: enc.split('/').map((x) => x.split('-').map(Number)),
      latentSizes: lat.split('-').map(Number),
      activation: act as 'elu',
      reconstruction: bernoulli(),
      warmUp: Number(wu),
      freeBits: Number(process.env.FB ?? 0),
      seed: 4,
    });
    const h = await vae.fit(rows, fit);
    const e = vae.elbo(held, { samples: 4 });
    console.log(
      spec,
      act,
      lr,
      wu,
      size(vae),
      `train ${h.epochs.at(-1)!.loss.toFixed(2)} test ${m(e.elbo)} rec ${m(e.reconstruction)} kl ${m(e.kl)} levels ${(e.levels.mean({ axis: 0 }).toArray() as any).map((x: any) => x.toFixed(1))} ${((performance.now() - t) / 1000).toFixed(0)} s`,
    );
  }
}
