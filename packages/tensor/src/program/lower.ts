import type { KernelCall } from '../kernels/kernel.ts';
import type { Machine } from '../kernels/select.ts';
import { type FunctionBuilder, ModuleBuilder } from '../kernels/wasm/assembler.ts';
import { RecordingLinker } from '../kernels/wasm/linker.ts';
import { memory } from '../memory/linear-memory.ts';
import { defineBarrier } from '../threads/barrier.ts';
import { part } from './divide.ts';
import { meetings } from './meetings.ts';

/** How a program is spread over threads. */
export interface Spread {
  readonly threads: number;
  /** The control words of the thread pool. */
  readonly control: number;
  /** From one thread's scratch to the next's. */
  readonly scratchBytes: number;
}

export interface Lowered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** All calls on this thread. */
  run(): void;
  /** This thread's part, the others doing theirs; the same as `run` where there is no spread. */
  part0(): void;
}

/**
 * The calls as one WebAssembly module: the kernels they need, and functions that make the calls, addresses and sizes
 * being constants in them: `run` for one thread, and `part0`, `part1`, … for a spread. Null where not all of the calls can
 * be WebAssembly.
 */
export function lower(
  calls: readonly KernelCall[],
  { linker }: Machine,
  scratch: number,
  spread: Spread | null,
): Lowered | null {
  if (memory.wasm === null || linker === null || !calls.every(lowerable)) return null;
  const module = new ModuleBuilder();
  const recorder = new RecordingLinker(module, linker.fused);
  /** Writes the call of each kernel that `call` needs. */
  const emit = (f: FunctionBuilder, call: KernelCall, room: number): void => {
    recorder.calls.length = 0;
    call.kernel.wasm?.run(call, recorder, room);
    for (const { target, values } of recorder.calls) {
      for (const value of values) f.i32(value);
      f.call(target);
    }
  };
  const all = module.reserve([], []);
  const threads = spread?.threads ?? 1;
  const shares = Array.from({ length: threads }, () => module.reserve([], []));
  module.export('run', all);
  for (const [t, share] of shares.entries()) module.export(`part${t}`, share);
  for (const call of calls) emit(all, call, scratch);
  if (spread === null) shares[0].call(all);
  else {
    const barrier = defineBarrier(module, spread.control);
    const parts = calls.map((call) => shares.map((_, t) => part(call, t, threads)));
    const meet = meetings(parts, threads);
    for (const [t, f] of shares.entries()) {
      let arrivals = 0;
      parts.forEach((split, i) => {
        if (meet[i]) {
          arrivals += threads;
          f.i32(arrivals).call(barrier);
        }
        const mine = split[t];
        if (mine !== null) emit(f, mine, scratch + t * spread.scratchBytes);
      });
      f.i32(arrivals + threads).call(barrier);
    }
  }
  const bytes = module.bytes(memory.shared);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: memory.wasm } });
  return { bytes, ...(instance.exports as unknown as Pick<Lowered, 'run' | 'part0'>) };
}

function lowerable(call: KernelCall): boolean {
  return call.kernel.wasm?.takes(call) ?? false;
}
