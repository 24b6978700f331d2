import { Evaluation } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import { keys } from '../run/keys.ts';
import type { FitOrder } from '../run/order.ts';
import type { Summary } from '../run/summary.ts';
import { decodeTensors, encodeJson } from '../store/blob.ts';
import type { JobContext, JobReport, JobType } from '../worker/context.ts';
import type { Algorithm } from './algorithm.ts';
import { averaging } from './averaging.ts';
import { roundFlow, validateFlow } from './flows.ts';
import { inLine } from './in-line.ts';
import { largeBatch } from './large-batch.ts';
import { orderOf } from './order-of.ts';
import { freshModel, validationData } from './shard-model.ts';
import { isStopped } from './stopped.ts';

/**
 * How a run's shards are put together. One local step of several shards is one step over all their rows; with more, or with an
 * outer step, weights are averaged; and one shard is `fit` either way, which averaging is to the bit.
 */
export function algorithmOf({
  localSteps,
  shards,
  outer,
}: Pick<FitOrder, 'localSteps' | 'shards' | 'outer'>): Algorithm {
  return localSteps === 1 && shards > 1 && outer === null ? largeBatch : averaging;
}

function inRange(order: FitOrder, round: number, shard = 0): void {
  if (round < order.rounds && shard < order.shards) return;
  throw new ValueError(
    `job: there is no shard ${shard} in round ${round} of ${order.shards} shards and ${order.rounds} rounds`,
  );
}

/** One shard's part of a round. */
export const train: JobType = {
  numbers: ['round', 'shard'],
  async run(context, data) {
    const order = orderOf(context, 'fit');
    const [round, shard] = [data.round as number, data.shard as number];
    inRange(order, round, shard);
    return algorithmOf(order).train(context, order, round, shard);
  },
};

/** Puts the shards of a round together, and adds the next round. Done again, it only adds the next round. */
export const reduce: JobType = {
  numbers: ['round'],
  async run(context, data) {
    const { run, session, store } = context;
    const order = orderOf(context, 'fit');
    const round = data.round as number;
    inRange(order, round);
    const algorithm = algorithmOf(order);
    const started = performance.now();
    // Meanwhile: the round's shards are there, so nobody goes back behind it.
    const removing = removeOld(context, order, round - order.keepRounds);
    removing.catch(() => {});
    if ((await store.get(keys.summary(run, round))) === null) {
      const { totals, outer } = await algorithm.reduce(context, order, round);
      const largest = (name: string): number =>
        Math.max(0, ...context.children.map((child) => amount(report(child)[name])));
      const moves = sum(context.children, 'moved');
      const sizes = { shard: largest('shardBytes'), state: largest('stateBytes'), outer, moves };
      const summary: Summary = {
        round,
        means: finite(totals.means()),
        rows: totals.rows,
        at: Date.now(),
        shards: shardsOf(context.children),
        reduceSeconds: (performance.now() - started) / 1000,
        bytes: bytesOf(context),
        moved: moves,
        expectedBytes: algorithm.bytes(order, sizes),
      };
      await store.putOnce(keys.summary(run, round), encodeJson('summary', summary));
    }
    await removing;
    const offered = inLine(context.children.map(report), context.worker, order.shards);
    const again = round + 1 < order.rounds && !(await isStopped(context));
    const next = again ? [roundFlow({ run, session }, round + 1, order.shards, offered)] : [];
    const held = order.validation === null ? [] : [validateFlow({ run, session }, round)];
    return { next: [...held, ...next] };
  },
};

/** Scores the weights that a round ended with on rows that are held out. The next round does not wait for it. */
export const validate: JobType = {
  numbers: ['round'],
  async run(context, data) {
    const { run, store, memory } = context;
    const order = orderOf(context, 'fit');
    const round = data.round as number;
    inRange(order, round);
    const key = keys.validation(run, round);
    if ((await store.get(key)) !== null) return {};
    const { model, evaluation } = await memory.keep('evaluation', async () => {
      const held = await validationData(context, order);
      const { model } = await freshModel(context, order);
      return { model, evaluation: new Evaluation(model, held, order.training.batchSize ?? 128) };
    });
    const weights = keys.weights(run, round + 1);
    model.loadStateDict({ ...decodeTensors('weights', weights, await store.need(weights)).tensors });
    await store.putSame(key, encodeJson('validation', finite(await evaluation.run())));
    return {};
  },
};

/** JSON has no word for numbers that are not finite; a run whose loss is not has failed before. */
function finite(means: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(means).filter(([, mean]) => Number.isFinite(mean)));
}

function report(child: unknown): Partial<JobReport> {
  return typeof child === 'object' && child !== null ? (child as Partial<JobReport>) : {};
}

function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

function sum(children: readonly unknown[], name: string): number {
  return Math.floor(children.reduce<number>((total, child) => total + amount(report(child)[name]), 0));
}

function shardsOf(children: readonly unknown[]): Summary['shards'] {
  return children.map((child) => {
    const { worker, seconds, rows } = report(child);
    return { worker: String(worker ?? '').slice(0, 100), seconds: amount(seconds), rows: Math.floor(amount(rows)) };
  });
}

function bytesOf({ children, store }: JobContext): Summary['bytes'] {
  const { got, put } = store.traffic;
  return { got: sum(children, 'got') + got, put: sum(children, 'put') + put, start: sum(children, 'startBytes') };
}

/** Removes the blobs of a round that nobody needs any more. Summaries and validations stay: they are the history. */
async function removeOld({ run, store }: JobContext, order: FitOrder, round: number): Promise<void> {
  if (round < 0) return;
  const validated =
    order.validation === null || round === 0 || (await store.get(keys.validation(run, round - 1))) !== null;
  if (validated) await store.remove(keys.weights(run, round));
  await store.remove(keys.outer(run, round));
  for (let shard = 0; shard < order.shards; shard++) {
    await store.remove(keys.shard(run, round, shard));
    await store.remove(keys.state(run, round, shard));
  }
}
