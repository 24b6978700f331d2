import { apply, type Expr, rowSum } from '@latent/tensor';
import { matchRows, REAL, type ReconstructionDistribution } from './reconstruction.ts';

/** −Σ (x − y)². */
const negativeSquares = /* @__PURE__ */ rowSum('negativeSquaredError', (x: Expr, y: Expr) => x.sub(y).square().neg(), [
  (g, x, y) => g.mul(y.sub(x)).mul(2),
  (g, x, y) => g.mul(x.sub(y)).mul(2),
]);

/**
 * A plain loss in a distribution's place: the squared error summed over columns. It is a Gaussian of variance ½ but for
 * a constant, so its balance with the KL is sound; it is not a log-density, and likelihoods refuse it.
 */
export function squaredError(): ReconstructionDistribution {
  const distribution: ReconstructionDistribution = {
    name: 'squaredError',
    normalized: false,
    paramCount: (dataSize) => dataSize,
    logProb: (x, params) => apply(negativeSquares, [matchRows(distribution, x, params), params], undefined),
    sample: (params) => params.detach(),
    mean: (params) => params,
    support: (dataSize) => new Array(dataSize).fill(REAL),
    config: () => ({ name: 'squaredError' }),
  };
  return distribution;
}
