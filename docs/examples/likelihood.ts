import { Rng } from '@latent/tensor';
import { bernoulli, elbo, iaf, iwae, planar, Vae, type VaeOptions } from '@latent/vae';
import { PIXELS } from '../../demo/digits.ts';
import { digits, type Example } from './example.ts';

/**
 * The same network trained by the plain bound, with posteriors that flows refine, and by importance-weighted bounds of 5 and 50
 * draws, on binarised digits. You should see log p(x) rise with the draws, each estimate of it above its own ELBO, and the two
 * nearer to each other with a flow.
 */
export const likelihood: Example = async (setting) => {
  const { train, test } = digits(setting);
  const rng = new Rng(1);
  const binary = (images: Float32Array): Float32Array => {
    const u = rng.uniform([images.length]).data;
    return images.map((grey, i) => ((u[i] as number) < grey ? 1 : 0));
  };
  const [rows, held] = [binary(train.images), binary(test.images)];
  const table: [string, Pick<VaeOptions, 'objective' | 'posterior'>][] = [
    ['VAE', { objective: elbo() }],
    ['IWAE, 5 draws', { objective: iwae({ samples: 5 }) }],
    ['IWAE, 50 draws', { objective: iwae({ samples: 50, estimator: 'dreg' }) }],
    ['VAE, 8 planar flows', { posterior: planar(8) }],
    ['VAE, 4 autoregressive flows', { posterior: iaf({ steps: 4, hidden: [64] }) }],
  ];
  const findings: Record<string, number> = {};
  for (const [name, how] of setting.quick ? table.slice(0, 2) : table) {
    const vae = new Vae({
      inputSize: PIXELS,
      latentSize: 20,
      encoder: [128],
      activation: 'tanh',
      reconstruction: bernoulli(),
      ...how,
      seed: 4,
    });
    await vae.fit(rows, { epochs: setting.quick ? 1 : 20, learningRate: 2e-3 });
    const bound = vae.elbo(held).elbo.mean().item();
    const { logLikelihood, standardError } = vae.logLikelihood(held, { samples: setting.quick ? 20 : 200 });
    const estimate = logLikelihood.mean().item();
    setting.say(
      `${name}: ELBO ${bound.toFixed(2)}, log p(x) ${estimate.toFixed(2)} nats (± ${standardError.mean().item().toFixed(2)} a row)`,
    );
    findings[`${name} gap`] = estimate - bound;
    findings[name] = estimate;
  }
  return findings;
};
