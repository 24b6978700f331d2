import type { Trainable } from '@latent/nn';
import {
  anything,
  callable,
  checkOptions,
  fields,
  instance,
  optional,
  real,
  text,
  UsageError,
  ValueError,
  whole,
} from '@latent/tensor';
import { type DataLike, partsOf } from './data/given.ts';
import type { Part, PartsData } from './data/part.ts';
import type { Engine } from './engine/engine.ts';
import { prepareFlow, roundFlow, validateFlow } from './jobs/flows.ts';
import type { WorkerModule } from './model/kind.ts';
import { kindOf, nameModel, rowsOf } from './model/standard.ts';
import { beginRun } from './run/begin.ts';
import { atPlace, type Place, type RunPlace } from './run/connect.ts';
import { awaitJob, currentSession, endSession, type Follow, openSession } from './run/follow.ts';
import { type Baseline, checkBaseline, HistoryBuilder, type RoundEvent } from './run/history.ts';
import { keys } from './run/keys.ts';
import {
  type FitOrder,
  MOST_SHARDS,
  recordCheck,
  type StepTraining,
  stepOptionNames,
  trainingCheck,
} from './run/order.ts';
import { summaryCheck, validationCheck } from './run/summary.ts';
import { decodeJson, decodeTensors } from './store/blob.ts';
import type { OuterOptions } from './train/average.ts';

/** How a model is trained by many workers. `N` are the names of what the model reports beside its loss. */
export interface DistributedFitOptions<N extends string = never> extends StepTraining, RunPlace {
  /**
   * How many logical shards the rows are dealt to (4 by default), or the parts of each shard. The result depends on the shards and not
   * on the workers, of which there may be any number.
   */
  readonly shards?: number | readonly (readonly Part[])[];
  /** Rows, where `shards` is a number: parts that workers read, or rows in memory, which go through the store. */
  readonly rows?: DataLike;
  /** Steps of each shard in a round; 50 by default. 1 is one step over the rows of all shards at a time: exact large batches. */
  readonly localSteps?: number;
  /** 20 by default. */
  readonly rounds?: number;
  /** Nesterov momentum over the averages of rounds (DiLoCo); plain averaging by default, which is better for models of this size. */
  readonly outer?: OuterOptions;
  /** Rows that are held out, scored after each round by one worker while the others go on. */
  readonly validation?: DataLike;
  /** Seed of a model that holds no generator itself; 0 by default. */
  readonly seed?: number;
  /** The name of a model of your own in the workers' module. */
  readonly as?: string;
  /** Rounds whose blobs are kept in a store that can remove; 2 by default. */
  readonly keepRounds?: number;
  /** Another run, to compare the time to equal loss with. */
  readonly baseline?: Baseline;
  /** Told of each round; what it gives is waited for, and what it throws is thrown: the run goes on without the call. */
  onRound?(event: RoundEvent<N>): unknown;
}

/** What became of a run. */
export interface DistributedHistory<N extends string = never> {
  readonly run: string;
  readonly rounds: readonly RoundEvent<N>[];
  /** `aborted` by the signal, after the last round in `rounds`; where there is none, the model is as it was. */
  readonly stopped: 'finished' | 'aborted';
  /** What was odd about the data, in sentences. */
  readonly warnings: readonly string[];
}

export const placeChecks = {
  store: anything(),
  connection: optional(text()),
  queue: optional(text()),
  engine: optional(instance<Engine>('an engine, such as localEngine()', (value) => 'work' in value)),
  module: optional(anything()),
  data: optional(anything()),
  run: optional(text()),
  signal: optional(instance<AbortSignal>('an AbortSignal', (value) => 'aborted' in value)),
  onWarning: optional(callable<(message: string) => void>(), (message: string) => console.warn(message)),
};

const fitChecks = {
  ...placeChecks,
  shards: anything(),
  rows: anything(),
  localSteps: optional(whole({ min: 1, max: 1e9 }), 50),
  rounds: optional(whole({ min: 1, max: 1e9 }), 20),
  outer: optional(
    fields({ learningRate: real({ above: 0, max: 10 }), momentum: optional(real({ min: 0, below: 1 }), 0.9) }),
  ),
  validation: anything(),
  seed: optional(whole({ min: 0 }), 0),
  as: optional(text()),
  keepRounds: optional(whole({ min: 1 }), 2),
  baseline: anything(),
  onRound: optional(callable<(event: RoundEvent) => unknown>()),
};

/** Options by whose they are: the step's, and the rest. */
export function apart(options: object): {
  readonly step: Record<string, unknown>;
  readonly rest: Record<string, unknown>;
} {
  const entries = Object.entries(options);
  const isStep = ([name]: [string, unknown]): boolean => stepOptionNames.includes(name);
  return {
    step: Object.fromEntries(entries.filter(isStep)),
    rest: Object.fromEntries(entries.filter((entry) => !isStep(entry))),
  };
}

