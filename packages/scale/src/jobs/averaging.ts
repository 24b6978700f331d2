import { ValueError } from '@latent/tensor';
import { GiveBack } from '../engine/engine.ts';
import { keys } from '../run/keys.ts';
import type { FitOrder } from '../run/order.ts';
import { decodeTensors, encodeTensors } from '../store/blob.ts';
import { Average, allFinite, outerStep, type Weights } from '../train/average.ts';
import { LocalShard, ownGenerators } from '../train/local-shard.ts';
import type { JobContext, Live } from '../worker/context.ts';
import { doneBefore } from './again.ts';
import type { Algorithm } from './algorithm.ts';
import { shardModel, withBytes } from './shard-model.ts';
import { decodeShard, encodeShard, Totals } from './shard-result.ts';

interface LiveShard extends Live {
  readonly shard: LocalShard;
}

/** Times that a worker leaves a job to another that may have the shard, and for how many milliseconds. */
const PASSES = 4;
const PASS = 5;
/** Milliseconds between two words about how far a job is. */
const SAID = 1000;

/**
 * Local steps in each shard, and the mean of the weights (McMahan et al. 2017, arXiv 1602.05629; Stich 2019), with an outer step where
 * one is asked for.
 */
export const averaging: Algorithm = {
  async train(context, order, round, shard) {
    const { run, session, store, live } = context;
    const key = keys.shard(run, round, shard);
    const stateKey = keys.state(run, round, shard);
    if ((await store.get(key)) !== null && (await store.get(stateKey)) !== null) return doneBefore;
    const waiting = live.take(run, session, shard, round) as LiveShard | null;
    // Who has a shard at hand goes on with it sooner than anybody else could (delay scheduling: Zaharia et al. 2010).
    if (waiting === null && live.others(run, shard, round) && context.mayPass(PASSES)) {
      throw new GiveBack(PASS, 'another worker may have this shard');
    }
    let lastSaid = performance.now();
    const moved = waiting === null && round > 0 ? 1 : 0;
    const state = moved === 1 ? await store.need(keys.state(run, round - 1, shard)) : null;
    const [local, startBytes] = await withBytes(
      context,
      async () => waiting?.shard ?? startShard(context, order, shard, state),
    );
    local.onStep = (step) => {
      if (performance.now() - lastSaid < SAID) return;
      lastSaid = performance.now();
      context.said({ done: step / order.localSteps });
    };
    const weightsKey = keys.weights(run, round);
    const { tensors } = decodeTensors('weights', weightsKey, await store.need(weightsKey));
    try {
      const { weights, state: kept, totals, rows } = await local.round(tensors);
      // Both at once: a round of which only one was written is done again.
      const writing = store.putSame(stateKey, kept);
      const bytes = encodeShard({ tensors: weights, totals, rows });
      await Promise.all([writing, store.putSame(key, bytes)]);
      live.put(run, shard, { shard: local, session, round: round + 1, stop: () => local.stop() } as LiveShard);
      return { report: { rows, moved, startBytes, shardBytes: bytes.length, stateBytes: kept.length } };
    } catch (error) {
      local.stop();
      throw error;
    }
  },

  async reduce(context, order, round) {
    const { run, store } = context;
    const average = new Average();
    const totals = new Totals();
    for (let shard = 0; shard < order.shards; shard++) {
      const key = keys.shard(run, round, shard);
      const result = decodeShard(key, await store.need(key));
      average.add(result.tensors);
      totals.add(result);
    }
    let weights: Weights = average.mean();
    let outer = 0;
    if (order.outer !== null) {
      const before = decodeTensors('weights', keys.weights(run, round), await store.need(keys.weights(run, round)));
      const kept = round === 0 ? null : await store.need(keys.outer(run, round));
      const velocity = kept === null ? null : decodeTensors('outer', keys.outer(run, round), kept).values;
      const stepped = outerStep(before.values, weights, velocity, order.outer);
      weights = stepped.weights;
      const bytes = encodeTensors('outer', stepped.velocity);
      outer = bytes.length;
      await store.putSame(keys.outer(run, round + 1), bytes);
    }
    const bad = Object.entries(weights).find(([, { data }]) => !allFinite(data));
    if (bad !== undefined) {
      throw new ValueError(
        `distributedFit: ${bad[0]} is no longer finite after round ${round + 1}; try a smaller learning rate, or clipNorm: 1`,
      );
    }
    await store.putSame(keys.weights(run, round + 1), encodeTensors('weights', weights));
    return { totals, outer };
  },

  bytes({ shards, outer: asked }, { shard, state, outer, moves }) {
    // Each shard gets the weights and puts its own and its state; the reduction gets all and puts one.
    const plain = shards * (2 * shard + state) + (shards + 1) * shard + moves * state;
    return asked === null ? plain : plain + shard + 2 * outer;
  },
};

async function startShard(
  context: JobContext,
  order: FitOrder,
  shard: number,
  state: Uint8Array | null,
): Promise<LocalShard> {
  const { model, rng, dataset } = await shardModel(context, order, shard);
  if (state === null) ownGenerators(model, rng, shard);
  const { training, localSteps } = order;
  return new LocalShard({ model, dataset, training, localSteps, rng, state });
}
