import { ArrayDataset, SequenceDataset } from '@latent/nn';
import { sizeOf, type Tensor, ValueError } from '@latent/tensor';
import { keys } from '../run/keys.ts';
import { decodeTensors, encodeTensors } from '../store/blob.ts';
import { decodeOptimizer, encodeOptimizer, epochOf, GradientShard, LargeBatchUpdate } from '../train/large-batch.ts';
import { doneBefore } from './again.ts';
import type { Algorithm } from './algorithm.ts';
import { freshModel, recordOf, shardModel, withBytes } from './shard-model.ts';
import { decodeShard, encodeShard, Totals } from './shard-result.ts';

/** One step of all shards at a time: gradients are summed and one optimizer moves the weights, as with one large batch. */
export const largeBatch: Algorithm = {
  async train(context, order, round, shard) {
    const { run, store, memory } = context;
    const key = keys.shard(run, round, shard);
    if ((await store.get(key)) !== null) return doneBefore;
    const [own, startBytes] = await withBytes(context, () =>
      memory.keep(`gradient/${shard}`, async () => {
        const { model, rng, dataset } = await shardModel(context, order, shard);
        if (!(dataset instanceof ArrayDataset || dataset instanceof SequenceDataset)) {
          throw new ValueError('train: the rows of a shard must stay in memory');
        }
        return new GradientShard(model, dataset, shard, rng, order.training);
      }),
    );
    const weightsKey = keys.weights(run, round);
    const { tensors } = decodeTensors('weights', weightsKey, await store.need(weightsKey));
    const { gradient, totals, rows } = own.round(round, tensors);
    const bytes = encodeShard({ tensors: { gradient }, totals, rows });
    await store.putSame(key, bytes);
    return { report: { rows, startBytes, shardBytes: bytes.length } };
  },

  async reduce(context, order, round) {
    const { run, store, memory } = context;
    const totals = new Totals();
    let sum: Float64Array | null = null;
    for (let shard = 0; shard < order.shards; shard++) {
      const key = keys.shard(run, round, shard);
      const result = decodeShard(key, await store.need(key));
      const { gradient } = result.tensors;
      if (gradient === undefined) throw new ValueError(`store: ${key} holds no gradient`);
      const { data } = gradient;
      sum ??= new Float64Array(sizeOf(gradient.shape));
      if (data.length !== sum.length)
        throw new ValueError(`store: ${key} has ${data.length} numbers, expected ${sum.length}`);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (data[i] as number);
      totals.add(result);
    }
    if (!(sum as Float64Array).every(Number.isFinite)) {
      throw new ValueError(`distributedFit: the gradient is no longer finite in step ${round + 1}; try clipNorm: 1`);
    }
    const updater = await memory.keep('update', async () => {
      const { model, rng } = await freshModel(context, order);
      return new LargeBatchUpdate(model, rng, Object.keys(order.data.spec), order.training);
    });
    const read = async (kind: string, key: string) => decodeTensors(kind, key, await store.need(key));
    const before = await read('weights', keys.weights(run, round));
    const kept = round === 0 ? null : await read('optimizer', keys.outer(run, round));
    const state = kept === null ? null : decodeOptimizer(kept.tensors, kept.metadata.optimizer);
    // By the rows of an average shard: what counts the epochs of schedules.
    const { data } = await recordOf(context);
    const rows = Math.ceil(data.reduce((all, part) => all + part.rows, 0) / order.shards);
    const epoch = epochOf(round, rows, order.training.batchSize ?? 128);
    const next = updater.update(before.tensors, state, sum as Float64Array, { rows: totals.rows, epoch });
    const { tensors, text } = encodeOptimizer(next.state);
    const outer = encodeTensors('optimizer', tensors, { optimizer: text });
    await store.putSame(keys.outer(run, round + 1), outer);
    await store.putSame(keys.weights(run, round + 1), encodeTensors('weights', next.weights as Record<string, Tensor>));
    return { totals, outer: outer.length };
  },

  // Each shard gets the weights and puts a gradient; the reduction gets those, weights and optimizer, and puts the latter two.
  bytes: ({ shards }, { shard, outer }) => (3 * shards + 2) * shard + 2 * outer,
};
