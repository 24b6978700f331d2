import { checkOptions, real, ValueError } from '@latent/tensor';
import type { Prediction, PredictOptions, Threshold } from '../results.ts';
import { betaCdf } from './beta.ts';

const share = /* @__PURE__ */ real({ above: 0, below: 1 });

/**
 * What scores of rows that took no part in fitting say of a new one (Vovk, Gammerman & Shafer 2005; Bates et al. 2023): with
 * p = (1 + #{sᵢ ≥ s})/(n + 1), P(p ≤ α) ≤ α for every n and any model, however bad, if the new row and the calibration rows
 * are exchangeable. Where these hold anomalies too, alarms become fewer and the promise stands.
 */
export class Calibration {
  /** The scores, rising; NaN counts as +∞. */
  readonly scores: Float64Array;

  constructor(scores: ArrayLike<number>) {
    this.scores = Float64Array.from(scores, (score) => (Number.isNaN(score) ? Infinity : score)).sort();
  }

  get rows(): number {
    return this.scores.length;
  }

  /** The smallest rate of false alarms that can be promised: 1/(n + 1). */
  get smallestRate(): number {
    return 1 / (this.rows + 1);
  }

  pValue(given: number): number {
    const { scores, rows } = this;
    const score = Number.isNaN(given) ? Infinity : given;
    let [low, high] = [0, rows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((scores[middle] as number) >= score) high = middle;
      else low = middle + 1;
    }
    return (1 + rows - low) / (rows + 1);
  }

  pValues(scores: ArrayLike<number>): Float64Array {
    return Float64Array.from(scores, (score) => this.pValue(score));
  }

  /** Where the line is, for options that do not depend on the batch; the false discovery rate does. */
  threshold(caller: string, options: PredictOptions, pValues: ArrayLike<number> = []): Threshold {
    const named = ['falseAlarmRate', 'falseDiscoveryRate', 'contamination', 'threshold'] as const;
    const given: Partial<Record<(typeof named)[number], number>> & { readonly confidence?: number } = options ?? {};
    const asked = named.filter((name) => given[name] !== undefined);
    if (asked.length !== 1) {
      throw new ValueError(
        `${caller}: give one of ${named.join(', ')}, got ${asked.length === 0 ? 'none' : asked.join(' and ')}`,
      );
    }
    const { rows } = this;
    if (given.falseAlarmRate !== undefined) {
      const checked = checkOptions(caller, options, {
        falseAlarmRate: share,
        confidence: (value, at) => (value === undefined ? undefined : share(value, at)),
      });
      return this.#falseAlarms(caller, checked.falseAlarmRate, checked.confidence as number | undefined);
    }
    if (given.falseDiscoveryRate !== undefined) {
      const { falseDiscoveryRate: rate } = checkOptions(caller, options, { falseDiscoveryRate: share });
      return this.#falseDiscoveries(caller, rate, pValues);
    }
    if (given.contamination !== undefined) {
      const { contamination } = checkOptions(caller, options, { contamination: share });
      const place = Math.min(rows - 1, Math.max(0, Math.ceil((1 - contamination) * rows)));
      return {
        score: this.scores[place] ?? Infinity,
        pValue: null,
        calibrationRows: rows,
        guarantee: `${(100 * contamination).toPrecision(3)} % of ${rows} calibration rows score at least this; nothing is promised beyond them`,
      };
    }
    const { threshold } = checkOptions(caller, options, { threshold: real() });
    return {
      score: threshold,
      pValue: null,
      calibrationRows: rows,
      guarantee: 'a threshold of your own: nothing is promised',
    };
  }

