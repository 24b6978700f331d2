import { checkOptions, optional, text, ValueError } from '@latent/tensor';
import { bullmqEngine } from './engine/bullmq.ts';
import type { Engine, Overview } from './engine/engine.ts';
import { HistoryBuilder, type RoundEvent } from './run/history.ts';
import { isRunName, keys, runCheck } from './run/keys.ts';
import { type FitOrder, orderCheck } from './run/order.ts';
import { summaryCheck } from './run/summary.ts';
import { decodeJson } from './store/blob.ts';
import { CheckedStore } from './store/store.ts';
import { type StoreLike, storeOf } from './store/store-of.ts';

/** What is asked about. */
export interface StatusOptions {
  /** `redis://…` or `postgres://…`. */
  readonly connection?: string;
  readonly queue?: string;
  /** In place of a connection. */
  readonly engine?: Engine;
  readonly store: StoreLike;
  /** Runs to tell of, beside those that have jobs. */
  readonly run?: string;
}

/** Where one run is. */
export interface RunStatus {
  readonly run: string;
  readonly kind: 'fit' | 'score' | 'sweep' | 'unknown';
  /** Of a training: its last rounds, the newest last. */
  readonly rounds: readonly RoundEvent[];
  /** Workers of its last round that are no longer connected. */
  readonly gone: readonly string[];
}

/** Where everything is. */
export interface Status extends Overview {
  readonly runs: readonly RunStatus[];
}

/** Rounds that are looked at. */
const LATELY = 6;

/** What is under way: workers, jobs with how far they are, and of each run its last rounds, speed, bytes and time left. */
export async function status(options: StatusOptions): Promise<Status> {
  const checked = checkOptions('status', options, {
    connection: optional(text()),
    queue: optional(text()),
    engine: optional((value) => value as Engine),
    store: (value) => value,
    run: optional(runCheck),
  });
  const { connection = '', queue, run } = checked;
  if (connection === '' && checked.engine === undefined) {
    throw new ValueError('status: give a connection, redis://… or postgres://…, or an engine');
  }
  const { store, close } = storeOf('status', checked.store);
  const engine = checked.engine ?? bullmqEngine({ connection, ...(queue !== undefined && { queue }) });
  try {
    const overview = await engine.overview();
    const busy = overview.active.map(({ job }) => job.data.run);
    // Jobs may be anybody's, and say anything.
    const names = new Set([...busy, ...overview.waitingRuns, run].filter(isRunName));
    const runs: RunStatus[] = [];
    for (const name of names) runs.push(await runStatus(name, new CheckedStore(store), overview));
    return { ...overview, runs };
  } finally {
    if (checked.engine === undefined) await engine.close();
    await close();
  }
}

async function runStatus(run: string, store: CheckedStore, { workers, active }: Overview): Promise<RunStatus> {
  const bytes = await store.get(keys.order(run));
  if (bytes === null) return { run, kind: 'unknown', rounds: [], gone: [] };
  const order = decodeJson('order', keys.order(run), bytes, orderCheck);
  if (order.kind !== 'fit') return { run, kind: order.kind, rounds: [], gone: [] };
  const rounds = await lastRounds(run, order, store, roundUnderWay(run, active, order));
  const present = new Set(workers);
  const gone = (rounds.at(-1)?.workers ?? []).map(({ name }) => name).filter((name) => !present.has(name));
  return { run, kind: 'fit', rounds, gone: present.size === 0 ? [] : gone };
}

/** The round that jobs are of; after the last where there are none. */
function roundUnderWay(run: string, active: Overview['active'], order: FitOrder): number {
  const own = active.filter(({ job }) => job.data.run === run && typeof job.data.round === 'number');
  return own.length === 0 ? order.rounds : Math.min(...own.map(({ job }) => job.data.round as number));
}

async function lastRounds(run: string, order: FitOrder, store: CheckedStore, round: number): Promise<RoundEvent[]> {
  const read = async (of: number) => {
    const bytes = of < 0 ? null : await store.get(keys.summary(run, of));
    return bytes === null ? null : decodeJson('summary', keys.summary(run, of), bytes, summaryCheck);
  };
  const first = Math.max(0, round - LATELY);
  const before = await read(first - 1);
  const events: RoundEvent[] = [];
  let builder: HistoryBuilder | null = null;
  for (let of = first; of < order.rounds; of++) {
    const summary = await read(of);
    if (summary === null) break;
    // Of the first round nobody wrote down when it began: it is told with the time of its training alone.
    const longest = Math.max(0, ...summary.shards.map(({ seconds }) => seconds));
    builder ??= new HistoryBuilder(order, before?.at ?? summary.at - 1000 * longest, null);
    events.push(builder.next(summary, null));
  }
  return events;
}
