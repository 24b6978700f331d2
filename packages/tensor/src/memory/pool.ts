import { align, memory } from './linear-memory.ts';

/** Tensors made outside a step live in the pool until it holds this much; past it they live on the JavaScript heap. */
const CAP = 128 << 20;
const SMALLEST = 64;

/**
 * Size classes with free lists: a request is rounded up to a quarter of a power of two, so at most a fifth is wasted and
 * freed blocks fit the next request of the same shape.
 */
const free = new Map<number, number[]>();
let live = 0;
let reserved = 0;

function sizeClass(bytes: number): number {
  const size = Math.max(SMALLEST, align(bytes));
  const quarter = 2 ** Math.max(6, Math.floor(Math.log2(size)) - 2);
  return Math.ceil(size / quarter) * quarter;
}

/** A block of at least `bytes`, or -1 when the pool is full. `pinned` blocks (parameters) are not held to the cap. */
export function poolAllocate(bytes: number, pinned = false): number {
  const size = sizeClass(bytes);
  const list = free.get(size);
  if (list !== undefined && list.length > 0) {
    live += size;
    return list.pop() as number;
  }
  if (!pinned && reserved + size > CAP) return -1;
  live += size;
  reserved += size;
  return memory.reserve(size);
}

export function poolFree(pointer: number, bytes: number): void {
  const size = sizeClass(bytes);
  live -= size;
  const list = free.get(size);
  if (list === undefined) free.set(size, [pointer]);
  else list.push(pointer);
}

/** Bytes of the pool in use, and bytes it has taken from the linear memory. */
export function poolUsage(): { live: number; reserved: number } {
  return { live, reserved };
}
