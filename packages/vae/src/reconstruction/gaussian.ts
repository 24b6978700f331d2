import { noGrad } from '@latent/autograd';
import { buffer, layerParameter, Module } from '@latent/nn';
import {
  broadcastTo,
  type Check,
  concat,
  type Expr,
  exp,
  full,
  oneOf,
  optional,
  overwrite,
  real,
  type Tensor,
} from '@latent/tensor';
import { columnwise } from './columnwise.ts';
import { type Head, REAL, type ReconstructionDistribution } from './likelihood.ts';

/** Whose variance a Gaussian has. */
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

type Variance = NonNullable<GaussianOptions['variance']>;

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
/** Log-variances above this would overflow in f32. */
const MAX_LOG_VARIANCE = 60;
/** Weight of a batch in the variance that a head keeps. */
const WEIGHT = 0.1;

const named = /* @__PURE__ */ oneOf('perRow', 'perColumn', 'shared', 'optimal');
const positive = /* @__PURE__ */ real({ above: 0 });
const varianceCheck: Check<Variance> = (value, at) =>
  typeof value === 'number' ? positive(value, at) : named(value, at);
export const minStdCheck: Check<number> = /* @__PURE__ */ optional(positive, 1e-3);
const checks = { variance: /* @__PURE__ */ optional(varianceCheck, 'perRow' as const), minStd: minStdCheck };

export const gaussianLikelihood = /* @__PURE__ */ columnwise('gaussian', checks, ({ variance, minStd }) => {
  const floor = 2 * Math.log(minStd);
  const bounded = (logVariance: Expr): Expr => logVariance.max(floor).min(MAX_LOG_VARIANCE);
  const inside = (logVariance: Expr): Expr => logVariance.lt(MAX_LOG_VARIANCE).mul(logVariance.neg().lt(-floor));
  const precision = (logVariance: Expr): Expr => bounded(logVariance).neg().exp();
  const std = (logVariance: Tensor): Tensor => exp(logVariance.clamp(floor, MAX_LOG_VARIANCE).mul(0.5));
  return {
    support: REAL,
    count: 2,
    logProb: (x: Expr, mean: Expr, v: Expr) =>
      x.sub(mean).square().mul(precision(v)).add(bounded(v)).mul(-0.5).sub(HALF_LOG_2PI),
    rules: [
      (g: Expr, x: Expr, mean: Expr, v: Expr) => g.mul(mean.sub(x)).mul(precision(v)),
      (g: Expr, x: Expr, mean: Expr, v: Expr) => g.mul(x.sub(mean)).mul(precision(v)),
      (g: Expr, x: Expr, mean: Expr, v: Expr) =>
        g
          .mul(x.sub(mean).square().mul(precision(v)).sub(1))
          .mul(0.5)
          .mul(inside(v)),
    ],
    mean: (mean: Tensor) => mean,
    mode: (mean: Tensor) => mean,
    tempered: (temperature, mean, v) => [mean, v.clamp(floor, MAX_LOG_VARIANCE).add(Math.log(temperature))],
    baseline: (_mean, spread) => constantNats(spread, variance, minStd ** 2),
    sample: (rng, mean, v) => mean.add(std(v).mul(rng.normal(mean.shape, { dtype: mean.dtype }))),
    ...(variance !== 'perRow' && {
      head: (emit: (count: number) => Head, dataSize: number): Head =>
        new SharedVarianceHead(emit(dataSize), dataSize, variance),
    }),
    ...(variance === 'optimal' && {
      whileTraining: (x: Tensor, params: Tensor, head: Head) => optimal(x, params, head as SharedVarianceHead, floor),
    }),
  };
});

/**
 * Gaussian with mean and log-variance: log p = −½log 2π − ½log σ² − (x − μ)²/(2σ²). Two parameters per column: first the D
 * means, then the D log-variances. Densities are not probabilities: with a small variance they are above 1, and the
 * log-density above 0.
 */
export function gaussian(options: GaussianOptions = {}): ReconstructionDistribution {
  return gaussianLikelihood.make(options);
}

/** ½ Σ log 2πσ² + v/σ² for columns of variance v, each σ² the best that the options allow. */
function constantNats(spread: Float64Array, variance: Variance, least: number): number {
  const shared = variance === 'shared' || variance === 'optimal';
  const all = spread.reduce((a, b) => a + b, 0) / spread.length;
  const chosen = (own: number): number =>
    typeof variance === 'number' ? variance : Math.max(least, shared ? all : own);
  return spread.reduce((sum, own) => sum + HALF_LOG_2PI + 0.5 * (Math.log(chosen(own)) + own / chosen(own)), 0);
}

/** Means from a layer; log-variances that do not depend on the row. */
class SharedVarianceHead extends Module {
  readonly mean: Head;
  readonly logVariance: Tensor;
  readonly #dataSize: number;

  constructor(mean: Head, dataSize: number, variance: Variance) {
    super();
    this.#dataSize = dataSize;
    this.mean = mean;
    const shape = [variance === 'perColumn' ? dataSize : 1];
    this.logVariance =
      typeof variance === 'number'
        ? full(shape, Math.log(variance)).clone()
        : variance === 'optimal'
          ? buffer(full(shape, 0))
          : layerParameter('bias', shape, () => full(shape, 0));
  }

  override get type(): string {
    return 'SharedVarianceHead';
  }

  forward(x: Tensor): Tensor {
    const mean = this.mean.forward(x);
    return concat([mean, broadcastTo(this.logVariance, [...mean.shape.slice(0, -1), this.#dataSize])], -1);
  }
}

/**
 * The variance that maximises the density of the rows at hand, σ² = mean of (x − μ)² over rows and columns, whose own gradient
 * is 0 there; the head keeps a running mean of it, so that a row's density does not depend on its neighbours.
 */
function optimal(x: Tensor, params: Tensor, head: SharedVarianceHead, floor: number): Tensor {
  const width = (params.shape[params.shape.length - 1] as number) / 2;
  const mean = params.slice([...new Array<null>(params.shape.length - 1).fill(null), [0, width]]);
  const logVariance = noGrad(() => {
    const error = broadcastTo(x, mean.shape).sub(mean).square().mean();
    const running = head.logVariance
      .exp()
      .mul(1 - WEIGHT)
      .add(error.mul(WEIGHT));
    overwrite(head.logVariance, running.log());
    return error.maximum(Math.exp(floor)).log();
  });
  return concat([mean, logVariance.detach().broadcastTo(mean.shape)], -1);
}
