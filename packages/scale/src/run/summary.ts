import { type Check, fields, isPlainObject, list, real, refuse, text, whole } from '@latent/tensor';

const count = whole({ min: 0 });
const amount = real({ min: 0 });

const numbers: Check<Readonly<Record<string, number>>> = (value, at) =>
  isPlainObject(value) && Object.values(value).every((each) => typeof each === 'number')
    ? (value as Record<string, number>)
    : refuse(at, 'an object of numbers', value);

/** What is known of a round when it is over. */
export const summaryCheck = /* @__PURE__ */ fields({
  round: count,
  /** Means over the round's rows. */
  means: numbers,
  rows: count,
  /** When it was over, in milliseconds since 1970, by the clock of the worker that put it together. */
  at: amount,
  /** Who trained, and for how many seconds. */
  shards: list(fields({ worker: text(), seconds: amount, rows: count })),
  /** Seconds of putting it together. */
  reduceSeconds: amount,
  /** Through the store; `start` of them because a worker was new to the run or to a shard. */
  bytes: fields({ got: count, put: count, start: count }),
  /** Shards that went on in another worker than before. */
  moved: count,
  /** Bytes that the round should have moved, by the formula. */
  expectedBytes: amount,
});

/** The summary of a round. */
export type Summary = ReturnType<typeof summaryCheck>;

/** The numbers of rows that are held out, after a round. */
export const validationCheck: Check<Readonly<Record<string, number>>> = numbers;
