import {
  type Engine,
  type EngineWorker,
  type Flow,
  GiveBack,
  type Handler,
  type Job,
  type JobNote,
  jobId,
  PermanentError,
} from './engine.ts';
import { checkedJob } from './job-size.ts';

interface Entry {
  readonly job: Job;
  readonly children: readonly string[];
  parent: string | null;
  state: 'blocked' | 'waiting' | 'active' | 'done' | 'failed';
  value: unknown;
  reason?: string;
  note?: JobNote;
  worker: string;
  attempts: number;
}

/** What may be arranged to go wrong in `localEngine`, for tests and simulations. */
export interface LocalFaults {
  /** Asked before a job is given out: `twice` gives it to a second worker as well, `lose` forgets its result and does it again. */
  fault?(job: Job): 'twice' | 'lose' | undefined;
  /** Which of the waiting jobs is next; the first by default. */
  pick?(waiting: readonly Job[]): number;
}

/** How `localEngine` works. */
export interface LocalEngineOptions extends LocalFaults {
  /** Workers in this process, which take turns; 1 by default. */
  readonly workers?: number;
}

/** Times that a job is tried. */
const ATTEMPTS = 3;

/** An engine in this process, and how many workers it is to have. */
export interface LocalEngine extends Engine {
  readonly workers: number;
}

/**
 * The jobs of a run in this process, without a server: for tests, for trying things out, and to see what many workers would
 * come to. Jobs go through JSON as they would elsewhere, and the results have the same bits.
 */
export function localEngine({ workers = 1, fault, pick }: LocalEngineOptions = {}): LocalEngine {
  const entries = new Map<string, Entry>();
  const waiting: string[] = [];
  const present = new Set<string>();
  let idle: (() => void)[] = [];
  let closed = false;

  const wake = (): void => {
    const woken = idle;
    idle = [];
    for (const resume of woken) resume();
  };
  const offer = (id: string): void => {
    const entry = entries.get(id) as Entry;
    entry.state = 'waiting';
    waiting.push(id);
    wake();
  };
  const insert = (job: Job, children: readonly string[], parent: string | null): void => {
    const id = jobId(job);
    const known = entries.get(id);
    if (known !== undefined) {
      known.parent ??= parent;
      return;
    }
    const copy = checkedJob(job);
    entries.set(id, { job: copy, children, parent, state: 'blocked', value: null, worker: '', attempts: 0 });
    if (children.every((child) => entries.get(child)?.state === 'done')) offer(id);
  };
  const settled = (id: string): void => {
    const { parent } = entries.get(id) as Entry;
    const above = parent === null ? undefined : entries.get(parent);
    if (above?.state !== 'blocked') return;
    const states = above.children.map((child) => entries.get(child)?.state);
    const failed = above.children.find((child) => entries.get(child)?.state === 'failed');
    if (failed !== undefined) {
      above.state = 'failed';
      above.reason = (entries.get(failed) as Entry).reason ?? '';
    } else if (states.every((state) => state === 'done')) offer(parent as string);
  };

  const attempt = async (id: string, entry: Entry, handler: Handler, lost: boolean): Promise<void> => {
    const children = entry.children.map((child) => entries.get(child)?.value ?? null);
    try {
      const value = JSON.parse(
        JSON.stringify(
          (await handler(entry.job, children, (note) => {
            entry.note = note;
          })) ?? null,
        ),
      ) as unknown;
      if (entry.state === 'done') return;
      if (lost) return offer(id);
      entry.state = 'done';
      entry.value = value;
      settled(id);
    } catch (error) {
      if (entry.state === 'done') return;
      if (error instanceof GiveBack) {
        setTimeout(() => offer(id), error.milliseconds).unref();
        entry.state = 'blocked';
        return;
      }
      entry.attempts++;
      if (!(error instanceof PermanentError) && entry.attempts < ATTEMPTS) return offer(id);
      entry.state = 'failed';
      entry.reason = error instanceof Error ? error.message : String(error);
      settled(id);
    }
  };

  return {
    workers,
    async add(flow: Flow) {
      const id = jobId(flow);
      const children = (flow.children ?? []).map(jobId);
      if (entries.has(id)) return;
      for (const child of flow.children ?? []) insert(child, [], id);
      insert({ name: flow.name, data: flow.data }, children, null);
    },
    async state(job) {
      const entry = entries.get(jobId(job));
      if (entry === undefined) return { state: 'unknown' };
      const { state, reason, note } = entry;
      return {
        state: state === 'blocked' ? 'waiting' : state,
        ...(reason !== undefined && { reason }),
        ...(note !== undefined && { note }),
      };
    },
    async work(handler, { name }): Promise<EngineWorker> {
      let open = true;
      present.add(name);
      const loop = async (): Promise<void> => {
        while (open && !closed) {
          const at = pick === undefined ? 0 : pick(waiting.map((id) => (entries.get(id) as Entry).job));
          const [id] = waiting.splice(at, 1);
          if (id === undefined) {
            await new Promise<void>((resolve) => idle.push(resolve));
            continue;
          }
          const entry = entries.get(id) as Entry;
          entry.state = 'active';
          entry.worker = name;
          const how = fault?.(entry.job);
          const both = how === 'twice' ? [attempt(id, entry, handler, false)] : [];
          await Promise.all([...both, attempt(id, entry, handler, how === 'lose')]);
        }
      };
      const done = loop();
      return {
        async close() {
          open = false;
          wake();
          await done;
          present.delete(name);
        },
      };
    },
    async overview() {
      const all = [...entries.values()];
      const next = all.filter(({ state }) => state === 'waiting' || state === 'blocked');
      return {
        waiting: next.length,
        waitingRuns: [...new Set(next.slice(0, 100).map(({ job }) => job.data.run))],
        active: all
          .filter(({ state }) => state === 'active')
          .map(({ job, note, worker }) => ({ job, note: note ?? null, worker })),
        failed: all.filter(({ state }) => state === 'failed').length,
        workers: [...present],
      };
    },
    async close() {
      closed = true;
      wake();
    },
  };
}
