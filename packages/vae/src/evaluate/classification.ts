import { checkOptions, optional, whole } from '@latent/tensor';
import { checkPairs, type Numbers } from './pairs.ts';

/** How well one class is told from the others. */
export interface ClassScores {
  /** Of the rows said to be of the class, how many are; 0 when none were. */
  readonly precision: number;
  /** Of the rows of the class, how many were found; 0 when there are none. */
  readonly recall: number;
  /** 2·precision·recall / (precision + recall); 0 when both are. */
  readonly f1: number;
}

/** How well classes are predicted. */
export interface ClassificationMetrics {
  readonly accuracy: number;
  /** `confusion[actual][predicted]`: how many rows. */
  readonly confusion: readonly (readonly number[])[];
  /** By class number; `support` is how many rows are of the class. */
  readonly classes: readonly (ClassScores & { readonly support: number })[];
  /** The mean over the classes that occur, as a target or a prediction: rare classes count as much as common ones. */
  readonly macro: ClassScores;
  /** Over all decisions together; with one class per row all three are the accuracy. */
  readonly micro: ClassScores;
}

/**
 * How often class numbers 0, 1, … are predicted right. Number of classes: `classes`, or one more than the largest number
 * seen (at most 4096). For two classes, `classes[1]` has the usual precision and recall.
 */
export function classificationMetrics(
  predictions: Numbers,
  targets: Numbers,
  options: { readonly classes?: number } = {},
): ClassificationMetrics {
  const checked = checkOptions('classificationMetrics', options, { classes: optional(whole({ min: 1, max: 4096 })) });
  const limit = checked.classes ?? 4096;
  const isClass = (x: number): boolean => Number.isInteger(x) && x >= 0 && x < limit;
  let count = checked.classes ?? 0;
  checkPairs('classificationMetrics', predictions, targets, `class numbers from 0 to ${limit - 1}`, (p, t) => {
    count = Math.max(count, p + 1, t + 1);
    return isClass(p) && isClass(t);
  });
  const confusion = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let i = 0; i < targets.length; i++) {
    const row = confusion[targets[i] as number] as number[];
    (row[predictions[i] as number] as number)++;
  }
  const classes = confusion.map((row, k) => {
    const support = sum(row);
    const predicted = sum(confusion.map((other) => other[k] as number));
    return { ...scores(row[k] as number, predicted, support), support, occurs: support + predicted > 0 };
  });
  const occurring = classes.filter(({ occurs }) => occurs);
  const mean = (of: keyof ClassScores): number => sum(occurring.map((k) => k[of])) / occurring.length;
  const accuracy = sum(confusion.map((row, k) => row[k] as number)) / targets.length;
  return {
    accuracy,
    confusion,
    classes: classes.map(({ occurs: _, ...rest }) => rest),
    macro: { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') },
    micro: { precision: accuracy, recall: accuracy, f1: accuracy },
  };
}

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

function scores(right: number, predicted: number, actual: number): ClassScores {
  const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);
  return {
    precision: ratio(right, predicted),
    recall: ratio(right, actual),
    f1: ratio(2 * right, predicted + actual),
  };
}
