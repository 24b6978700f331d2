import type { Metrics } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import type { FitOrder } from './order.ts';
import type { Summary } from './summary.ts';

/** A round of a run that many workers train. Numbers the model reports are means over the round's rows. */
export type RoundEvent<N extends string = never> = Metrics<N> & {
  /** From 1. */
  readonly round: number;
  readonly rounds: number;
  /** Of the weights after the round, on rows that are held out, where there are some. */
  readonly validation?: Metrics<N>;
  /** Rows of all shards. */
  readonly rows: number;
  /** From the end of the round before; of the first, from the start. */
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** To the end of the run, at the mean speed of the last rounds. */
  readonly secondsLeft: number;
  /** Who trained: with how many shards and for how many seconds. */
  readonly workers: readonly { readonly name: string; readonly shards: number; readonly seconds: number }[];
  /** Workers that trained in a round before and not in this one: they have left, died or found nothing to do. */
  readonly absent: readonly string[];
  /**
   * Bytes through the store: `start` of them because workers were new to the run or to a shard, and got the model and rows; the others are
   * `expected` by the formula.
   */
  readonly bytes: {
    readonly got: number;
    readonly put: number;
    readonly start: number;
    readonly expected: number;
  };
  /** Shards that went on in another worker. */
  readonly moved: number;
  readonly efficiency: {
    /** Seconds of training over seconds that the workers were there for, 0 to 1. */
    readonly throughput: number;
    /** Seconds that the baseline took to this loss, over the seconds that this run took; null without one, or where it never got there. */
    readonly toEqualLoss: number | null;
  };
};

/** Losses of another run by the seconds that they took: `history.rounds`, or the epochs of a `fit` with their seconds. */
export type Baseline = readonly { readonly seconds: number; readonly loss: number }[];

/** Rounds that the time left is told from. */
const LATELY = 5;

/** Makes events of summaries as they come, in order. */
export class HistoryBuilder {
  readonly #order: FitOrder;
  readonly #baseline: Baseline | null;
  readonly #seen = new Set<string>();
  readonly #seconds: number[] = [];
  #before: number;
  #elapsed = 0;

  /** `started` is when the run's first round could begin, in milliseconds since 1970. */
  constructor(order: FitOrder, started: number, baseline: Baseline | null) {
    this.#order = order;
    this.#before = started;
    this.#baseline = baseline;
  }

  next(summary: Summary, validation: Readonly<Record<string, number>> | null): RoundEvent {
    const { rounds } = this.#order;
    const seconds = Math.max(1e-3, (summary.at - this.#before) / 1000);
    this.#before = summary.at;
    this.#elapsed += seconds;
    this.#seconds.push(seconds);
    const lately = this.#seconds.slice(-LATELY);
    const pace = lately.reduce((sum, each) => sum + each, 0) / lately.length;
    const workers = new Map<string, { name: string; shards: number; seconds: number }>();
    for (const { worker, seconds: own } of summary.shards) {
      const known = workers.get(worker) ?? { name: worker, shards: 0, seconds: 0 };
      workers.set(worker, { name: worker, shards: known.shards + 1, seconds: known.seconds + own });
    }
    const absent = [...this.#seen].filter((name) => !workers.has(name));
    for (const name of workers.keys()) this.#seen.add(name);
    const busy = summary.shards.reduce((sum, shard) => sum + shard.seconds, 0);
    const loss = validation?.loss ?? summary.means.loss ?? Number.NaN;
    return {
      ...(summary.means as { readonly loss: number }),
      round: summary.round + 1,
      rounds,
      ...(validation !== null && { validation: validation as { readonly loss: number } }),
      rows: summary.rows,
      seconds,
      rowsPerSecond: summary.rows / seconds,
      secondsLeft: (rounds - summary.round - 1) * pace,
      workers: [...workers.values()],
      absent,
      bytes: { ...summary.bytes, expected: summary.expectedBytes },
      moved: summary.moved,
      efficiency: {
        throughput: Math.min(1, busy / (seconds * Math.max(1, workers.size))),
        toEqualLoss: this.#baseline === null ? null : timeToLoss(this.#baseline, loss, this.#elapsed),
      },
    };
  }
}

/** Seconds that a baseline took to a loss, over those of this run; null where it never got there. */
function timeToLoss(baseline: Baseline, loss: number, elapsed: number): number | null {
  let seconds = 0;
  for (const step of baseline) {
    seconds += step.seconds;
    if (step.loss <= loss) return seconds / elapsed;
  }
  return null;
}

/** Throws unless a baseline is one. */
export function checkBaseline(caller: string, value: unknown): Baseline | null {
  if (value === undefined) return null;
  const sound =
    Array.isArray(value) &&
    value.every((step) => typeof step?.seconds === 'number' && typeof step.loss === 'number' && step.seconds >= 0);
  if (!sound)
    throw new ValueError(`${caller}: baseline must be a list of { seconds, loss }, one for each round or epoch`);
  return value as Baseline;
}
