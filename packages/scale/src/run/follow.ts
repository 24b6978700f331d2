import { LatentError } from '@latent/tensor';
import type { Engine, Flow, Job } from '../engine/engine.ts';
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

/** What a wait is about. */
export interface Follow {
  readonly caller: string;
  readonly run: string;
  readonly engine: Engine;
  onWarning(message: string): void;
}

/**
 * Waits until a job is done. Of a failed one, or of a failed child, the reason is thrown; what workers refuse is a warning. A queue that
 * lost the job (a server that came back without its data) is given it again.
 */
export async function awaitJob({ caller, run, engine, onWarning }: Follow, flow: Flow): Promise<void> {
  let pause = SOON;
  let unknown = 0;
  let looked = performance.now();
  const warned = new Set<string>();
  for (;;) {
    const { state, reason, note } = await engine.state(flow);
    if (state === 'done') return;
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
    const refused = new Set(note?.refused === undefined ? [] : [note.refused]);
    if (performance.now() - looked > CHILDREN) {
      looked = performance.now();
      for (const child of flow.children ?? []) {
        const { note: said } = await engine.state(child);
        if (said?.refused !== undefined) refused.add(said.refused);
      }
    }
    for (const what of refused) if (!warned.has(what)) onWarning(`${caller}: a worker refuses the run ${run}: ${what}`);
    for (const what of refused) warned.add(what);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LATE, pause * 1.1);
  }
}

async function failedChild(engine: Engine, children: readonly Job[]): Promise<string | null> {
  for (const child of children) {
    const { state, reason } = await engine.state(child);
    if (state === 'failed') return reason ?? null;
  }
  return null;
}
