import { concat, equal, type Tensor, tensor, where } from '@latent/tensor';
import { matchRows, type ReconstructionDistribution } from './likelihood.ts';

/** [x with zeros in its holes, 1 where there is a value], as further columns or channels. */
export function withMask(x: Tensor): Tensor {
  const observed = equal(x, x);
  return concat([where(observed, x, 0), observed], -1);
}

/** What stands where a value is missing while likelihoods are computed: something every column's distribution may hold. */
export function placeholderOf(reconstruction: ReconstructionDistribution, dataSize: number): Tensor {
  const support = reconstruction.support(dataSize);
  return tensor(support.map((column) => [0, 0.5, 1].find((value) => column.contains(value)) ?? 0));
}

/** The terms of log p(x | params) by column, 0 where a value is missing: rows [rows, columns] → [..., rows, columns]. */
export function observedTerms(
  reconstruction: ReconstructionDistribution,
  rows: Tensor,
  params: Tensor,
  placeholder: Tensor,
): Tensor {
  const observed = equal(rows, rows);
  const filled = where(observed, rows, placeholder);
  const terms = reconstruction.logProbPerColumn(filled, params);
  return where(matchRows(reconstruction, observed, params), terms, 0);
}
