import { checkOptions, oneOf, optional, Rng, step, type Tensor, tensor, whole } from '@latent/tensor';
import { drawn } from '../latent/diagonal-normal.ts';
import type { PreparedRows } from '../model/model-rows.ts';
import { rowKeys } from '../model/row-keys.ts';
import { type RowInputs, type RowsProgram, rowsProgram, tensorsBeside } from '../model/rows-program.ts';
import type { ScoredModel } from '../scores/score.ts';
import type { VaeCore } from './core.ts';

/** What holes are filled with. */
export interface ImputeOptions {
  /** `mean` (default): the expected value of each hole; `draws`: values drawn together, as real rows have them. */
  readonly kind?: 'mean' | 'draws';
  /** Tables to make with `draws`, for multiple imputation; 1 by default. */
  readonly count?: number;
  /** Importance samples; 100 by default. */
  readonly samples?: number;
  readonly seed?: number;
}

export const imputeChecks = {
  kind: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('mean', 'draws'), 'mean' as const),
  count: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  samples: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 100),
  seed: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 }), 0),
};

/** Draws of z for rows, the parameters of p(x | z) and the logarithms of their importance weights. */
function weightedDraws(model: ScoredModel, { x, near, draws }: RowInputs, samples: number) {
  const { mean, logVariance } = model.posterior(near);
  const z = drawn(mean, logVariance, draws.normal(samples, mean.shape[1] as number));
  const [mu, v] = [mean.broadcastTo(z.shape), logVariance.broadcastTo(z.shape)];
  const params = model.likelihoodParams(z);
  return { z: model.refined(z), params, weights: model.logWeight(x, params, z, mu, v) };
}

/** The expected value of all columns given what is observed, from `samples` weighted draws: [rows, columns], on the model's scale. */
export function expectedRows(model: ScoredModel, rows: RowInputs, samples: number): Tensor {
  const { params, weights } = weightedDraws(model, rows, samples);
  const shares = weights.softmax(0);
  const values = model.reconstructionDistribution.mean(params);
  return values.mul(shares.reshape([...shares.shape, 1])).sum({ axis: 0 });
}

/**
 * Fills holes: E[x_missing | x_observed] ≈ Σ w̃ₗ E[x_missing | zₗ] with w̃ the normalised p(x_observed | z)p(z)/q(z | x); a
 * drawn table takes one zₗ for each row with probability w̃ₗ and draws from p(x | zₗ) (Mattei & Frellsen 2019).
 */
export class Imputer {
  readonly #model: VaeCore;
  readonly #means: RowsProgram<'mean'>;
  readonly #codes: RowsProgram<'weights' | 'codes'>;

  constructor(model: VaeCore) {
    this.#model = model;
    this.#means = rowsProgram((rows, samples) => ({
      mean: expectedRows(model.given(rows.beside ?? {}), rows, samples),
    }));
    this.#codes = rowsProgram((rows, samples) => {
      const { z, weights } = weightedDraws(model.given(rows.beside ?? {}), rows, samples);
      return { weights: weights.transpose(), codes: z.transpose([1, 0, 2]) };
    });
  }

  /** Tables on the model's scale, holes filled; what is observed comes from the model too and is not to be used. */
  tables(caller: string, rows: PreparedRows, options: ImputeOptions): Tensor[] {
    const { kind, count, samples, seed } = checkOptions(caller, options, imputeChecks);
    const { event } = this.#model;
    if (kind === 'mean') return [this.#means(rows, event, { seed, samples }).mean];
    const { weights, codes } = this.#codes(rows, event, { seed, samples });
    const rng = new Rng(seed);
    return Array.from({ length: count }, (_, table) =>
      step(() => {
        const z = chosen(weights, codes, rows.near ?? rows.values, this.#model.options.inputSize, seed, table);
        const { reconstructionDistribution } = this.#model;
        return reconstructionDistribution.sample(this.#model.likelihoodParams(z, tensorsBeside(rows)), rng);
      }),
    );
  }
}

/** For each row one of its codes, each with the probability of its weight. */
function chosen(
  weights: Tensor,
  codes: Tensor,
  rows: Float32Array,
  width: number,
  seed: number,
  table: number,
): Tensor {
  const [n = 0, samples = 1, latent = 1] = codes.shape;
  const [logWeights, values] = [weights.data, codes.data];
  const keys = new Float32Array(2 * n);
  rowKeys(rows, width, seed, table + 1, keys);
  const result = new Float32Array(n * latent);
  for (let r = 0; r < n; r++) {
    const own = logWeights.subarray(r * samples, (r + 1) * samples);
    let largest = -Infinity;
    for (const value of own) largest = Math.max(largest, value);
    let total = 0;
    for (const value of own) total += Math.exp(value - largest);
    let left = ((keys[2 * r] as number) / 2 ** 24) * total;
    let pick = 0;
    while (pick < samples - 1 && left >= Math.exp((own[pick] as number) - largest)) {
      left -= Math.exp((own[pick] as number) - largest);
      pick++;
    }
    const from = (r * samples + pick) * latent;
    result.set(values.subarray(from, from + latent), r * latent);
  }
  return tensor(result, { shape: [n, latent] });
}
