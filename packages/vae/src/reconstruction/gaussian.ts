import { parameter } from '@latent/autograd';
import { Linear, Module } from '@latent/nn';
import { broadcastTo, concat, type Expr, exp, full, type Rng, type Tensor, ValueError } from '@latent/tensor';
import { columnwise } from './columnwise.ts';
import { optimalVariance } from './optimal-variance.ts';
import { REAL, type ReconstructionDistribution } from './reconstruction.ts';

export interface GaussianOptions {
  /**
   * Whose variance: `perRow` (default) is emitted by the decoder for each row and column; `perColumn` is one learned
   * number per column, `shared` one for all; a number is fixed; `optimal` is the mean squared error of the rows trained
   * on, the best shared variance at every step (σ-VAE, Rybkin et al. 2021), of which the model keeps a running mean.
   */
  readonly variance?: 'perRow' | 'perColumn' | 'shared' | 'optimal' | number;
  /** Smallest standard deviation, 1e-3 by default: without one, a constant column drives the density to infinity. */
  readonly minStd?: number;
}

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
/** Log-variances above this would overflow in f32. */
const MAX_LOG_VARIANCE = 60;

/**
 * Gaussian with mean and log-variance: log p = −½log 2π − ½log σ² − (x − μ)²/(2σ²). Two parameters per column: first the D
 * means, then the D log-variances. Densities are not probabilities: with a small variance they are above 1, and the
 * log-density above 0.
 */
export function gaussian(options: GaussianOptions = {}): ReconstructionDistribution {
  const { variance = 'perRow', minStd = 1e-3 } = options;
  if (
    typeof variance === 'number' ? !(variance > 0) : !['perRow', 'perColumn', 'shared', 'optimal'].includes(variance)
  ) {
    throw new ValueError(
      `gaussian: variance must be 'perRow', 'perColumn', 'shared', 'optimal' or a number > 0, got ${variance}`,
    );
  }
  if (!(minStd > 0)) throw new ValueError(`gaussian: minStd must be > 0, got ${minStd}`);
  const floor = 2 * Math.log(minStd);
  const bounded = (logVariance: Expr): Expr => logVariance.max(floor).min(MAX_LOG_VARIANCE);
  const inside = (logVariance: Expr): Expr => logVariance.lt(MAX_LOG_VARIANCE).mul(logVariance.neg().lt(-floor));
  const precision = (logVariance: Expr): Expr => bounded(logVariance).neg().exp();
  const std = (logVariance: Tensor): Tensor => exp(logVariance.clamp(floor, MAX_LOG_VARIANCE).mul(0.5));
  const distribution = columnwise({
    config: { name: 'gaussian', variance, minStd },
    support: REAL,
    count: 2,
    logProb: (x, mean, v) => x.sub(mean).square().mul(precision(v)).add(bounded(v)).mul(-0.5).sub(HALF_LOG_2PI),
    rules: [
      (g, x, mean, v) => g.mul(mean.sub(x)).mul(precision(v)),
      (g, x, mean, v) => g.mul(x.sub(mean)).mul(precision(v)),
      (g, x, mean, v) =>
        g
          .mul(x.sub(mean).square().mul(precision(v)).sub(1))
          .mul(0.5)
          .mul(inside(v)),
    ],
    mean: ([mean]) => mean,
    mode: ([mean]) => mean,
    sample: ([mean, v], rng) => mean.add(std(v).mul(rng.normal(mean.shape, { dtype: mean.dtype }))),
    ...(variance !== 'perRow' && {
      head: (inFeatures: number, dataSize: number, rng: Rng) =>
        new SharedVarianceHead(inFeatures, dataSize, variance === 'optimal' ? 'shared' : variance, rng),
    }),
  });
  return variance === 'optimal' ? optimalVariance(distribution, floor) : distribution;
}

/** Means from a linear layer; log-variances that do not depend on the row. */
class SharedVarianceHead extends Module {
  readonly mean: Linear;
  readonly logVariance: Tensor;
  readonly #dataSize: number;

  constructor(inFeatures: number, dataSize: number, variance: 'perColumn' | 'shared' | number, rng: Rng) {
    super();
    this.#dataSize = dataSize;
    this.mean = new Linear(inFeatures, dataSize, { rng });
    const start = full(
      [variance === 'perColumn' ? dataSize : 1],
      typeof variance === 'number' ? Math.log(variance) : 0,
    );
    this.logVariance = typeof variance === 'number' ? start.clone() : parameter(start);
  }

  forward(x: Tensor): Tensor {
    const mean = this.mean.forward(x);
    return concat([mean, broadcastTo(this.logVariance, [...mean.shape.slice(0, -1), this.#dataSize])], -1);
  }
}
