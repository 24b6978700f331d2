import { align } from '../memory/linear-memory.ts';
import { allocatePinned, type Storage } from '../memory/storage.ts';

/** By bytes for one thread and the number of threads. Kept for good: programs have the addresses in their code. */
const rooms = /* @__PURE__ */ new Map<string, Storage>();

/**
 * What kernels of programs need while they run, for each thread so many bytes from one to the next. Programs run one at a
 * time, so they share it.
 */
export function programScratch(bytes: number, threads: number): { readonly pointer: number; readonly bytes: number } {
  if (bytes === 0) return { pointer: 0, bytes: 0 };
  // A power of two, so that there are few rooms and the largest is as large as all others together.
  const each = align(2 ** Math.ceil(Math.log2(bytes)));
  const key = `${each} ${threads}`;
  let room = rooms.get(key);
  if (room === undefined) {
    room = allocatePinned(each * threads, 'threads');
    rooms.set(key, room);
  }
  return { pointer: room.pointer, bytes: each };
}