/**
 * Trains a model on the rows of K shards by any number of workers (see `startWorker`): in each round every shard makes some steps from the
 * same weights, and the weights are averaged in the order of the shards. The result has the same bits for 1 or 64 workers, and
 * after any crash of workers, of the queue or of the caller: nobody need live through a run but the store and, with its disk,
 * the queue. A call with the same model, data and options joins the run that is there, or finds its result.
 *
 * One shard trains as `fit` does, to the bit. It rejects with a `RunError` when the run stopped; called again, it goes on.
 */
export async function distributedFit<N extends string = never>(
  model: Trainable<N>,
  options: DistributedFitOptions<N>,
): Promise<DistributedHistory<N>> {
  const caller = 'distributedFit';
  const { step, rest } = apart(options ?? {});
  const checked = checkOptions(caller, rest, fitChecks);
  const training = trainingCheck(step, { caller, path: '' });
  const given = model as unknown as Trainable<string>;
  if (checked.as !== undefined) nameModel(given, checked.as);
  const kind = kindOf(caller, model);
  const bytes = kind.toBytes(given);
  // Here a model of the caller's own is at hand; workers make theirs.
  const { models, ...module } = (checked.module ?? {}) as WorkerModule;
  const own: WorkerModule = {
    ...module,
    models: { ...models, ...(checked.as !== undefined && { [checked.as]: () => given }) },
  };
  checkTravels(caller, given, kind.fromBytes(bytes, own));
  const baseline = checkBaseline(caller, checked.baseline);
  const dealt = shardsOf(caller, checked.shards, checked.rows);
  if (checked.localSteps === 1 && dealt.shards > 1 && (training.accumulate ?? 1) > 1) {
    throw new ValueError(
      `${caller}: with one local step a batch is that of all shards; take a larger batchSize, not accumulate`,
    );
  }
  return atPlace(caller, options as RunPlace, async (place) => {
    const of = rowsOf(kind, given, 'fit');
    const data = await partsOf(caller, dealt.rows, of, place.store);
    const order: FitOrder = {
      kind: 'fit',
      model: kind.name,
      data: dealt.assign === null ? data : { ...data, assign: dealt.assign },
      validation:
        checked.validation === undefined
          ? null
          : await partsOf(`${caller}: validation`, checked.validation, of, place.store),
      shards: dealt.shards,
      localSteps: checked.localSteps,
      rounds: checked.rounds,
      outer: checked.outer ?? null,
      training,
      keepRounds: checked.keepRounds,
      seed: checked.seed,
    };
    const run = await beginRun(caller, checked.run, order, [bytes], place.store);
    const { signal, onWarning, onRound } = checked;
    const follow: Follow = { caller, run, engine: place.engine, signal, toEnd: true, onWarning, warned: new Set() };
    const followed = await followFit(follow, place, order, { baseline, onRound });
    if (followed.rounds.length === 0) return followed as unknown as DistributedHistory<N>;
    const trained = kind.fromBytes(await place.store.need(keys.learned(run)), own);
    const last = keys.weights(run, followed.rounds.length);
    trained.loadStateDict({ ...decodeTensors('weights', last, await place.store.need(last)).tensors });
    kind.adopt(given, trained);
    return followed as unknown as DistributedHistory<N>;
  });
}

/** Throws unless what would be trained here is trained on workers: a file does not say what was frozen. */
export function checkTravels(caller: string, model: Trainable<string>, copy: Trainable<string>): void {
  const names = (of: Trainable<string>): string =>
    of
      .trainable()
      .map(([name]) => name)
      .join();
  if (names(model) === names(copy)) return;
  throw new UsageError(
    `${caller}: parts of this model are frozen, which workers would not know; freeze by an option that its file holds (freezeEncoder), or in a model of your own module`,
  );
}

/** How many shards, and of what. */
function shardsOf(caller: string, shards: unknown, rows: unknown) {
  if (Array.isArray(shards)) {
    if (rows !== undefined) throw new ValueError(`${caller}: give the parts of each shard or rows, not both`);
    const lists = shards as readonly (readonly Part[])[];
    if (lists.length === 0 || !lists.every(Array.isArray)) {
      throw new ValueError(`${caller}: shards must be a number, or a list of parts for each shard`);
    }
    const assign = lists.flatMap((list, shard) => list.map(() => shard));
    return { shards: lists.length, rows: lists.flat() as unknown, assign: assign as PartsData['assign'] };
  }
  const count = whole({ min: 1, max: MOST_SHARDS })(shards ?? 4, { caller, path: 'shards' });
  if (rows === undefined) throw new ValueError(`${caller}: give rows: parts, a data set, or rows in memory`);
  return { shards: count, rows, assign: null };
}

interface FitWatch {
  readonly baseline: Baseline | null;
  readonly onRound: ((event: RoundEvent) => unknown) | undefined;
}

