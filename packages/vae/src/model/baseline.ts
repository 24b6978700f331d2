import type { FlatRows } from '@latent/nn';
import type { ReconstructionDistribution } from '../reconstruction/likelihood.ts';

/**
 * The loss of saying the same of every row, the best that a decoder which does not look at its code can do, in nats per row on the
 * model's scale; undefined for likelihoods that do not say it, and for rows with holes.
 */
export function baselineOf(
  { baseline }: ReconstructionDistribution,
  { values, count, width }: FlatRows,
): number | undefined {
  if (baseline === undefined || count === 0) return undefined;
  const [first, mean, variance] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  // Of differences from the first row, which keep their digits far from 0.
  for (let c = 0; c < width; c++) first[c] = values[c] as number;
  for (let r = 0, i = 0; r < count; r++) {
    for (let c = 0; c < width; c++, i++) {
      const value = (values[i] as number) - (first[c] as number);
      mean[c] = (mean[c] as number) + value / count;
      variance[c] = (variance[c] as number) + (value * value) / count;
    }
  }
  for (let c = 0; c < width; c++) {
    const centre = mean[c] as number;
    variance[c] = Math.max(0, (variance[c] as number) - centre * centre);
    mean[c] = centre + (first[c] as number);
  }
  const nats = baseline(mean, variance);
  return Number.isFinite(nats) ? nats : undefined;
}
