import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  callable,
  checkOptions,
  flag,
  instance,
  isPlainObject,
  list,
  optional,
  real,
  refuse,
  text,
  useKernels,
  useThreads,
  ValueError,
  whole,
} from '@latent/tensor';
import { bullmqEngine } from '../engine/bullmq.ts';
import type { Engine } from '../engine/engine.ts';
import type { WorkerModule } from '../model/kind.ts';
import { type StoreLike, storeOf } from '../store/store-of.ts';
import { measureArithmetic } from './arithmetic.ts';
import { LiveShards } from './context.ts';
import { jobHandler } from './run-job.ts';

/** How a worker is started. */
export interface WorkerOptions {
  /** Where blobs are: the same store as of who starts runs. */
  readonly store: StoreLike;
  /** `redis://…` or `postgres://…`, where jobs come from. */
  readonly connection?: string;
  /** The queue's name; 'latent' by default. */
  readonly queue?: string;
  /** In place of a connection. */
  readonly engine?: Engine;
  /** Threads of this worker; as many as `useThreads` has set by default. */
  readonly threads?: number;
  /** No fused multiply-add, so that workers on different machines have the same bits; false by default. */
  readonly deterministic?: boolean;
  /** Folders and `http(s)://…` prefixes that data may be read from; none by default. */
  readonly data?: readonly string[];
  /** Models, sources and modules of your own. */
  readonly module?: WorkerModule;
  /** What the worker is called, one name for each, of at most 60 letters, digits and `. : _ -`; host and process by default. */
  readonly name?: string;
  /**
   * Seconds for which a job stays a worker's that says nothing; 30 by default. A job of a worker that died is given to another after
   * this time, and up to as much again. One step of training must take less than half of it.
   */
  readonly lockSeconds?: number;
  /** Shards that wait in this worker's memory for their next round, with their rows; 64 by default. */
  readonly liveShards?: number;
  /** Told what the worker refuses, and what is wrong with its connection; `console.error` by default. */
  onMessage?(message: string): void;
}

/** A worker at work. */
export interface WorkerHandle {
  readonly name: string;
  /** Finishes the job under way and takes no other. */
  close(): Promise<void>;
}

const workerChecks = {
  store: (value: unknown) => value,
  connection: optional(text()),
  queue: optional(text()),
  engine: optional(instance<Engine>('an engine, such as localEngine()', (value) => 'work' in value)),
  threads: optional(whole({ min: 1, max: 64 })),
  deterministic: optional(flag(), false),
  data: optional(list(text()), []),
  module: optional((value, at) => {
    // A module's namespace is an object of its own kind.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'an object', value);
    const module = (isPlainObject(value) ? value : { ...value }) as WorkerModule;
    for (const kind of ['sources', 'models'] as const) {
      const made: unknown = module[kind] ?? {};
      const path = `${at.path}.${kind}`;
      if (typeof made !== 'object' || made === null) return refuse({ ...at, path }, 'functions by name', made);
      for (const [name, make] of Object.entries(made)) {
        if (typeof make !== 'function') return refuse({ ...at, path: `${path}.${name}` }, 'a function', make);
      }
    }
    return module;
  }),
  // Servers know their clients by it, in lists with spaces between.
  name: optional((value, at) =>
    typeof value === 'string' && /^[\w.:-]{1,60}$/.test(value)
      ? value
      : refuse(at, 'a name of at most 60 letters, digits and . : _ -', value),
  ),
  lockSeconds: optional(real({ min: 1 }), 30),
  liveShards: optional(whole({ min: 1 }), 64),
  onMessage: optional(callable<(message: string) => void>(), (message: string) => console.error(message)),
};

let started = 0;

/**
 * Starts a worker in this process: it takes jobs of all runs of the queue, one at a time, until it is closed. Start one process for
 * each, since a process that dies takes one job with it, which another worker then does again.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerHandle> {
  const caller = 'startWorker';
  const checked = checkOptions(caller, options, workerChecks);
  const { connection, queue, threads, deterministic, data, module = {}, lockSeconds, liveShards, onMessage } = checked;
  if ((connection === undefined) === (checked.engine === undefined)) {
    throw new ValueError(`${caller}: give a connection, redis://… or postgres://…, or an engine`);
  }
  if (threads !== undefined) useThreads(threads);
  if (deterministic) useKernels('auto', { deterministic });
  const { store, close } = storeOf(caller, checked.store);
  const engine =
    checked.engine ?? bullmqEngine({ connection: connection as string, ...(queue !== undefined && { queue }) });
  const name =
    checked.name ??
    `${hostname()
      .replace(/[^\w.-]/g, '_')
      .slice(0, 40)}-${process.pid}-${++started}`;
  const live = new LiveShards(liveShards);
  const said = new Set<string>();
  const once = (message: string): void => {
    if (!said.has(message)) onMessage(message);
    said.add(message);
  };
  for (const folder of data.filter((place) => !/^https?:/.test(place))) {
    if (!existsSync(folder)) once(`data: there is no ${folder} here; parts below it will not be found`);
  }
  const handler = jobHandler({
    name,
    store,
    module,
    data,
    live,
    arithmetic: measureArithmetic(),
    onRefused: once,
    add: (flow) => engine.add(flow),
  });
  const taking = await engine.work(handler, { name, lockSeconds, onError: (error) => once(error.message) });
  return {
    name,
    async close() {
      await taking.close();
      live.clear();
      if (checked.engine === undefined) await engine.close();
      await close();
    },
  };
}
