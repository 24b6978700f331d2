import { ValueError } from '@latent/tensor';
import { checkPairs, type Numbers } from './pairs.ts';

/** How many positives and negatives score at least `threshold`. */
interface Above {
  readonly threshold: number;
  readonly positives: number;
  readonly negatives: number;
}

/** From above every score, one entry per distinct score down to the lowest; rows with equal scores enter together. */
function descend(caller: string, scores: Numbers, labels: Numbers): { steps: Above[]; total: Above } {
  // A number equals itself as a number; NaN and what is no number do not.
  checkPairs(caller, scores, labels, 'a score and a label of 0 or 1', (s, y) => s === +s && (y === 0 || y === 1));
  const of = (label: number): Float64Array =>
    Float64Array.from(scores)
      .filter((_, i) => labels[i] === label)
      .sort();
  const [negative, positive] = [of(0), of(1)];
  let [p, n] = [positive.length, negative.length];
  if (p === 0 || n === 0) throw new ValueError(`${caller}: needs rows of both labels, got ${p} of 1 and ${n} of 0`);
  let total: Above = { threshold: Infinity, positives: 0, negatives: 0 };
  const steps = [total];
  while (p + n > 0) {
    const threshold = Math.max(positive[p - 1] ?? -Infinity, negative[n - 1] ?? -Infinity);
    while (p > 0 && (positive[p - 1] as number) >= threshold) p--;
    while (n > 0 && (negative[n - 1] as number) >= threshold) n--;
    total = { threshold, positives: positive.length - p, negatives: negative.length - n };
    steps.push(total);
  }
  return { steps, total };
}

/** One point per distinct score, from the highest down; the first is above every score. */
export interface RocCurve {
  readonly thresholds: readonly number[];
  readonly falsePositiveRate: readonly number[];
  readonly truePositiveRate: readonly number[];
}

/** What shares of the negatives and of the positives score at least each threshold. Arguments as in `rocAuc`. */
export function rocCurve(scores: Numbers, labels: Numbers): RocCurve {
  const { steps, total } = descend('rocCurve', scores, labels);
  return {
    thresholds: steps.map((step) => step.threshold),
    falsePositiveRate: steps.map((step) => step.negatives / total.negatives),
    truePositiveRate: steps.map((step) => step.positives / total.positives),
  };
}

/**
 * The area under the ROC curve: the probability that a row of label 1 scores higher than a row of label 0, a tie counting
 * one half (Mann & Whitney 1947). Exact, from whole numbers of pairs. Scores may be infinite. Both labels must occur.
 */
export function rocAuc(scores: Numbers, labels: Numbers): number {
  const { steps, total } = descend('rocAuc', scores, labels);
  // Trapezoids between neighbouring points, in units of half a pair.
  const halves = steps.reduce((sum, { positives, negatives }, i) => {
    const before = steps[Math.max(i - 1, 0)] as Above;
    return sum + (negatives - before.negatives) * (positives + before.positives);
  }, 0);
  return halves / (2 * total.positives * total.negatives);
}

/**
 * The area under the precision-recall curve as average precision, Σ (R_k − R_{k−1})·P_k over distinct scores from the
 * highest down: the mean, over rows of label 1, of the precision among the rows that score at least as high. Arguments
 * as in `rocAuc`. Random scores give about the share of label 1, not one half.
 */
export function prAuc(scores: Numbers, labels: Numbers): number {
  const { steps, total } = descend('prAuc', scores, labels);
  const area = steps.slice(1).reduce((sum, { positives, negatives }, i) => {
    return sum + ((positives - (steps[i] as Above).positives) * positives) / (positives + negatives);
  }, 0);
  return area / total.positives;
}