  #falseAlarms(caller: string, rate: number, confidence: number | undefined): Threshold {
    const { rows } = this;
    const k = confidence === undefined ? Math.floor(rate * (rows + 1) + 1e-9) : largestSure(rows, rate, confidence);
    if (k < 1) {
      const needed = rowsFor(rate, confidence);
      const sure = confidence === undefined ? '' : ` with confidence ${confidence}`;
      const possible = confidence === undefined ? 1 / (rows + 1) : 1 - (1 - confidence) ** (1 / rows);
      throw new ValueError(
        `${caller}: ${rows} calibration rows cannot promise a false-alarm rate of ${rate}${sure}; it takes ${needed}, or a rate of ${possible.toPrecision(3)}`,
      );
    }
    const percent = (100 * rate).toPrecision(3);
    return {
      score: this.scores[rows - k + 1] ?? above(this.scores[rows - 1] as number),
      pValue: k / (rows + 1),
      calibrationRows: rows,
      guarantee:
        confidence === undefined
          ? `at most ${percent} % of usual rows raise an alarm, on average over calibrations (${rows} rows)`
          : `at most ${percent} % of usual rows raise an alarm, with confidence ${confidence} (${rows} calibration rows)`,
    };
  }

  /** Benjamini & Hochberg: the largest p₍ᵢ₎ ≤ q·i/m; conformal p-values of one calibration depend positively, so it holds. */
  #falseDiscoveries(caller: string, rate: number, pValues: ArrayLike<number>): Threshold {
    const { rows } = this;
    const m = pValues.length;
    if (rate * (rows + 1) < 1) {
      throw new ValueError(
        `${caller}: ${rows} calibration rows cannot promise a false-discovery rate of ${rate}; it takes ${Math.ceil(1 / rate - 1)}, and ${Math.ceil(m / rate)} to find one anomaly among ${m} rows`,
      );
    }
    const sorted = Float64Array.from(pValues).sort();
    let line = 0;
    sorted.forEach((p, i) => {
      if (p <= (rate * (i + 1)) / m + 1e-12) line = p;
    });
    const k = Math.round(line * (rows + 1));
    return {
      score: k === 0 ? Infinity : (this.scores[rows - k + 1] ?? above(this.scores[rows - 1] as number)),
      pValue: line,
      calibrationRows: rows,
      guarantee: `at most ${(100 * rate).toPrecision(3)} % of the alarms among these ${m} rows are false, on average (${rows} calibration rows)`,
    };
  }

  predict(caller: string, scores: ArrayLike<number>, options: PredictOptions): Prediction[] {
    const pValues = this.pValues(scores);
    const { score: line, pValue: most } = this.threshold(caller, options, pValues);
    return Array.from(scores, (score, i) => {
      const pValue = pValues[i] as number;
      const anomaly = most === null ? !(score < line) : pValue <= most + 1e-12 && most > 0;
      return { anomaly, score, pValue };
    });
  }
}

/** The next larger number of double precision, for a line that only rows above all calibration rows reach. */
function above(score: number): number {
  return score === Infinity ? Infinity : score + Math.max(Math.abs(score) * 2 ** -52, Number.MIN_VALUE);
}

/** The largest k for which alarms at p ≤ k/(n + 1) are at most a share α of usual rows with this confidence; 0 for none. */
export function largestSure(rows: number, rate: number, confidence: number): number {
  // The rate of one calibration is Beta(k, n + 1 − k).
  let [low, high] = [0, Math.floor(rate * (rows + 1)) + 1];
  while (low < high - 1) {
    const k = (low + high) >> 1;
    if (betaCdf(rate, k, rows + 1 - k) >= confidence) low = k;
    else high = k;
  }
  return low;
}

/** Calibration rows that a false-alarm rate takes. */
export function rowsFor(rate: number, confidence?: number): number {
  return confidence === undefined
    ? Math.ceil(1 / rate - 1 - 1e-9)
    : Math.ceil(Math.log(1 - confidence) / Math.log1p(-rate) - 1e-9);
}

/** p-values held against how many they are (Holm 1979): the family's chance of one false finding is at most α. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const result = new Array<number>(pValues.length).fill(1);
  let most = 0;
  order.forEach((i, rank) => {
    most = Math.min(1, Math.max(most, (pValues.length - rank) * (pValues[i] as number)));
    result[i] = most;
  });
  return result;
}
