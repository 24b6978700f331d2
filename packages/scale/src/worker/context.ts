import type { ArrayDataset } from '@latent/nn';
import type { DataAccess } from '../data/read.ts';
import type { Flow, JobData, JobNote } from '../engine/engine.ts';
import type { WorkerModule } from '../model/kind.ts';
import type { Order } from '../run/order.ts';
import type { CheckedStore } from '../store/store.ts';

/** What a worker keeps of a run from job to job. All of it could be read again. */
export class RunMemory {
  /** The session it was begun in. In another the store may have lost what it had, and a name may stand for something else. */
  readonly session: number;
  order: Order | null = null;
  /** Whether this worker's arithmetic is the run's. */
  trusted = false;
  readonly #kept = new Map<string, unknown>();

  constructor(session: number) {
    this.session = session;
  }

  /** What is kept under a name, made where it is not there. */
  async keep<T>(name: string, make: () => Promise<T> | T): Promise<T> {
    const known = this.#kept.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const made = Promise.resolve(make());
    this.#kept.set(name, made);
    // What failed is tried again.
    made.catch(() => this.#kept.delete(name));
    return made;
  }
}

/** A shard whose training is under way here, and waits for its next round. */
export interface Live {
  /** Of the run, as in its memory. */
  readonly session: number;
  /** The round that it can go on with. */
  readonly round: number;
  stop(): void;
}

/** The shards of all runs that wait here, up to so many; the one that waits longest makes room. */
export class LiveShards {
  readonly #most: number;
  readonly #live = new Map<string, Live>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The shard, if it waits here for this round; it is then the caller's. */
  take(run: string, session: number, shard: number, round: number): Live | null {
    const key = `${run}/${shard}`;
    const found = this.#live.get(key);
    if (found === undefined) return null;
    this.#live.delete(key);
    if (found.session === session && found.round === round) return found;
    found.stop();
    return null;
  }

  put(run: string, shard: number, live: Live): void {
    const key = `${run}/${shard}`;
    this.#live.get(key)?.stop();
    this.#live.set(key, live);
    for (const [oldest, waiting] of this.#live) {
      if (this.#live.size <= this.#most) break;
      waiting.stop();
      this.#live.delete(oldest);
    }
  }

  /** Whether another shard of the run waits here for this round. */
  others(run: string, shard: number, round: number): boolean {
    for (const [key, live] of this.#live) {
      if (key.startsWith(`${run}/`) && key !== `${run}/${shard}` && live.round === round) return true;
    }
    return false;
  }

  clear(): void {
    for (const live of this.#live.values()) live.stop();
    this.#live.clear();
  }
}

/** What a job is done with. */
export interface JobContext {
  readonly run: string;
  readonly session: number;
  readonly worker: string;
  /** The run's store; what this job moves through it is counted. */
  readonly store: CheckedStore;
  readonly access: DataAccess;
  readonly module: WorkerModule;
  readonly memory: RunMemory;
  readonly live: LiveShards;
  /** What the children's jobs returned; from a queue that others may write to, so not to be relied on. */
  readonly children: readonly unknown[];
  readonly order: Order;
  /** Says how far the job is. */
  said(note: Omit<JobNote, 'worker' | 'at'>): void;
  /** Whether this job was given back here fewer than so many times; counts. */
  mayPass(times: number): boolean;
}

/** What a job leaves: jobs that come after it, and numbers for who asks. */
export interface JobResult {
  readonly next?: readonly Flow[];
  readonly report?: Readonly<Record<string, number | string>>;
}

/** What every job's value has. */
export interface JobReport {
  readonly worker: string;
  readonly seconds: number;
  /** When it was done, in milliseconds since 1970 by the worker's clock. */
  readonly at: number;
  readonly got: number;
  readonly put: number;
  /** Of these, what a worker needs once: order, model, and rows that are in the store. */
  readonly startBytes: number;
  readonly [name: string]: number | string;
}

/** One type of job: what it says beside its run, and how it is done. */
export interface JobType {
  /** The names of its numbers, whole and from 0. */
  readonly numbers: readonly string[];
  /** Names among its data that are texts, with what they may be. */
  readonly texts?: Readonly<Record<string, readonly string[]>>;
  run(context: JobContext, data: JobData): Promise<JobResult>;
}

/** Data sets that are the same for all jobs of a run. */
export type KeptDataset = ArrayDataset;
