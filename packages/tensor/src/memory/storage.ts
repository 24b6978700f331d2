import { LifetimeError, UsageError } from '../errors.ts';
import type { DType } from '../kernels/kernel.ts';
import { Arena, type Mark } from './arena.ts';
import { memory } from './linear-memory.ts';
import { poolAllocate, poolFree } from './pool.ts';
import { stepWatcher } from './watcher.ts';

/** Below this a JavaScript array is cheaper than a pool block with its finalizer. */
const POOL_FROM_BYTES = 1024;
/** The epoch of storage that no step owns. */
const FOREVER = 0;

/**
 * Where a tensor's numbers are: at `pointer` in the linear memory, or (pointer −1) in `heap`, an ordinary typed array.
 * The numbers of a step's intermediates are in the arena and end with the step's `epoch`.
 */
export class Storage {
  readonly pointer: number;
  readonly heap: Float32Array | Float64Array | null;
  readonly epoch: number;
  /** At this address for good, and its numbers may change (parameters); others never change. */
  readonly pinned: boolean;
  /** What this is a part of: kept alive. */
  whole: Storage | null = null;

  constructor(pointer: number, heap: Float32Array | Float64Array | null, epoch: number, pinned = false) {
    this.pointer = pointer;
    this.heap = heap;
    this.epoch = epoch;
    this.pinned = pinned;
  }

  get alive(): boolean {
    return this.epoch === FOREVER || this.epoch === currentEpoch;
  }

  /** A view of `size` elements, good until the next allocation. */
  view(dtype: DType, size: number): Float32Array | Float64Array {
    if (this.heap !== null) return this.heap;
    this.checkAlive('read');
    return dtype === 'f32'
      ? memory.f32.subarray(this.pointer / 4, this.pointer / 4 + size)
      : memory.f64.subarray(this.pointer / 8, this.pointer / 8 + size);
  }

  /** As `view`, for numbers that JavaScript looks at. */
  read(dtype: DType, size: number, operation = 'read'): Float32Array | Float64Array {
    stepWatcher()?.read(this, operation);
    return this.view(dtype, size);
  }

  /** The first number, without a view. */
  first(dtype: DType): number {
    stepWatcher()?.read(this, 'item');
    if (this.heap !== null) return this.heap[0];
    this.checkAlive('item');
    return dtype === 'f32' ? memory.f32[this.pointer / 4] : memory.f64[this.pointer / 8];
  }

  /** Writes the first number, without a view. */
  setFirst(dtype: DType, value: number): void {
    if (this.heap !== null) this.heap[0] = value;
    else if (dtype === 'f32') memory.f32[this.pointer / 4] = value;
    else memory.f64[this.pointer / 8] = value;
  }

  /** Takes over `size` numbers of another storage of the same dtype; from and to the linear memory without a view. */
  copyFrom(source: Storage, dtype: DType, size: number): void {
    source.checkAlive('read');
    if (this.heap !== null) {
      this.heap.set(source.view(dtype, size));
      return;
    }
    const target = dtype === 'f32' ? memory.f32 : memory.f64;
    const width = bytesOf(dtype, 1);
    const at = this.pointer / width;
    if (source.heap !== null) target.set(source.heap, at);
    else target.copyWithin(at, source.pointer / width, source.pointer / width + size);
  }

  checkAlive(operation: string): void {
    if (!this.alive) {
      throw new LifetimeError(
        `${operation}: the tensor was made inside a step that has ended; return it from the step to keep it`,
      );
    }
  }
}

const arena = /* @__PURE__ */ new Arena();
let currentEpoch = FOREVER;
let lastEpoch = FOREVER;

const finalizer = /* @__PURE__ */ new FinalizationRegistry<{ pointer: number; bytes: number }>(({ pointer, bytes }) =>
  poolFree(pointer, bytes),
);

export function bytesOf(dtype: DType, size: number): number {
  return dtype === 'f32' ? size * 4 : size * 8;
}

/** Room for a new tensor: in the arena inside a step, else in the pool while it has room, else on the JavaScript heap. */
export function allocate(dtype: DType, size: number): Storage {
  const bytes = bytesOf(dtype, size);
  if (currentEpoch !== FOREVER) return new Storage(inArena(bytes), null, currentEpoch);
  return allocateOutside(dtype, size, false);
}

/** Room that outlives every step. `pinned` storage always has a fixed address (parameters). */
export function allocateOutside(dtype: DType, size: number, pinned: boolean): Storage {
  const bytes = bytesOf(dtype, size);
  if (pinned || bytes >= POOL_FROM_BYTES) {
    const pointer = poolAllocate(bytes, pinned);
    if (pointer >= 0) {
      const storage = new Storage(pointer, null, FOREVER, pinned);
      finalizer.register(storage, { pointer, bytes });
      return storage;
    }
  }
  return new Storage(-1, dtype === 'f32' ? new Float32Array(size) : new Float64Array(size), FOREVER);
}

/** A place inside `whole`, which lives as long as the place does. */
export function placeIn(whole: Storage, pointer: number): Storage {
  const place = new Storage(pointer, null, FOREVER, true);
  place.whole = whole;
  return place;
}

/** Scratch space until `releaseScratch`; inside a step and out it is the arena's free end. */
export function markScratch(): Mark {
  return arena.mark();
}

export function scratch(bytes: number): number {
  return inArena(bytes);
}

/** Room that is good until the next allocation: what a kernel needs while it runs. No recorder is told of it. */
export function roomFor(bytes: number): number {
  return arena.room(bytes);
}

function inArena(bytes: number): number {
  const pointer = arena.allocate(bytes);
  stepWatcher()?.allocated(pointer, bytes);
  return pointer;
}

export function releaseScratch(mark: Mark): void {
  // While a step is recorded every address means one thing.
  if (stepWatcher() === null) arena.release(mark);
}

export function insideStep(): boolean {
  return currentEpoch !== FOREVER;
}

/**
 * Runs `body` with the intermediates in the arena; afterwards `keep` must move what leaves the step to storage of its
 * own, and the rest is given up. Steps do not nest: a step inside a step is part of it.
 */
export function runStep<T>(body: () => T, keep: (result: T) => T): T {
  if (currentEpoch !== FOREVER) return body();
  const mark = arena.mark();
  currentEpoch = ++lastEpoch;
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new UsageError('step: the function must not be async; await outside the step');
    }
    return keep(result);
  } finally {
    arena.release(mark);
    currentEpoch = FOREVER;
  }
}
