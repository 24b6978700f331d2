import { parameter } from '@latent/autograd';
import { adam } from '@latent/nn';
import { compile, type Tensor, tensor } from '@latent/tensor';
import type { ReadyRows } from '../model/rows-program.ts';
import type { VaeCore } from './core.ts';

/** How a VAE uses its latents, and how it compares with a model that ignores them. */
export interface Diagnosis {
  /** Latents whose mean varies with the row: variance above 0.01 (Burda et al. 2015). */
  readonly activeUnits: number;
  readonly latentSize: number;
  /** Mean nats of each latent; for a learned prior, of the divergence from N(0, I). */
  readonly klPerLatent: readonly number[];
  /** Mean bound, in nats per row of the data as given. */
  readonly elbo: number;
  /** The mean log-likelihood of the best distribution that does not look at z: what a model must beat. */
  readonly baseline: number;
  /** No latent is active, or the bound is no better than the baseline. */
  readonly collapsed: boolean;
  /** In words, with remedies. */
  readonly warnings: readonly string[];
}

const ACTIVE = 0.01;

/** What was measured of each row. */
export interface Measured {
  /** [rows, latent]. */
  readonly mean: Tensor;
  readonly kl: Tensor;
  /** [rows]. */
  readonly elbo: Tensor;
  /** Mean log |dy/dx| of a row. */
  readonly jacobian: number;
}

/** The verdict on measured rows. */
export function diagnose(vae: VaeCore, rows: ReadyRows, { mean, kl, elbo, jacobian }: Measured): Diagnosis {
  const { latentSize } = vae.options;
  const activeUnits = mean.variance({ axis: 0 }).data.filter((value) => value > ACTIVE).length;
  const klPerLatent = Array.from(kl.mean({ axis: 0 }).data);
  const bound = elbo.mean().item();
  const baseline = withoutCodes(vae, rows) + jacobian;
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

/** Rows that the baseline is fitted to, at most: spread over all. */
const FITTED_ROWS = 1000;
/** Steps between two looks at how far it got, and altogether. */
const PHASE = 50;
const MOST_PHASES = 80;
/** A phase that gains less than this share is the last at its rate. */
const LITTLE = 1e-4;

/** The mean log-likelihood of all rows under one vector of parameters, fitted by maximum likelihood; no code, no decoder. */
function withoutCodes(vae: VaeCore, rows: ReadyRows): number {
  const { inputSize, reconstruction, sequence } = vae.options;
  const { values, count } = rows;
  const lengths = rows.lengths ?? new Float32Array(count).fill(sequence?.steps ?? 1);
  const n = Math.min(FITTED_ROWS, count);
  const chosen = new Float32Array(n * inputSize);
  const ends = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const row = Math.floor((i * count) / n);
    chosen.set(values.subarray(row * inputSize, (row + 1) * inputSize), i * inputSize);
    ends[i] = lengths[row] as number;
  }
  const x = tensor(chosen, { shape: [n, inputSize] });
  const endsOf = tensor(ends);
  const params = parameter(new Float32Array(reconstruction.paramCount(inputSize)));
  const optimizer = adam({ learningRate: 0.1 }).create([params]);
  const mean = (data: Tensor, own: Tensor): Tensor => {
    const each = params.broadcastTo([data.shape[0] as number, params.size]);
    return vae.conditionalLogProbOf(data, each, sequence === null ? {} : { lengths: own }).mean();
  };
  const climb = compile(
    (data: Tensor, own: Tensor) => {
      const loss = mean(data, own).neg();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    },
    { reuse: true },
  );
  let best = Infinity;
  let kept = params.data;
  // The rate grows while the loss falls, for parameters that have far to go, and shrinks when it no longer does.
  for (let phase = 0; phase < MOST_PHASES && optimizer.learningRate > 1e-3; phase++) {
    const before = best;
    for (let i = 0; i < PHASE; i++) {
      const at = params.data;
      const loss = climb(x, endsOf).item();
      if (loss < best) [best, kept] = [loss, at];
    }
    const gained = before - best;
    const better = before === Infinity || gained > LITTLE * Math.max(1, Math.abs(best));
    if (!better) params.assign(kept);
    optimizer.learningRate *= better ? 1.5 : 0.3;
  }
  params.assign(kept);
  return overRows(mean, values, lengths, inputSize);
}

/** The mean over all rows, some at a time. */
function overRows(
  mean: (x: Tensor, lengths: Tensor) => Tensor,
  values: Float32Array,
  lengths: ArrayLike<number>,
  width: number,
): number {
  const SOME = 4096;
  const count = lengths.length;
  let total = 0;
  for (let start = 0; start < count; start += SOME) {
    const n = Math.min(SOME, count - start);
    const x = tensor(values.subarray(start * width, (start + n) * width), { shape: [n, width] });
    const own = tensor(Float32Array.from({ length: n }, (_, i) => lengths[start + i] as number));
    total += n * mean(x, own).item();
  }
  return total / count;
}
