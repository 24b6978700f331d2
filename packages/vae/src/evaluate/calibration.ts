import { checkOptions, optional, whole } from '@latent/tensor';
import { checkPairs, type Numbers } from './pairs.ts';

/** Rows whose probability is in [low, high), the last bin's also at 1. */
export interface CalibrationBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability, and share of label 1; NaN in an empty bin. */
  readonly predicted: number;
  readonly observed: number;
}

/** Predicted against observed shares, bin by bin. */
export interface Calibration {
  /** Σ (count / n)·|observed − predicted| over bins: 0 is calibrated. */
  readonly expectedCalibrationError: number;
  /** Brier's score Σ(p − y)² / n: 0 is perfect, always saying ½ gets ¼. */
  readonly brier: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * Whether probabilities of label 1 can be believed: of the rows given p, a share of p should be 1. `bins` (10) have
 * equal width. For more than two classes give the probability of the predicted class, and 1 where it is right.
 */
export function calibration(
  probabilities: Numbers,
  labels: Numbers,
  options: { readonly bins?: number } = {},
): Calibration {
  const { bins: count } = checkOptions('calibration', options, { bins: optional(whole({ min: 1, max: 1e6 }), 10) });
  checkPairs(
    'calibration',
    probabilities,
    labels,
    'a probability and a label of 0 or 1',
    (p, y) => p >= 0 && p <= 1 && (y === 0 || y === 1),
  );
  const n = labels.length;
  const sums = Array.from({ length: count }, () => ({ count: 0, p: 0, y: 0 }));
  let brier = 0;
  for (let i = 0; i < n; i++) {
    const [p, y] = [probabilities[i] as number, labels[i] as number];
    // The nearest edge, or the one before: p·count may round across the edge that p is on.
    const edge = Math.round(p * count);
    const bin = sums[Math.min(p < edge / count ? edge - 1 : edge, count - 1)] as (typeof sums)[number];
    bin.count++;
    bin.p += p;
    bin.y += y;
    brier += (p - y) ** 2 / n;
  }
  return {
    expectedCalibrationError: sums.reduce((total, bin) => total + Math.abs(bin.y - bin.p) / n, 0),
    brier,
    bins: sums.map((bin, k) => ({
      low: k / count,
      high: (k + 1) / count,
      count: bin.count,
      predicted: bin.p / bin.count,
      observed: bin.y / bin.count,
    })),
  };
}
