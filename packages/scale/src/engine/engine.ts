/** One piece of work: what it is called, and what it is about. A few numbers and names, never data: see `checkJob`. */
export interface Job {
  readonly name: string;
  readonly data: JobData;
}

/** All that a job says. */
export interface JobData {
  /** The run that it belongs to. */
  readonly run: string;
  /** How often the run was started anew after it had stopped. */
  readonly session: number;
  readonly [field: string]: string | number;
}

/** A job, and those that must be done before it. */
export interface Flow extends Job {
  readonly children?: readonly Job[];
}

/** Where a job is, and what was said of it. */
export interface JobState {
  readonly state: 'unknown' | 'waiting' | 'active' | 'done' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  /** What the worker that has it, or gave it back, said last. */
  readonly note?: JobNote;
}

/** What a worker says of a job that it has, or that it gives back. */
export interface JobNote {
  readonly worker: string;
  /** Milliseconds since 1970 by the worker's clock. */
  readonly at: number;
  /** Why the worker does not do it. */
  readonly refused?: string;
  /** The share that is done. */
  readonly done?: number;
}

/** What is known of everything under way. */
export interface Overview {
  readonly waiting: number;
  readonly active: readonly { readonly job: Job; readonly note: JobNote | null; readonly worker: string }[];
  readonly failed: number;
  /** The runs that waiting jobs are of, as they say themselves: of the first hundred. */
  readonly waitingRuns: readonly string[];
  /** Names of workers that are connected. */
  readonly workers: readonly string[];
}

/** How a worker does a job: its children's values in order, and a way to say how far it is. */
export type Handler = (job: Job, children: readonly unknown[], said: (note: JobNote) => void) => Promise<unknown>;

/** A worker's hold on an engine. */
export interface EngineWorker {
  /** Takes no more jobs, and resolves when the one under way is done. */
  close(): Promise<void>;
}

/** How a worker takes jobs. */
export interface EngineWorkerOptions {
  readonly name: string;
  readonly lockSeconds: number;
  onError(error: Error): void;
}

/** What keeps jobs, gives each to a worker at least once, and a parent when all its children are done. */
export interface Engine {
  /** Adds what is not there yet: a job that was added before, done or not, is not added again. */
  add(flow: Flow): Promise<void>;
  state(job: Job): Promise<JobState>;
  work(handler: Handler, options: EngineWorkerOptions): Promise<EngineWorker>;
  overview(): Promise<Overview>;
  close(): Promise<void>;
}

/** Thrown by a handler that gives a job back, to be offered again after so many milliseconds. Not a failure. */
export class GiveBack extends Error {
  readonly milliseconds: number;

  constructor(milliseconds: number, why: string) {
    super(why);
    this.milliseconds = milliseconds;
  }
}

/** Thrown by a handler when trying again would not help. */
export class PermanentError extends Error {}

/** What is the same for the same job, and different for different ones. */
export function jobId({ name, data }: Job): string {
  return [name, ...Object.entries(data).map(([, value]) => value)].join('_');
}
