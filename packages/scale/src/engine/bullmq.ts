import { checkOptions, optional, real, text, UsageError, ValueError, whole } from '@latent/tensor';
import { CONNECT_SECONDS, isRefusal, refusedText, silentText } from '../server/server.ts';
import {
  type Engine,
  type EngineWorker,
  type Flow,
  GiveBack,
  type Job,
  type JobData,
  type JobNote,
  type JobState,
  jobId,
  PermanentError,
} from './engine.ts';
import { checkedJob } from './job-size.ts';
import { patient } from './patient.ts';

/** How jobs get from one machine to another: BullMQ over Redis, Valkey or PostgreSQL. */
export interface BullmqOptions {
  /** `redis://…`, `rediss://…` or `postgres://…`. The driver, `ioredis` or `pg`, is yours. */
  readonly connection: string;
  /** The name of the queue; 'latent' by default. Workers serve the runs of one queue. */
  readonly queue?: string;
  /** Times that a job is tried that fails for reasons that may pass; 5 by default. */
  readonly attempts?: number;
  /** Milliseconds before the second try, doubled each time; 1,000 by default. */
  readonly backoff?: number;
  /** Seconds that a first connection may take; 20 by default. Later ones are tried for ever. */
  readonly connectSeconds?: number;
}

/** Workers that one job may outlive; then it is taken for what kills them. */
const MOST_STALLS = 50;
/** Milliseconds after which a worker whose server was gone asks again. */
const RETRY = 500;
/** States of jobs that nobody has. */
const WAITING = ['waiting', 'delayed', 'prioritized', 'waiting-children'] as const;
/** Waiting jobs of which the runs are told. */
const LOOKED_AT = 100;
const DAY = 24 * 3600;

type Bullmq = typeof import('bullmq');

const bullmqChecks = {
  connection: text(),
  queue: optional(text(), 'latent'),
  attempts: optional(whole({ min: 1 }), 5),
  backoff: optional(real({ min: 0 }), 1000),
  connectSeconds: optional(real({ above: 0 }), CONNECT_SECONDS),
};

