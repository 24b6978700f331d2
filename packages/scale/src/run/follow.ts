import { LatentError } from '@latent/tensor';
import type { Engine, Flow, Job, JobState } from '../engine/engine.ts';
import { encodeJson } from '../store/blob.ts';
import type { CheckedStore } from '../store/store.ts';
import { keys } from './keys.ts';

/** A run that stopped because something is wrong. Called again, it goes on where it stopped. */
export class RunError extends LatentError {
  override name = 'RunError';
  /** The run that it is about. */
  readonly run: string;

  constructor(message: string, run: string) {
    super(message);
    this.run = run;
  }
}

/** Milliseconds between two looks at the queue. */
const SOON = 25;
const LATE = 250;
/** Milliseconds between two looks at the children of a job. */
const CHILDREN = 1000;
/** Milliseconds between two looks for workers, and after which a queue is silent. */
const WORKERS = 5000;
/** Looks at a queue that does not know the job, before it is added again. */
const FORGOTTEN = 20;

/** The session that a run is in: sessions end by a blob that says so, and the first without one goes on. */
export async function currentSession(run: string, store: CheckedStore): Promise<number> {
  let session = 0;
  while ((await store.get(keys.stop(run, session))) !== null) session++;
  return session;
}

/** Ends a session: no round is added after the one under way. */
export async function endSession(run: string, session: number, store: CheckedStore): Promise<void> {
  await store.putOnce(keys.stop(run, session), encodeJson('stop', {}));
}

/**
 * The session, from `session` on, in which a job can be done that has not made its blob yet: one that failed is over, since its jobs would
 * not be done again, and so is one whose blob the store lost.
 */
export async function openSession(
  { run, engine }: Pick<Follow, 'run' | 'engine'>,
  store: CheckedStore,
  session: number,
  made: string,
  flowOf: (session: number) => Flow,
): Promise<number> {
  for (let open = session; ; open++) {
    const { state } = await engine.state(flowOf(open));
    // Between two looks it may have been done.
    const over = state === 'failed' || (state === 'done' && (await store.get(made)) === null);
    if (!over) return open;
    await endSession(run, open, store);
  }
}

/** What a wait is about. */
export interface Follow {
  readonly caller: string;
  readonly run: string;
  readonly engine: Engine;
  readonly signal: AbortSignal | undefined;
  /** Whether work under way is waited for after the signal. */
  readonly toEnd: boolean;
  onWarning(message: string): void;
  /** Warnings that stand. */
  readonly warned: Set<string>;
}

/** Says something once, until it no longer stands. */
function warn({ caller, onWarning, warned }: Follow, about: string, what: string): void {
  if (warned.has(about)) return;
  warned.add(about);
  onWarning(`${caller}: ${what}`);
}

/**
 * Waits until a job is done; says false where the signal ended the wait before. Of a failed one, or of a failed child, the reason is
 * thrown; what workers refuse, that nobody works and that the queue is silent are warnings. A queue that lost the job (a server that came
 * back without its data) is given it again.
 */
export async function awaitJob(follow: Follow, flow: Flow): Promise<boolean> {
  const { caller, run, engine, signal } = follow;
  let pause = SOON;
  let unknown = 0;
  let [looked, counted, seen] = [performance.now(), performance.now(), performance.now()];
  let present = true;
  for (;;) {
    if (signal?.aborted && !follow.toEnd) return false;
    const asked = performance.now();
    const found = await answered(follow, engine.state(flow));
    if (found === null) return false;
    // A server that was away is given time to be found again, by workers too.
    if (performance.now() - asked > LATE)
      [looked, counted, seen] = [performance.now(), performance.now(), performance.now()];
    const { state, reason, note } = found;
    if (state === 'done') return true;
    if (state === 'failed') {
      const cause = (await failedChild(engine, flow.children ?? [])) ?? reason ?? 'no reason was given';
      const ended = /[.?!]$/.test(cause) ? cause : `${cause}.`;
      throw new RunError(
        `${caller}: the run ${run} stopped: ${ended} When that is put right, the same call goes on from there`,
        run,
      );
    }
    unknown = state === 'unknown' ? unknown + 1 : 0;
    if (unknown >= FORGOTTEN) {
      await engine.add(flow);
      unknown = 0;
    }
    // One that is given back is not done, though it is somebody's now and then.
    if (state === 'active' && note?.refused === undefined) seen = performance.now();
    const refused = new Set(note?.refused === undefined ? [] : [note.refused]);
    if (performance.now() - looked > CHILDREN) {
      looked = performance.now();
      for (const child of flow.children ?? []) {
        const { state: of, note: said } = await engine.state(child);
        if (of === 'active' && said?.refused === undefined) seen = performance.now();
        if (said?.refused !== undefined) refused.add(said.refused);
      }
    }
    for (const what of refused) warn(follow, what, `a worker refuses the run ${run}: ${what}`);
    if (performance.now() - counted > WORKERS) {
      counted = performance.now();
      present = (await engine.overview()).workers.length > 0;
      if (present) follow.warned.delete('nobody');
      else {
        warn(
          follow,
          'nobody',
          `no worker is connected to the queue, so the run ${run} waits; start latent-worker (or latent worker) with the same connection, queue and store`,
        );
      }
    }
    // What is under way is waited for: not what nobody does.
    if (signal?.aborted && (!present || performance.now() - seen > WORKERS)) return false;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LATE, pause * 1.1);
  }
}

/**
 * Sees to it that a job is done, in a session that is open. The signal ends that session and is thrown; jobs under way are not waited for.
 */
export async function doneOrStopped(
  follow: Follow,
  store: CheckedStore,
  made: string,
  flowOf: (session: number) => Flow,
): Promise<void> {
  const { run, engine, signal } = follow;
  signal?.throwIfAborted();
  const session = await openSession(follow, store, await currentSession(run, store), made, flowOf);
  const abort = (): void => void endSession(run, session, store).catch(() => {});
  signal?.addEventListener('abort', abort);
  try {
    await engine.add(flowOf(session));
    if (await awaitJob(follow, flowOf(session))) return;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  await endSession(run, session, store);
  signal?.throwIfAborted();
}

/** What the queue says, however long it takes: a server that is gone is waited for, until the signal. Null at that. */
async function answered(follow: Follow, asked: Promise<JobState>): Promise<JobState | null> {
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), WORKERS);
    });
    const found = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
    if (found !== null) {
      follow.warned.delete('silent');
      return found;
    }
    if (follow.signal?.aborted) {
      asked.catch(() => {});
      return null;
    }
    warn(follow, 'silent', `the queue does not answer; the run ${follow.run} waits until its server is there again`);
  }
}

async function failedChild(engine: Engine, children: readonly Job[]): Promise<string | null> {
  for (const child of children) {
    const { state, reason } = await engine.state(child);
    if (state === 'failed') return reason ?? null;
  }
  return null;
}
