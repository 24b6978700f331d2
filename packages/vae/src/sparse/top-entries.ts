import { noGrad } from '@latent/autograd';
import { greaterEqual, type Tensor, where } from '@latent/tensor';

/** Halvings of a range of single-precision numbers after which nothing is between its ends. */
const HALVINGS = 34;

/**
 * 1 at the k largest of each row and 0 elsewhere: x [rows, n] → [rows, n]. Of equals at the edge all are taken. The threshold is found
 * by halving, so that it is a few passes over x whatever k is. No gradient.
 */
export function topEntries(x: Tensor, k: number): Tensor {
  const n = x.shape.at(-1) as number;
  return noGrad(() => {
    if (k >= n) return x.full(x.shape, 1);
    // At least k are ≥ low, and fewer than k are ≥ high.
    const most = x.max({ axis: -1, keepDims: true });
    let low = x.min({ axis: -1, keepDims: true });
    let high = most.add(most.abs().mul(1e-3)).add(1e-30);
    for (let i = 0; i < HALVINGS; i++) {
      const middle = low.add(high).mul(0.5);
      const enough = greaterEqual(greaterEqual(x, middle).sum({ axis: -1, keepDims: true }), k);
      low = where(enough, middle, low);
      high = where(enough, high, middle);
    }
    return greaterEqual(x, low);
  });
}