/** An engine over BullMQ. Nothing is connected before it is used. */
export function bullmqEngine(options: BullmqOptions): Engine {
  const { connection, queue, attempts, backoff, connectSeconds } = checkOptions('bullmqEngine', options, bullmqChecks);
  const backend = backendOf(connection);
  let opened: Promise<Opened> | null = null;
  const open = (): Promise<Opened> => {
    opened ??= openQueue(connection, backend, queue, connectSeconds).catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  const jobOptions = (job: Job): object => ({
    jobId: jobId(job),
    attempts,
    backoff: { type: 'exponential', delay: backoff },
    failParentOnFailure: true,
    // A job that was done must be remembered while its run may add it again.
    removeOnComplete: { age: DAY },
    removeOnFail: { age: 7 * DAY },
  });

  return {
    async add(flow: Flow) {
      const { producer } = await open();
      const node = (job: Job) => ({
        queueName: queue,
        name: job.name,
        data: checkedJob(job).data,
        opts: jobOptions(job),
      });
      // Adding again what was added is nothing.
      await patient(() => producer.add({ ...node(flow), children: (flow.children ?? []).map(node) } as never));
    },
    async state(job): Promise<JobState> {
      const { jobs } = await open();
      const found = await patient(() => jobs.getJob(jobId(job)));
      if (!found) return { state: 'unknown' };
      const state = await patient(() => found.getState());
      const note = noteOf(found.progress);
      const said = note === null ? {} : { note };
      if (state === 'completed') return { state: 'done', ...said };
      if (state === 'failed') return { state: 'failed', reason: found.failedReason ?? 'no reason was given', ...said };
      if (state === 'active') return { state: 'active', ...said };
      return state === 'unknown' ? { state: 'unknown' } : { state: 'waiting', ...said };
    },
    async work(handler, { name, lockSeconds, onError }): Promise<EngineWorker> {
      const { bullmq } = await open();
      const worker = new bullmq.Worker(
        queue,
        async (job, token) => {
          try {
            const children = await patient(() => childrenOf(job, queue));
            return await handler({ name: job.name, data: job.data as Job['data'] }, children, (note) => {
              void job.updateProgress(note as object).catch(() => {});
            });
          } catch (error) {
            if (error instanceof GiveBack) {
              await job.moveToDelayed(Date.now() + error.milliseconds, token);
              throw new bullmq.DelayedError();
            }
            if (error instanceof PermanentError) throw new bullmq.UnrecoverableError(error.message);
            throw error;
          }
        },
        {
          connection: backend.worker,
          name,
          concurrency: 1,
          lockDuration: 1000 * lockSeconds,
          stalledInterval: 1000 * lockSeconds,
          maxStalledCount: MOST_STALLS,
          runRetryDelay: RETRY,
        } as never,
        ...((await backend.extra()) as []),
      );
      worker.on('error', onError);
      await worker.waitUntilReady();
      return { close: () => worker.close() };
    },
    async overview() {
      const { jobs } = await open();
      const counts = await patient(() => jobs.getJobCounts());
      const active = await patient(() => jobs.getActive());
      const next = await patient(() => jobs.getJobs([...WAITING], 0, LOOKED_AT - 1));
      const workers = await patient(() => jobs.getWorkers());
      const sum = (...names: string[]): number => names.reduce((total, name) => total + (counts[name] ?? 0), 0);
      return {
        waiting: sum('wait', ...WAITING),
        waitingRuns: [...new Set(next.map((job) => (job?.data as JobData | null)?.run ?? ''))],
        failed: sum('failed'),
        active: active.map((job) => ({
          job: { name: job.name, data: job.data as Job['data'] },
          note: noteOf(job.progress),
          worker: job.processedBy ?? '',
        })),
        // Connections are named after the queue and the worker: `…:w:NAME`.
        workers: workers.map(({ rawname = '' }) => rawname.replace(/^.*?:w:/, '')).filter((name) => name !== ''),
      };
    },
    async close() {
      if (opened === null) return;
      const { jobs, producer } = await opened;
      await Promise.all([jobs.close(), producer.close()]);
    },
  };
}

interface Opened {
  readonly bullmq: Bullmq;
  readonly jobs: import('bullmq').Queue;
  readonly producer: import('bullmq').FlowProducer;
}

/** What BullMQ is given for a place to keep its jobs. */
interface Backend {
  readonly producer: unknown;
  readonly worker: unknown;
  /** The package that is the caller's to install. */
  readonly needs: string;
  driver(): Promise<unknown>;
  /** The factory of the backend, where it is not Redis. */
  extra(): Promise<readonly unknown[]>;
}

function backendOf(connection: unknown): Backend {
  if (typeof connection === 'string' && /^rediss?:\/\//.test(connection)) {
    const worker = { url: connection, maxRetriesPerRequest: null };
    return { producer: worker, worker, needs: 'ioredis', driver: () => import('ioredis'), extra: async () => [] };
  }
  if (typeof connection === 'string' && /^postgres(ql)?:\/\//.test(connection)) {
    const pool = { connectionString: connection, migrate: true };
    return {
      producer: pool,
      worker: pool,
      needs: 'pg',
      driver: () => import('pg'),
      extra: async () => [(await import('bullmq')).createPostgresBackend],
    };
  }
  throw new ValueError(
    `connection must be redis://…, rediss://… or postgres://…, got ${typeof connection === 'string' ? connection.replace(/\/\/.*@/, '//…@') : typeof connection}`,
  );
}

async function openQueue(connection: string, backend: Backend, queue: string, seconds: number): Promise<Opened> {
  await backend.driver().catch(() => {
    throw new UsageError(`connection: ${backend.needs} is needed beside @latent/scale: npm install ${backend.needs}`);
  });
  const bullmq = await import('bullmq');
  const options = { connection: backend.producer } as never;
  const extra = (await backend.extra()) as [];
  const jobs = new bullmq.Queue(queue, options, ...extra) as import('bullmq').Queue;
  const producer = new bullmq.FlowProducer(options, ...extra) as import('bullmq').FlowProducer;
  // Later, what is wrong shows in what is asked of them; without a listener it would end the process.
  producer.on('error', () => {});
  let last: unknown = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wrong = new Promise<string>((resolve) => {
    const hear = (error: unknown): void => {
      last = error;
      if (isRefusal(error)) resolve(refusedText(connection, error));
    };
    jobs.on('error', hear);
    timer = setTimeout(() => resolve(silentText(connection, seconds, last)), 1000 * seconds);
    jobs.waitUntilReady().then(
      () => resolve(''),
      (error: unknown) => {
        hear(error);
        resolve(silentText(connection, null, error));
      },
    );
  });
  const text = await wrong;
  clearTimeout(timer);
  if (text === '') return { bullmq, jobs, producer };
  await Promise.allSettled([jobs.close(), producer.close()]);
  throw new UsageError(`connection: ${text}`);
}

/** The children's values in the order of their numbers: keys are `bull:queue:id`. */
async function childrenOf(
  job: { getChildrenValues(): Promise<Record<string, unknown>> },
  queue: string,
): Promise<unknown[]> {
  const values = await job.getChildrenValues();
  const number = (key: string): number => Number(/_(\d+)$/.exec(key.slice(key.indexOf(queue)))?.[1] ?? 0);
  return Object.entries(values)
    .sort(([a], [b]) => number(a) - number(b))
    .map(([, value]) => value);
}

/** A note as a worker left it; what somebody else left is none. */
function noteOf(progress: unknown): JobNote | null {
  if (typeof progress !== 'object' || progress === null) return null;
  const { worker, at, refused, done } = progress as Record<string, unknown>;
  if (typeof worker !== 'string' || typeof at !== 'number') return null;
  return {
    worker,
    at,
    ...(typeof refused === 'string' && { refused: refused.slice(0, 500) }),
    ...(typeof done === 'number' && { done }),
  };
}
