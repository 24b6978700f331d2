import { checkOptions, flag, optional, real, ValueError, whole } from '@latent/tensor';
import type { Calibration } from '../calibrate/conformal.ts';
import type { WatchEvent } from '../results.ts';

/** How a stream is watched. */
export interface WatchOptions {
  /** Share of usual rows that raise an alarm. */
  readonly falseAlarmRate: number;
  /** Rows are held against so many of the stream's last ones, once there are as many, in place of the calibration rows. */
  readonly window?: number;
  /** At which the stream as a whole has changed: false with at most this probability, ever (0.001). */
  readonly alpha?: number;
  /** Tell every row, not only alarms and the change; false by default. */
  readonly every?: boolean;
}

const share = /* @__PURE__ */ real({ above: 0, below: 1 });

export const watchChecks = {
  falseAlarmRate: share,
  window: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
  alpha: /* @__PURE__ */ optional(share, 0.001),
  every: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
};

/** Scores in rising order, the oldest of which leaves when there are too many. */
class Rolling {
  readonly #most: number;
  readonly #sorted: Float64Array;
  readonly #inOrder: Float64Array;
  #count = 0;
  #oldest = 0;

  constructor(first: ArrayLike<number>, most: number) {
    this.#most = Math.max(most, first.length);
    this.#sorted = new Float64Array(this.#most + 1);
    this.#inOrder = new Float64Array(this.#most);
    for (let i = 0; i < first.length; i++) this.add(first[i] as number);
  }

  get count(): number {
    return this.#count;
  }

  /** How many are at least a score. */
  atLeast(score: number): number {
    return this.#count - this.#place(score);
  }

  add(score: number): void {
    if (this.#count === this.#most) {
      const old = this.#inOrder[this.#oldest] as number;
      const place = this.#place(old);
      this.#sorted.copyWithin(place, place + 1, this.#count);
      this.#count--;
    }
    const place = this.#place(score);
    this.#sorted.copyWithin(place + 1, place, this.#count);
    this.#sorted[place] = score;
    this.#count++;
    this.#inOrder[this.#oldest] = score;
    this.#oldest = (this.#oldest + 1) % this.#most;
  }

  /** The first place whose score is at least this. */
  #place(score: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as number) >= score) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Powers of the bets; their mean is a martingale as each is. */
const POWERS = [0.1, 0.3, 0.5, 0.7, 0.9];
/** Scores that a new one is held against for the change of the stream, at most. */
const MOST_SCORES = 100_000;

/**
 * Judges the rows of a stream. An alarm is a p-value of at most the rate. Of the stream as a whole, each row's rank among the calibration rows
 * and all rows before it is bet against (Vovk, Gammerman & Shafer 2005, chapter 7: power martingales, their mean): while rows come
 * as the calibration rows did, the stake ever reaches 1/α with probability at most α.
 */
export class StreamJudge {
  readonly #calibration: Calibration;
  readonly #rate: number;
  readonly #alpha: number;
  readonly #window: Rolling | null;
  readonly #windowSize: number;
  readonly #seen: Rolling;
  readonly #logs = POWERS.map(() => 0);
  #index = 0;
  #changed = false;

  constructor(caller: string, calibration: Calibration, options: WatchOptions) {
    const { falseAlarmRate, window, alpha } = checkOptions(caller, options, watchChecks);
    if (window !== undefined && 1 / (window + 1) > falseAlarmRate) {
      throw new ValueError(
        `${caller}: a window of ${window} rows cannot promise a false-alarm rate of ${falseAlarmRate}; it takes ${Math.ceil(1 / falseAlarmRate - 1)}`,
      );
    }
    if (window === undefined) calibration.threshold(caller, { falseAlarmRate });
    this.#calibration = calibration;
    this.#rate = falseAlarmRate;
    this.#alpha = alpha;
    this.#windowSize = window ?? 0;
    this.#window = window === undefined ? null : new Rolling([], window);
    this.#seen = new Rolling(calibration.scores, MOST_SCORES);
  }

  judge<Row>(row: Row, given: number): WatchEvent<Row> {
    const score = Number.isNaN(given) ? Infinity : given;
    const recent = this.#window;
    const full = recent !== null && recent.count === this.#windowSize;
    const pValue = full ? (1 + recent.atLeast(score)) / (recent.count + 1) : this.#calibration.pValue(score);
    recent?.add(score);
    const rank = (1 + this.#seen.atLeast(score)) / (this.#seen.count + 1);
    this.#seen.add(score);
    POWERS.forEach((power, i) => {
      this.#logs[i] = (this.#logs[i] as number) + Math.log(power) + (power - 1) * Math.log(rank);
    });
    const largest = Math.max(...this.#logs);
    const log =
      largest + Math.log(this.#logs.reduce((sum, value) => sum + Math.exp(value - largest), 0) / POWERS.length);
    const change = Math.exp(Math.min(700, log));
    this.#changed ||= change >= 1 / this.#alpha;
    return {
      index: this.#index++,
      row,
      score: given,
      pValue,
      anomaly: pValue <= this.#rate + 1e-12,
      change,
      changed: this.#changed,
    };
  }
}
