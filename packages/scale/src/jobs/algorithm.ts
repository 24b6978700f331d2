import type { FitOrder } from '../run/order.ts';
import type { JobContext, JobResult } from '../worker/context.ts';
import type { Totals } from './shard-result.ts';

/** Sizes of a round's blobs in bytes, and shards that moved to another worker. */
export interface BlobSizes {
  /** What a shard makes of a round: weights, or a gradient. */
  readonly shard: number;
  /** What a shard keeps: the optimizer's numbers. */
  readonly state: number;
  /** What the next reduction goes on with: momenta, or the optimizer of a large batch. */
  readonly outer: number;
  readonly moves: number;
}

/** What a reduction did. */
export interface Reduced {
  readonly totals: Totals;
  /** Bytes of what the next reduction goes on with. */
  readonly outer: number;
}

/** How shards are trained in a round and put together. */
export interface Algorithm {
  train(context: JobContext, order: FitOrder, round: number, shard: number): Promise<JobResult>;
  /** Writes the weights of the next round, in the order of the shards; gives the sums over all rows. */
  reduce(context: JobContext, order: FitOrder, round: number): Promise<Reduced>;
  /** Bytes that a round moves through the store, any but the first, in which workers get the model and the data too. */
  bytes(order: Pick<FitOrder, 'shards' | 'outer'>, sizes: BlobSizes): number;
}
