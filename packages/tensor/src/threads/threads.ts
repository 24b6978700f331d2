import { ValueError } from '../errors.ts';
import { memory } from '../memory/linear-memory.ts';
import { describeValue } from '../options.ts';
import { nodeModule, ThreadPool } from './pool.ts';
import { MAX_THREADS } from './worker-source.ts';

/** More threads than this wait for memory more than they compute. */
const MOST_AUTOMATIC = 8;

let wanted: number | 'auto' = 'auto';
let pool: ThreadPool | null = null;
let blocking: boolean | null = null;
/** Workers cannot be had here, as was found out. */
let refused = false;
let warned = false;

/**
 * How many threads compiled steps use: a number, or `auto` (the default), one for each core up to 8. Results do not
 * depend on it. Small steps stay on one thread, and so does everything where memory cannot be shared (a page that is not
 * cross-origin isolated), the calling thread may not block (a page's main thread: train in a worker), or workers cannot be
 * started (a policy or a permission forbids them; there is one warning).
 */
export function useThreads(threads: number | 'auto'): void {
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new ValueError(
      `useThreads: must be 'auto' or a whole number from 1 to ${MAX_THREADS}, got ${describeValue(threads)}`,
    );
  }
  wanted = threads;
  refused = false;
}

/** How many threads a large step may use here and now. */
export function threadCount(): number {
  if (wanted === 1 || refused || !memory.shared || !mayBlock()) return 1;
  return wanted === 'auto' ? Math.min(MOST_AUTOMATIC, cores()) : wanted;
}

/** The workers, started when they are first wanted; null where there are none to be had: then everything runs on one thread. */
export function threadPool(): ThreadPool | null {
  if (pool !== null && pool.threads !== threadCount()) pool.close();
  if (pool === null || pool.closed) pool = new ThreadPool(threadCount());
  if (pool.stillborn === null) return pool;
  pool.close();
  refused = true;
  if (!warned) {
    console.warn(`threads: workers cannot be started here (${pool.stillborn}); steps run on one thread`);
    warned = true;
  }
  return null;
}

/** Whether the workers are there, or on their way. */
export function threadsStarted(): boolean {
  return pool !== null && !pool.closed;
}

/** Forgets a pool that failed, so that the next step starts a new one. */
export function dropThreadPool(): void {
  pool = null;
}

function cores(): number {
  const os = nodeModule<{ availableParallelism(): number }>('node:os');
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

function mayBlock(): boolean {
  if (blocking === null) {
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
      blocking = true;
    } catch {
      blocking = false;
    }
  }
  return blocking;
}
