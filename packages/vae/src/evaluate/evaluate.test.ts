import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibration, classificationMetrics, prAuc, regressionMetrics, rocAuc, rocCurve } from './index.ts';

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

/** Scores of few different values, so that most are tied, and labels of which both occur. */
const scored = fc
  .array(
    fc.tuple(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constantFrom(-0, Infinity, -Infinity, 0.5)), fc.nat(1)),
    {
      minLength: 2,
      maxLength: 30,
    },
  )
  .filter((rows) => new Set(rows.map(([, y]) => y)).size === 2)
  .map((rows) => ({ scores: rows.map(([s]) => s), labels: rows.map(([, y]) => y) }));

describe('rocAuc and rocCurve', () => {
  it('count pairs, a tie as one half', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        let [halves, pairs] = [0, 0];
        scores.forEach((p, i) => {
          scores.forEach((n, j) => {
            if (labels[i] !== 1 || labels[j] !== 0) return;
            pairs++;
            halves += p > n ? 2 : p === n ? 1 : 0;
          });
        });
        expect(rocAuc(scores, labels)).toBe(halves / (2 * pairs));
        expect(rocAuc(Float32Array.from(scores), Uint8Array.from(labels))).toBe(halves / (2 * pairs));
        const reversed = rocAuc(
          scores.map((s) => -s),
          labels,
        );
        expect(reversed).toBeCloseTo(1 - halves / (2 * pairs), 12);
      }),
    );
  });

  it('give the shares at or above each threshold, whose trapezoids are the area', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        const { thresholds, truePositiveRate: tpr, falsePositiveRate: fpr } = rocCurve(scores, labels);
        const share = (label: number, threshold: number): number => {
          const of = scores.filter((_, i) => labels[i] === label);
          return of.filter((s) => s >= threshold).length / of.length;
        };
        expect([thresholds[0], fpr[0], tpr[0]]).toEqual([Infinity, 0, 0]);
        expect(thresholds.length).toBe(1 + new Set(scores.map((s) => s + 0)).size);
        for (let k = 1; k < thresholds.length; k++) {
          expect([fpr[k], tpr[k]]).toEqual([share(0, thresholds[k]!), share(1, thresholds[k]!)]);
        }
        const area = sum(fpr.slice(1).map((x, k) => ((x - fpr[k]!) * (tpr[k + 1]! + tpr[k]!)) / 2));
        expect(rocAuc(scores, labels)).toBeCloseTo(area, 12);
      }),
    );
  });

  it('agree with scikit-learn’s example', () => {
    expect(rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(rocCurve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toEqual({
      thresholds: [Infinity, 0.8, 0.4, 0.35, 0.1],
      falsePositiveRate: [0, 0, 0.5, 0.5, 1],
      truePositiveRate: [0, 0.5, 0.5, 1, 1],
    });
  });
});

describe('prAuc', () => {
  it('is the mean precision at the positives', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        const precisions = scores
          .filter((_, i) => labels[i] === 1)
          .map((threshold) => {
            const above = labels.filter((_, j) => scores[j]! >= threshold);
            return sum(above) / above.length;
          });
        expect(prAuc(scores, labels)).toBeCloseTo(sum(precisions) / precisions.length, 12);
      }),
    );
    expect(prAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(5 / 6, 15);
    expect(prAuc([1, 1, 1, 1], [0, 1, 0, 0])).toBe(0.25);
  });
});

describe('regressionMetrics', () => {
  it('measures each column by itself', () => {
    const metrics = regressionMetrics([2.5, 10, 0, 20, 2, 30, 8, 40], [3, 1, -0.5, 2, 2, 3, 7, 4], 2);
    expect(metrics[0]!.mse).toBeCloseTo(0.375, 14);
    expect(metrics[0]!.mae).toBeCloseTo(0.5, 14);
    expect(metrics[0]!.rmse).toBeCloseTo(Math.sqrt(0.375), 14);
    expect(metrics[0]!.r2).toBeCloseTo(0.9486081370449679, 14);
    expect(metrics[0]!.correlation).toBeCloseTo(0.9848696184482703, 14);
    expect(metrics[1]!.correlation).toBeCloseTo(1, 14);
    expect(metrics[1]!.mae).toBe(22.5);
  });

  it('is 1 for a perfect prediction, 0 for the mean, undefined where nothing varies', () => {
    const [perfect] = regressionMetrics([1, 2, 3], [1, 2, 3]);
    expect(perfect).toEqual({ mse: 0, mae: 0, rmse: 0, r2: 1, correlation: expect.closeTo(1, 14) });
    expect(regressionMetrics([2, 2, 2], [1, 2, 3])[0]).toMatchObject({ r2: 0, correlation: NaN });
    expect(regressionMetrics([0.1, 0.2, 0.3], [0.1, 0.1, 0.1])[0]).toMatchObject({ r2: NaN, correlation: NaN });
  });
});

