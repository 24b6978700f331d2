import { ShapeError } from '@latent/tensor';
import { checkPairs, type Numbers } from './pairs.ts';

/** Errors of one column, in its units (`mse` in their square). */
export interface RegressionMetrics {
  /** Σ(p − t)² / n. */
  readonly mse: number;
  /** Σ|p − t| / n. */
  readonly mae: number;
  /** √mse. */
  readonly rmse: number;
  /** 1 − Σ(p − t)² / Σ(t − t̄)²: 1 is perfect, 0 no better than the mean. NaN where the targets do not vary. */
  readonly r2: number;
  /** Pearson's correlation; NaN where predictions or targets do not vary. */
  readonly correlation: number;
}

/**
 * How near predictions are to their targets, for each of `width` (1) columns. Both hold rows of that width end to end.
 * Sizes that do not fit, and numbers that are not finite, are refused.
 */
export function regressionMetrics(predictions: Numbers, targets: Numbers, width = 1): RegressionMetrics[] {
  checkPairs(
    'regressionMetrics',
    predictions,
    targets,
    'finite numbers',
    (p, t) => Number.isFinite(p) && Number.isFinite(t),
  );
  const n = targets.length / width;
  if (!(width > 0 && Number.isInteger(n))) {
    throw new ShapeError(`regressionMetrics: ${targets.length} values are no whole number of rows of ${width}`);
  }
  return Array.from({ length: width }, (_, column) => {
    const average = (of: (p: number, t: number) => number): number => {
      let sum = 0;
      for (let i = column; i < targets.length; i += width) sum += of(predictions[i] as number, targets[i] as number);
      return sum / n;
    };
    // Relative to the first row, so that a column that does not vary has a spread of exactly 0.
    const [p0, t0] = [predictions[column] as number, targets[column] as number];
    const meanP = p0 + average((p) => p - p0);
    const meanT = t0 + average((_p, t) => t - t0);
    const varianceP = average((p) => (p - meanP) ** 2);
    const varianceT = average((_p, t) => (t - meanT) ** 2);
    const mse = average((p, t) => (p - t) ** 2);
    return {
      mse,
      mae: average((p, t) => Math.abs(p - t)),
      rmse: Math.sqrt(mse),
      r2: varianceT > 0 ? 1 - mse / varianceT : NaN,
      correlation: average((p, t) => (p - meanP) * (t - meanT)) / (Math.sqrt(varianceP) * Math.sqrt(varianceT)),
    };
  });
}
