import type { KernelCall, Range, Share } from '../kernels/kernel.ts';

/** A call shorter than this is not worth a meeting of the threads. */
const SHORTEST_NS = 1200;

/**
 * The parts of `call` that the threads do; null for one that has nothing to do. The parts write different elements, and
 * each element is computed as in the whole call, so the result has the same bits.
 */
export function divided(
  call: KernelCall,
  threads: number,
  shortest: number = SHORTEST_NS,
): readonly (KernelCall | null)[] {
  const { kernel } = call;
  const whole = threads === 1 || kernel.nanoseconds(call) < shortest;
  return Array.from({ length: threads }, (_, thread) =>
    whole ? (thread === 0 ? call : null) : kernel.split(call, new ThreadShare(thread, threads)),
  );
}

class ThreadShare implements Share {
  readonly threads: number;
  readonly #thread: number;

  constructor(thread: number, threads: number) {
    this.#thread = thread;
    this.threads = threads;
  }

  of(units: number, granule = 1): Range {
    const begin = this.#edge(this.#thread, units, granule);
    return { begin, count: this.#edge(this.#thread + 1, units, granule) - begin };
  }

  /** Where the part of thread number `thread` begins: the nearest whole granule, so that no thread waits long for another. */
  #edge(thread: number, units: number, granule: number): number {
    if (thread === this.threads) return units;
    return Math.min(units, Math.round((units * thread) / this.threads / granule) * granule);
  }

  whole<C>(call: C): C | null {
    return this.#thread === 0 ? call : null;
  }
}
