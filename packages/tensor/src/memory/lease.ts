import { heap } from './heap.ts';
import { memory } from './linear-memory.ts';
import type { Storage } from './storage.ts';

/**
 * Memory that may be taken away: a recorded step's. All leases together may hold a quarter of what the memory may become;
 * past that, and whenever memory runs out, those that were used longest ago end, and their memory is free at once. Who
 * held one makes it anew when it is needed again. A lease knows storages and nothing else, so it keeps no model alive.
 */
const BUDGET = memory.limit / 4;

/** Most recently used last. */
const leases = /* @__PURE__ */ new Set<Lease>();
let held = 0;
let relieves = false;

export class Lease {
  readonly bytes: number;
  #storages: readonly Storage[];
  #ended = false;
  /** In use right now: cannot be taken away. */
  busy = false;
  /** Told when it ends. */
  readonly #onEnd: (() => void)[] = [];

  /** For storages that are together `bytes`, with what else is kept for them. */
  constructor(bytes: number, storages: readonly Storage[]) {
    this.bytes = bytes;
    this.#storages = storages;
    leases.add(this);
    held += bytes;
    if (!relieves) {
      heap.relieveBy(endOldest);
      relieves = true;
    }
    while (held > BUDGET && endOldest(this));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** `action` must not refer to anything large: it lives as long as the lease. */
  onEnd(action: () => void): void {
    this.#onEnd.push(action);
  }

  /** It is being used: others end before it. */
  touch(): void {
    if (this === newest || this.#ended) return;
    leases.delete(this);
    leases.add(this);
    newest = this;
  }

  /** Gives the memory back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    leases.delete(this);
    if (newest === this) newest = null;
    held -= this.bytes;
    for (const storage of this.#storages) storage.release('recalled');
    this.#storages = [];
    for (const action of this.#onEnd) action();
  }
}

let newest: Lease | null = null;

/** Ends the lease that was used longest ago; false if there is none to end. */
function endOldest(except?: Lease): boolean {
  for (const lease of leases) {
    if (lease.busy || lease === except) continue;
    lease.end();
    return true;
  }
  return false;
}

/** Bytes that leases hold, and may hold together. */
export function leased(): { readonly held: number; readonly budget: number } {
  return { held, budget: BUDGET };
}