/** Sees a run through, from wherever it is. */
async function followFit(
  follow: Follow,
  { engine, store }: Place,
  order: FitOrder,
  { baseline, onRound }: FitWatch,
): Promise<DistributedHistory> {
  const { run, signal, onWarning } = follow;
  const started = Date.now();
  let session = await currentSession(run, store);
  const flowOf = (round: number, of = session) =>
    round < 0
      ? prepareFlow({ run, session: of }, order.data.parts.length, order.validation?.parts.length ?? 0)
      : roundFlow({ run, session: of }, round, order.shards);
  const begun = (await store.get(keys.record(run))) !== null;
  let next = begun ? await nextRound(run, order, store) : -1;
  const from = next;
  if (from < order.rounds) {
    const made = from < 0 ? keys.record(run) : keys.summary(run, from);
    session = await openSession(follow, store, session, made, (of) => flowOf(from, of));
  }
  const abort = (): void => void endSession(run, session, store).catch(() => {});
  signal?.addEventListener('abort', abort);
  // What nobody began is not begun for who does not want it any more.
  let wanted = !signal?.aborted;
  try {
    if (next < order.rounds && wanted) await engine.add(flowOf(next));
    if (next < 0) wanted &&= await awaitJob(follow, flowOf(-1));
    if (next < 0 && !wanted) return { run, rounds: [], stopped: 'aborted', warnings: [] };
    const key = keys.record(run);
    const record = decodeJson('record', key, await store.need(key), recordCheck);
    for (const warning of record.warnings) onWarning(warning);
    const builder = new HistoryBuilder(order, started, baseline);
    const rounds: RoundEvent[] = [];
    next = Math.max(0, next);
    for (let round = 0; round < order.rounds; round++) {
      if (round >= next) {
        if (wanted && round > from && (await ended(engine, store, run, session, flowOf(round)))) {
          // By another caller of the same run.
          session = await currentSession(run, store);
          await engine.add(flowOf(round));
        }
        wanted &&= await awaitJob(follow, flowOf(round));
        if (!wanted) return { run, rounds, stopped: 'aborted', warnings: record.warnings };
      }
      const summaryKey = keys.summary(run, round);
      const summary = decodeJson('summary', summaryKey, await store.need(summaryKey), summaryCheck);
      const held = order.validation === null ? null : await heldOut(follow, store, { run, session }, round);
      const event = builder.next(summary, held);
      rounds.push(event);
      if (round >= next) await onRound?.(event);
      if (
        signal?.aborted &&
        round + 1 < order.rounds &&
        (await isOver(engine, store, run, session, flowOf(round + 1)))
      ) {
        return { run, rounds, stopped: 'aborted', warnings: record.warnings };
      }
    }
    return { run, rounds, stopped: 'finished', warnings: record.warnings };
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Whether a session ended before this round was begun. */
async function isOver(
  engine: Engine,
  store: Place['store'],
  run: string,
  session: number,
  flow: ReturnType<typeof roundFlow>,
) {
  await endSession(run, session, store);
  return ended(engine, store, run, session, flow);
}

/** Whether a session was ended, and so early that it does not come to this round. */
async function ended(
  engine: Engine,
  store: Place['store'],
  run: string,
  session: number,
  flow: ReturnType<typeof roundFlow>,
) {
  if ((await store.get(keys.stop(run, session))) === null) return false;
  // The job before is done, so it has added this one if it ever will.
  return (await engine.state(flow)).state === 'unknown';
}

/** The round that has no summary yet: all before it have one. */
async function nextRound(run: string, order: FitOrder, store: Place['store']): Promise<number> {
  const has = async (round: number): Promise<boolean> => (await store.get(keys.summary(run, round))) !== null;
  let [low, high] = [0, 1];
  while (high <= order.rounds && (await has(high - 1))) [low, high] = [high, high * 2];
  high = Math.min(high, order.rounds + 1);
  // Rounds below `low` have one, round `high − 1` has none.
  while (low < high - 1) {
    const middle = Math.floor((low + high) / 2);
    if (await has(middle - 1)) low = middle;
    else high = middle;
  }
  return low;
}

/** Sessions of a run have smaller numbers. */
const MOST_SESSIONS = 100_000;

async function heldOut(
  follow: Follow,
  store: Place['store'],
  session: { run: string; session: number },
  round: number,
) {
  const key = keys.validation(session.run, round);
  if ((await store.get(key)) === null) {
    let flow = validateFlow(session, round);
    // One that failed before is another job now; the rounds do not wait for it, so their session goes on.
    for (let again = 1; (await follow.engine.state(flow)).state === 'failed'; again++) {
      flow = validateFlow({ ...session, session: session.session + again * MOST_SESSIONS }, round);
    }
    await follow.engine.add(flow);
    if (!(await awaitJob(follow, flow))) return null;
  }
  return decodeJson('validation', key, await store.need(key), validationCheck);
}
