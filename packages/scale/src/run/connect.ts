import { ValueError } from '@latent/tensor';
import { bullmqEngine } from '../engine/bullmq.ts';
import type { Engine } from '../engine/engine.ts';
import type { LocalEngine } from '../engine/local.ts';
import type { WorkerModule } from '../model/kind.ts';
import { CheckedStore } from '../store/store.ts';
import { type StoreLike, storeOf } from '../store/store-of.ts';
import { startWorker, type WorkerHandle } from '../worker/start-worker.ts';

/** Where a run is done: by workers behind a queue, or in this process. */
export interface RunPlace {
  /** Where blobs are: a folder or URL that all workers reach, or an object of yours. */
  readonly store: StoreLike;
  /** `redis://…` or `postgres://…`, where workers listen. */
  readonly connection?: string;
  /** The queue's name; 'latent' by default. */
  readonly queue?: string;
  /** In place of a connection: `localEngine()`. */
  readonly engine?: Engine;
  /** For `localEngine()`: what a worker's module would bring. */
  readonly module?: WorkerModule;
  /** For `localEngine()`: folders and URLs that may be read. */
  readonly data?: readonly string[];
  /** The run's name: at most 64 small letters, digits and hyphens; made of what is asked by default. */
  readonly run?: string;
  /**
   * Ends the wait, and the run, which can go on later: training stops after the round under way and says so, scores and sweeps reject with
   * the signal's reason.
   */
  readonly signal?: AbortSignal;
  /** Told what is odd about the data, why workers refuse, and that nobody works; the console's `warn` by default. */
  onWarning?(message: string): void;
}

/** A place as it is used. */
export interface Place {
  readonly engine: Engine;
  readonly store: CheckedStore;
}

function isLocal(engine: Engine): engine is LocalEngine {
  return typeof (engine as Partial<LocalEngine>).workers === 'number';
}

/** Does `body` at a place, with workers of its own where the engine is in this process, and closes what was opened. */
export async function atPlace<T>(caller: string, place: RunPlace, body: (opened: Place) => Promise<T>): Promise<T> {
  const { connection, queue, engine: given, module = {}, data = [] } = place;
  if ((connection === undefined) === (given === undefined)) {
    throw new ValueError(`${caller}: give a connection, redis://… or postgres://…, or engine: localEngine()`);
  }
  const { store, close } = storeOf(caller, place.store);
  const engine = given ?? bullmqEngine({ connection: connection as string, ...(queue !== undefined && { queue }) });
  const workers: WorkerHandle[] = [];
  try {
    if (isLocal(engine)) {
      for (let i = 0; i < engine.workers; i++) {
        workers.push(await startWorker({ engine, store, module, data, name: `local-${i}`, onMessage: () => {} }));
      }
    }
    return await body({ engine, store: new CheckedStore(store) });
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
    if (given === undefined) await engine.close();
    await close();
  }
}
