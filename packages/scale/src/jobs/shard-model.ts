import type { Dataset, Trainable } from '@latent/nn';
import { LatentError, Rng, ValueError } from '@latent/tensor';
import { gatherShard } from '../data/gather.ts';
import { kindNamed } from '../model/standard.ts';
import { keys } from '../run/keys.ts';
import { type FitOrder, recordCheck } from '../run/order.ts';
import { decodeJson } from '../store/blob.ts';
import type { JobContext } from '../worker/context.ts';

/** A model as the run began with it, with what draws in it. */
export async function freshModel(
  { run, store, module, memory }: JobContext,
  order: FitOrder,
): Promise<{ readonly model: Trainable<string>; readonly rng: Rng }> {
  const bytes = await memory.keep('learned', () => store.need(keys.learned(run)));
  const kind = kindNamed(order.model);
  const model = kind.fromBytes(bytes, module);
  return { model, rng: kind.rng?.(model) ?? new Rng(order.seed) };
}

/** What was found of the data when the run began. */
export async function recordOf({ run, store, memory }: JobContext) {
  return memory.keep('record', async () =>
    decodeJson('record', keys.record(run), await store.need(keys.record(run)), recordCheck),
  );
}

/** A shard's rows as training sees them. */
export async function shardData(context: JobContext, order: FitOrder, shard: number): Promise<Dataset> {
  const { data } = await recordOf(context);
  return scaledRows(context, order, await gatherShard(context.access, order.data, data, shard, order.shards));
}

/** The rows that are held out, as training sees them. */
export async function validationData(context: JobContext, order: FitOrder): Promise<Dataset> {
  return context.memory.keep('validation', async () => {
    const { validation } = await recordOf(context);
    if (order.validation === null) throw new ValueError(`job: the run ${context.run} has no validation`);
    return scaledRows(context, order, await gatherShard(context.access, order.validation, validation, 0, 1));
  });
}

async function scaledRows(context: JobContext, order: FitOrder, rows: Dataset): Promise<Dataset> {
  const { model } = await freshModel(context, order);
  return kindNamed(order.model).scaled?.(model, rows) ?? rows;
}

/** A model and the rows of a shard that it is about to be trained on. */
export async function shardModel(context: JobContext, order: FitOrder, shard: number) {
  const dataset = await shardData(context, order, shard);
  const { model, rng } = await freshModel(context, order);
  try {
    kindNamed(order.model).begin?.(model, dataset);
  } catch (error) {
    if (!(error instanceof LatentError)) throw error;
    const remedy = 'deal the rows otherwise, or take fewer shards';
    throw new ValueError(`distributedFit: shard ${shard} of ${order.shards}: ${error.message}; ${remedy}`);
  }
  return { model, rng, dataset };
}

/** What `make` makes, and the bytes that it took. */
export async function withBytes<T>({ store }: JobContext, make: () => Promise<T>): Promise<readonly [T, number]> {
  const before = store.traffic;
  const made = await make();
  return [made, store.traffic.got - before.got + store.traffic.put - before.put];
}