describe('classificationMetrics', () => {
  it('agrees with counts done by hand', () => {
    const { accuracy, confusion, classes, macro, micro } = classificationMetrics(
      [0, 2, 1, 0, 0, 1],
      [0, 1, 2, 0, 1, 2],
      {
        classes: 4,
      },
    );
    expect(accuracy).toBe(1 / 3);
    expect(confusion).toEqual([
      [2, 0, 0, 0],
      [1, 0, 1, 0],
      [0, 2, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(classes[0]).toEqual({ precision: 2 / 3, recall: 1, f1: 0.8, support: 2 });
    expect(classes[3]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
    // Over the three classes that occur.
    expect([macro.precision, macro.recall, macro.f1]).toEqual([2 / 9, 1 / 3, expect.closeTo(0.8 / 3, 15)]);
    expect(micro).toEqual({ precision: 1 / 3, recall: 1 / 3, f1: 1 / 3 });
  });

  it('counts every row once, and scores lie between 0 and 1', () => {
    const pairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(pairs, (rows) => {
        const [predictions, targets] = [rows.map(([p]) => p), rows.map(([, t]) => t)];
        const { accuracy, confusion, classes, macro } = classificationMetrics(predictions, targets);
        expect(sum(confusion.flat())).toBe(rows.length);
        expect(accuracy).toBe(rows.filter(([p, t]) => p === t).length / rows.length);
        expect(confusion.length).toBe(1 + Math.max(...predictions, ...targets));
        for (const [k, { precision, recall, f1, support }] of classes.entries()) {
          expect(support).toBe(targets.filter((t) => t === k).length);
          const harmonic = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
          expect(f1).toBeCloseTo(harmonic, 12);
        }
        for (const score of Object.values(macro)) expect(score >= 0 && score <= 1).toBe(true);
      }),
    );
  });
});

describe('calibration', () => {
  it('compares what was said with what came, bin by bin', () => {
    const { bins, brier, expectedCalibrationError } = calibration([0.1, 0.3, 0.9, 1], [0, 1, 1, 1], { bins: 2 });
    expect(bins.map(({ low, high, count }) => [low, high, count])).toEqual([
      [0, 0.5, 2],
      [0.5, 1, 2],
    ]);
    expect(bins.map(({ predicted, observed }) => [predicted, observed])).toEqual([
      [0.2, 0.5],
      [0.95, 1],
    ]);
    expect(brier).toBeCloseTo((0.01 + 0.49 + 0.01) / 4, 14);
    expect(expectedCalibrationError).toBeCloseTo((0.3 + 0.05) / 2, 14);
    expect(calibration([0.1], [1], { bins: 1 }).bins[0]!.predicted).toBe(0.1);
    expect(calibration([0.9], [1], { bins: 2 }).bins[0]).toMatchObject({ count: 0, predicted: NaN, observed: NaN });
  });

  it('puts every probability in the bin that holds it, edges too', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(200), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(cases, ([bins, k, other]) => {
        for (const p of [Math.min(1, k / bins), other]) {
          const bin = calibration([p], [1], { bins }).bins.find(({ count }) => count > 0);
          expect(bin && bin.low <= p && (p < bin.high || p === 1)).toBe(true);
        }
      }),
    );
  });
});

describe('errors', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'lengths',
      () => rocAuc([1, 2], [1]),
      'rocAuc: needs as many of one as of the other and at least one, got 2 and 1',
    ],
    ['nothing', () => regressionMetrics([], []), 'regressionMetrics: needs as many of one as of the other'],
    ['label', () => rocCurve([1, 2], [0, 2]), 'rocCurve: expected a score and a label of 0 or 1, got 2 and 2 at row 1'],
    ['score', () => prAuc([NaN, 2], [0, 1]), 'prAuc: expected a score and a label of 0 or 1, got NaN and 0 at row 0'],
    ['one label', () => rocAuc([1, 2], [1, 1]), 'rocAuc: needs rows of both labels, got 2 of 1 and 0 of 0'],
    ['no positive', () => prAuc([1], [0]), 'prAuc: needs rows of both labels, got 0 of 1 and 1 of 0'],
    [
      'NaN',
      () => regressionMetrics([1, NaN], [1, 2]),
      'regressionMetrics: expected finite numbers, got NaN and 2 at row 1',
    ],
    ['width', () => regressionMetrics([1, 2, 3], [1, 2, 3], 2), '3 values are no whole number of rows of 2'],
    ['class', () => classificationMetrics([1.5], [1]), 'expected class numbers from 0 to 4095, got 1.5 and 1 at row 0'],
    [
      'classes',
      () => classificationMetrics([2], [1], { classes: 2 }),
      'expected class numbers from 0 to 1, got 2 and 1',
    ],
    [
      'probability',
      () => calibration([1.1], [1]),
      'calibration: expected a probability and a label of 0 or 1, got 1.1',
    ],
    [
      'bins',
      () => calibration([1], [1], { bins: 0 }),
      'calibration: bins must be a whole number ≥ 1 and ≤ 1000000, got 0',
    ],
  ];
  it.each(cases)('say what is wrong: %s', (_name, run, message) => expect(run).toThrow(message));
});
