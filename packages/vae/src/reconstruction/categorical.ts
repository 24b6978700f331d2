import { equal, logSoftmax, mul, softmax, type Tensor, ValueError } from '@latent/tensor';
import { BINARY, matchRows, type ReconstructionDistribution } from './reconstruction.ts';

/** 1 at the largest of the last axis, 0 elsewhere. */
const oneHotOfLargest = (x: Tensor): Tensor => equal(x, x.max({ axis: -1, keepDims: true }));

/**
 * Categorical, over columns that are one category each (one-hot), from logits: log p = Σ x·logSoftmax(l). One parameter
 * per column; all columns of the part are one group, so a table with several categories has one part for each. Give the
 * number of categories to have the width checked.
 */
export function categorical(categories?: number): ReconstructionDistribution {
  const distribution: ReconstructionDistribution = {
    name: 'categorical',
    normalized: true,
    paramCount(dataSize) {
      if (categories !== undefined && dataSize !== categories) {
        throw new ValueError(`categorical: expected ${categories} one-hot columns, got ${dataSize}`);
      }
      return dataSize;
    },
    logProb: (x, params) => distribution.logProbPerColumn(x, params).sum({ axis: -1 }),
    logProbPerColumn: (x, params) => mul(matchRows(distribution, x, params), logSoftmax(params)),
    // The largest of the logits with Gumbel noise is a draw.
    sample: (params, rng) => oneHotOfLargest(params.detach().add(rng.gumbel(params.shape, { dtype: params.dtype }))),
    mean: (params) => softmax(params),
    mode: (params) => oneHotOfLargest(params),
    support: (dataSize) => new Array(dataSize).fill(BINARY),
    config: () => ({ name: 'categorical', ...(categories !== undefined && { categories }) }),
  };
  return distribution;
}
