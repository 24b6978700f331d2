import { type DType, elementBytes } from '../dtype.ts';
import { LifetimeError, MemoryError, UsageError } from '../errors.ts';
import { Arena, type Mark } from './arena.ts';
import { type Holder, heap } from './heap.ts';
import { type LinearMemory, memory } from './linear-memory.ts';
import { stepWatcher } from './watcher.ts';

/** Below this a JavaScript array is cheaper than a block with its finalizer. */
const HEAP_FROM_BYTES = 1024;
/** Tensors made outside a step live in the linear memory until they hold this much; past it they live on the JavaScript heap. */
const TENSORS_CAP = 128 << 20;

/** The epoch of storage that no step owns, … */
const FOREVER = 0;
/** … and of storage that was given up: by `dispose()`, or with the recording that it was a part of. */
const DISPOSED = -1;
const RECALLED = -2;

/** A block of the linear memory that a storage owns. */
interface Block {
  readonly pointer: number;
  readonly bytes: number;
  readonly holder: Holder;
}

/**
 * Where a tensor's numbers are: at `pointer` in the linear memory, or (pointer −1) in `heap`, an ordinary typed array.
 * The numbers of a step's intermediates are in the arena and end with the step's `epoch`.
 */
export class Storage {
  /** At this address for good, and its numbers may change (parameters); others never change. */
  readonly pinned: boolean;
  /** What this is a part of: kept alive. */
  whole: Storage | null = null;
  #pointer: number;
  #heap: Float32Array | Float64Array | null;
  #epoch: number;
  #block: Block | null;
  #version = 0;

  constructor(
    pointer: number,
    array: Float32Array | Float64Array | null,
    epoch: number,
    pinned = false,
    block: Block | null = null,
  ) {
    this.#pointer = pointer;
    this.#heap = array;
    this.#epoch = epoch;
    this.#block = block;
    this.pinned = pinned;
    if (block !== null) finalizer.register(this, block, this);
  }

  /** The memory that it is of: another copy of this package has another. */
  get memory(): LinearMemory {
    return memory;
  }

  get pointer(): number {
    return this.#pointer;
  }

  get heap(): Float32Array | Float64Array | null {
    return this.#heap;
  }

  get alive(): boolean {
    return this.#epoch === FOREVER || this.#epoch === currentEpoch;
  }

  /** Whether it ends with the step under way. */
  get temporary(): boolean {
    return this.#epoch > FOREVER;
  }

  /** What this is a part of, itself where it is whole. */
  get root(): Storage {
    return this.whole?.root ?? this;
  }

  /** Of the block that it owns. */
  get bytes(): number {
    return this.#block?.bytes ?? 0;
  }

  /** Goes up whenever JavaScript writes over the numbers. */
  get version(): number {
    return this.#version;
  }

