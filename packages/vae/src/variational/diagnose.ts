import { parameter, sampleNormal } from '@latent/autograd';
import { adam } from '@latent/nn';
import { compile, Rng, type Tensor, tensor } from '@latent/tensor';
import { klPerLatent as klTerms } from '../latent/diagonal-normal.ts';
import { overRows } from '../model/rows.ts';
import type { VaeCore } from './core.ts';

export interface Diagnosis {
  /** Latents whose mean varies with the row: variance above 0.01 (Burda et al. 2015). */
  readonly activeUnits: number;
  readonly latentSize: number;
  /** Mean nats of each latent; for a learned prior, of the divergence from N(0, I). */
  readonly klPerLatent: readonly number[];
  /** Mean bound, in nats per row. */
  readonly elbo: number;
  /** The mean log-likelihood of the best distribution that does not look at z: what a model must beat. */
  readonly baseline: number;
  /** No latent is active, or the bound is no better than the baseline. */
  readonly collapsed: boolean;
  /** In words, with remedies. */
  readonly warnings: readonly string[];
}

const ACTIVE = 0.01;
const BASELINE_STEPS = 400;
/** Rows that the baseline is fitted to. */
const BASELINE_ROWS = 2000;

export async function diagnose(vae: VaeCore, rows: Float32Array): Promise<Diagnosis> {
  const { inputSize, latentSize } = vae.options;
  const measure = overRows((x, rng: Rng) => {
    const { mean, logVariance } = vae.posterior(x);
    const z = sampleNormal(mean, logVariance, rng);
    return {
      mean,
      kl: klTerms(mean, logVariance),
      elbo: vae.conditionalLogProb(x, z).sub(vae.klOf(mean, logVariance, z)),
    };
  });
  const { mean, kl, elbo } = measure(rows, inputSize, new Rng(0));
  const variances = mean.variance({ axis: 0 }).data;
  const activeUnits = variances.filter((value) => value > ACTIVE).length;
  const klPerLatent = Array.from(kl.mean({ axis: 0 }).data);
  const bound = elbo.mean().item();
  const baseline = withoutModel(vae, rows);
  const warnings: string[] = [];
  if (activeUnits === 0) {
    warnings.push('no latent varies with the row: the posterior has collapsed; try warmUp, freeBits or a smaller beta');
  } else if (activeUnits < latentSize) {
    warnings.push(`${latentSize - activeUnits} of ${latentSize} latents are unused; a smaller latentSize would do`);
  }
  if (bound <= baseline) {
    warnings.push(
      `the bound ${bound.toFixed(2)} is no better than ${baseline.toFixed(2)} nats of a distribution without codes; train longer`,
    );
  }
  return {
    activeUnits,
    latentSize,
    klPerLatent,
    elbo: bound,
    baseline,
    collapsed: activeUnits === 0 || bound <= baseline,
    warnings,
  };
}

/** One vector of parameters for all rows, fitted by maximum likelihood. */
function withoutModel(vae: VaeCore, rows: Float32Array): number {
  const { inputSize, reconstruction } = vae.options;
  const n = Math.min(BASELINE_ROWS, rows.length / inputSize);
  const x = tensor(rows.subarray(0, n * inputSize), { shape: [n, inputSize] });
  const params = parameter(new Float32Array(reconstruction.paramCount(inputSize)));
  const optimizer = adam({ learningRate: 0.05 }).create([params]);
  const climb = compile(
    (data: Tensor) => {
      const loss = vae
        .conditionalLogProbOf(data, params.broadcastTo([n, params.size]))
        .mean()
        .neg();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    },
    { reuse: true },
  );
  let best = Infinity;
  for (let i = 0; i < BASELINE_STEPS; i++) best = Math.min(best, climb(x).item());
  return -best;
}
