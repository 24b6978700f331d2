import { equal, logSoftmax, mul, optional, type Rng, softmax, type Tensor, ValueError, whole } from '@latent/tensor';
import {
  BINARY,
  entropyOf,
  likelihoods,
  matchRows,
  type ReconstructionDistribution,
  type Support,
} from './likelihood.ts';

/** 1 at the largest of the last axis, 0 elsewhere. */
const oneHotOfLargest = (x: Tensor): Tensor => equal(x, x.max({ axis: -1, keepDims: true }));

const checks = { categories: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })) };

export const categoricalLikelihood = /* @__PURE__ */ likelihoods.known('categorical', {
  options: checks,
  build({ categories }) {
    const rows = (x: Tensor, params: Tensor): Tensor => matchRows(distribution, x, params);
    const perColumn = (x: Tensor, params: Tensor): Tensor => mul(rows(x, params), logSoftmax(params));
    const distribution = {
      name: 'categorical',
      normalized: true,
      paramCount(dataSize: number) {
        if (categories !== undefined && dataSize !== categories) {
          throw new ValueError(`categorical: expected ${categories} one-hot columns, got ${dataSize}`);
        }
        return dataSize;
      },
      logProb: (x: Tensor, params: Tensor) => perColumn(x, params).sum({ axis: -1 }),
      logProbPerColumn: perColumn,
      // The largest of the logits with Gumbel noise is a draw.
      sample: (params: Tensor, rng: Rng) =>
        oneHotOfLargest(params.detach().add(rng.gumbel(params.shape, { dtype: params.dtype }))),
      mean: (params: Tensor) => softmax(params),
      mode: (params: Tensor) => oneHotOfLargest(params),
      support: (dataSize: number) => new Array<Support>(dataSize).fill(BINARY),
      oneHotGroups: (dataSize: number) => [[0, dataSize]] as const,
      baseline: (mean: Float64Array) => mean.reduce((sum, p) => sum + entropyOf(p), 0),
      tempered: (params: Tensor, temperature: number) => params.div(temperature),
    };
    return distribution;
  },
});

/**
 * Categorical, over columns that are one category each (one-hot), from logits: log p = Σ x·logSoftmax(l). One parameter
 * per column; all columns of the part are one group, so a table with several categories has one part for each. Give the
 * number of categories to have the width checked.
 */
export function categorical(categories?: number): ReconstructionDistribution {
  return categoricalLikelihood.make(categories === undefined ? {} : { categories });
}