  /** The numbers from byte `from` to byte `to`, which live as long as these. */
  part(from: number, to: number): Storage {
    const array = this.#heap;
    const width = array?.BYTES_PER_ELEMENT ?? 1;
    const part =
      array === null
        ? new Storage(this.#pointer + from, null, this.#epoch, this.pinned)
        : new Storage(-1, array.subarray(from / width, to / width), this.#epoch, this.pinned);
    part.whole = this;
    return part;
  }

  /** A view of `size` elements, good until the next allocation. */
  view(dtype: DType, size: number, operation = 'read'): Float32Array | Float64Array {
    if (this.#heap !== null) return this.#heap;
    this.checkAlive(operation);
    return dtype === 'f32'
      ? memory.f32.subarray(this.#pointer / 4, this.#pointer / 4 + size)
      : memory.f64.subarray(this.#pointer / 8, this.#pointer / 8 + size);
  }

  /** As `view`, for numbers that JavaScript looks at. */
  read(dtype: DType, size: number, operation = 'read'): Float32Array | Float64Array {
    stepWatcher()?.read(this, operation);
    return this.view(dtype, size, operation);
  }

  /** The first number, without a view. */
  first(dtype: DType): number {
    stepWatcher()?.read(this, 'item');
    if (this.#heap !== null) return this.#heap[0] as number;
    this.checkAlive('item');
    return (dtype === 'f32' ? memory.f32[this.#pointer / 4] : memory.f64[this.#pointer / 8]) as number;
  }

  /** To be called before JavaScript writes over the numbers by a view. */
  changes(): void {
    this.#version++;
    touch?.(this, true);
  }

  /** Writes the first number, without a view. */
  setFirst(dtype: DType, value: number): void {
    this.changes();
    if (this.#heap !== null) {
      this.#heap[0] = value;
      return;
    }
    this.checkAlive('assign');
    if (dtype === 'f32') memory.f32[this.#pointer / 4] = value;
    else memory.f64[this.#pointer / 8] = value;
  }

  /** Takes over `size` numbers of another storage of the same dtype; from and to the linear memory without a view. */
  copyFrom(source: Storage, dtype: DType, size: number): void {
    source.checkAlive('read');
    this.changes();
    if (this.#heap !== null) {
      this.#heap.set(source.view(dtype, size));
      return;
    }
    this.checkAlive('assign');
    const target = dtype === 'f32' ? memory.f32 : memory.f64;
    const width = elementBytes(dtype);
    const at = this.#pointer / width;
    if (source.#heap !== null) target.set(source.#heap, at);
    else target.copyWithin(at, source.#pointer / width, source.#pointer / width + size);
  }

  /** Moves the numbers to the linear memory, so that they have an address for the rest of their life. */
  settle(): void {
    const array = this.#heap;
    if (array === null) return;
    const bytes = array.byteLength;
    const block = { pointer: heap.take(bytes, 'parameters'), bytes, holder: 'parameters' as const };
    if (array instanceof Float32Array) memory.f32.set(array, block.pointer / 4);
    else memory.f64.set(array, block.pointer / 8);
    finalizer.register(this, block, this);
    this.#heap = null;
    this.#pointer = block.pointer;
    this.#block = block;
  }

  /** Gives the memory back now. Whoever uses the numbers afterwards is told. */
  release(reason: 'disposed' | 'recalled' = 'disposed'): void {
    if (this.#epoch < FOREVER) return;
    touch?.(this, true);
    this.#epoch = reason === 'disposed' ? DISPOSED : RECALLED;
    this.#heap = null;
    ends++;
    const block = this.#block;
    if (block === null) return;
    this.#block = null;
    finalizer.unregister(this);
    heap.give(block.pointer, block.bytes, block.holder);
  }

  checkAlive(operation: string): void {
    touch?.(this, false);
    if (this.alive) return;
    const why =
      this.#epoch === DISPOSED
        ? 'the tensor was disposed'
        : this.#epoch === RECALLED
          ? 'the tensor was in the memory of a compiled function, which was given back; read it before other functions run, or leave out { reuse: true }'
          : 'the tensor was made inside a step that has ended; return it from the step to keep it';
    throw new LifetimeError(`${operation}: ${why}`);
  }
}

/** Told before numbers are read, or written over (`writes`). */
export type Touch = (storage: Storage, writes: boolean) => void;

let touch: Touch | null = null;

/** Whom to tell before numbers are read or written over, while a program is half done; null for nobody. */
export function setTouch(next: Touch | null): void {
  touch = next;
}

/** Who is told. */
export function touching(): Touch | null {
  return touch;
}

const finalizer = /* @__PURE__ */ new FinalizationRegistry<Block>(({ pointer, bytes, holder }) =>
  heap.give(pointer, bytes, holder),
);

const arena = /* @__PURE__ */ new Arena();
let currentEpoch = FOREVER;
let lastEpoch = FOREVER;
/** How many storages were given up before their time. */
let ends = 0;

/** Changes whenever some storage was given up before its time, so that who relies on one looks again. */
export function storageEnds(): number {
  return ends;
}

export function bytesOf(dtype: DType, size: number): number {
  return size * elementBytes(dtype);
}

/** Room for a new tensor: in the arena inside a step, else in the heap while tensors have room there, else a JavaScript array. */
export function allocate(dtype: DType, size: number): Storage {
  if (currentEpoch !== FOREVER) return new Storage(inArena(bytesOf(dtype, size)), null, currentEpoch);
  return allocateOutside(dtype, size);
}

/** Room that outlives every step, in a JavaScript array where the heap has none to spare. */
export function allocateOutside(dtype: DType, size: number): Storage {
  const bytes = bytesOf(dtype, size);
  if (bytes >= HEAP_FROM_BYTES && heap.held.tensors + bytes <= TENSORS_CAP) return owned(bytes, 'tensors', false);
  return new Storage(-1, javaScriptArray(dtype, size), FOREVER);
}

/** Room at an address that stays, whatever its size (parameters, programs). */
export function allocatePinned(bytes: number, holder: Holder): Storage {
  return owned(bytes, holder, true);
}

function owned(bytes: number, holder: Holder, pinned: boolean): Storage {
  const pointer = heap.take(bytes, holder);
  return new Storage(pointer, null, FOREVER, pinned, { pointer, bytes, holder });
}

function javaScriptArray(dtype: DType, size: number): Float32Array | Float64Array {
  try {
    return dtype === 'f32' ? new Float32Array(size) : new Float64Array(size);
  } catch {
    throw new MemoryError(
      `memory: ${bytesOf(dtype, size)} bytes are needed for a tensor outside a step, and JavaScript has no room for them; compute in a step, or with smaller tensors`,
    );
  }
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

let relieves = false;

/**
 * Runs `body` with the intermediates in the arena; afterwards `keep` must move what leaves the step to storage of its
 * own, and the rest is given up. Steps do not nest: a step inside a step is part of it.
 */
export function runStep<T>(body: () => T, keep: (result: T) => T): T {
  if (currentEpoch !== FOREVER) return body();
  if (!relieves) {
    // What the arena holds between steps is given back when memory runs out.
    heap.relieveBy(() => arena.giveBack());
    relieves = true;
  }
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
