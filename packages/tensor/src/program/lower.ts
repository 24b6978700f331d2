import type { KernelCall } from '../kernels/kernel.ts';
import { type FunctionBuilder, I32, type Local, ModuleBuilder } from '../kernels/wasm/assembler.ts';
import { type ModuleCall, RecordingLinker } from '../kernels/wasm/linker.ts';
import type { Tile } from '../kernels/wasm/tile.ts';
import { memory } from '../memory/linear-memory.ts';
import { defineBarrier } from '../threads/barrier.ts';
import { divided } from './divide.ts';
import { isSharedLoop, meetings, type SharedCall, type SharedStep } from './meetings.ts';
import { isPlacedLoop, type PlacedStep } from './placed.ts';
import type { Loop } from './step.ts';

/** How a program is spread over threads. */
export interface Spread {
  readonly threads: number;
  /** The control words of the thread pool. */
  readonly control: number;
  /** From one thread's scratch to the next's. */
  readonly scratchBytes: number;
}

/** A program as WebAssembly. */
export interface Lowered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** All calls on this thread. */
  run(): void;
  /** This thread's part, the others doing theirs; the same as `run` where there is no spread. */
  part0(): void;
}

/** Steps in one function: engines take long for very long ones. */
export const CHUNK = 200;

/**
 * The calls as one WebAssembly module: the kernels they need, and functions that make the calls, addresses and sizes
 * being constants in them: `run` for one thread, and `part0`, `part1`, … for a spread. Null where not all of the calls can
 * be WebAssembly.
 */
export function lower(
  steps: readonly PlacedStep[],
  tile: Tile | null,
  scratch: number,
  spread: Spread | null,
): Lowered | null {
  if (memory.wasm === null || tile === null || !lowerable(steps)) return null;
  const module = new ModuleBuilder();
  const calls = new CallWriter(new RecordingLinker(module, tile));
  const threads = spread?.threads ?? 1;
  const alone = shared(steps, 1);
  defineThread(module, 'run', alone, (f, step, turns) => calls.write(f, step, 0, scratch, turns));
  if (spread === null) module.export('part0', module.exported('run'));
  else {
    const barrier = defineBarrier(module, spread.control);
    const divided = shared(steps, threads);
    const meet = meetings(divided, threads);
    for (let t = 0; t < threads; t++) {
      const room = scratch + t * spread.scratchBytes;
      const arrive = (f: FunctionBuilder, arrived: Local): void => {
        f.get(arrived).i32(threads).op('i32_add').tee(arrived).call(barrier);
      };
      defineThread(
        module,
        `part${t}`,
        divided,
        (f, step, turns, arrived) => {
          if (meet.has(step)) arrive(f, arrived);
          calls.write(f, step, t, room, turns);
        },
        arrive,
      );
    }
  }
  const bytes = module.bytes(memory.shared);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: memory.wasm } });
  return { bytes, ...(instance.exports as unknown as Pick<Lowered, 'run' | 'part0'>) };
}

/** Calls that stand together, and the loops around them, the outermost first. */
export interface Stretch {
  readonly steps: readonly PlacedStep[];
  readonly around: readonly Loop[];
}

/** One WebAssembly module with a function `s0`, `s1`, … for each stretch, of the turns of the loops around it; null as in `lower`. */
export function lowerStretches(
  stretches: readonly Stretch[],
  tile: Tile | null,
  scratch: number,
): Uint8Array<ArrayBuffer> | null {
  if (memory.wasm === null || tile === null || !stretches.every(({ steps }) => lowerable(steps))) return null;
  const module = new ModuleBuilder();
  const calls = new CallWriter(new RecordingLinker(module, tile));
  for (const [i, { steps, around }] of stretches.entries()) {
    const turns = new Map(around.map((loop, depth) => [loop, depth]));
    const write = (f: FunctionBuilder): void =>
      writeAll(f, shared(steps, 1), turns, (step, inside) => calls.write(f, step, 0, scratch, inside));
    module.define(
      around.map(() => I32),
      [],
      write,
      `s${i}`,
    );
  }
  return module.bytes(memory.shared);
}

function lowerable(steps: readonly PlacedStep[]): boolean {
  return steps.every((step) =>
    isPlacedLoop(step) ? lowerable(step.body) : (step.call.kernel.wasm?.takes(step.call) ?? false),
  );
}

function shared(steps: readonly PlacedStep[], threads: number): SharedStep[] {
  return steps.map(
    (step): SharedStep =>
      isPlacedLoop(step)
        ? { loop: step.loop, body: shared(step.body, threads) }
        : { parts: divided(step.call, threads), moves: step.moves },
  );
}

/** The locals that hold the turns of the loops under way. */
type Turns = ReadonlyMap<Loop, Local>;
const NO_TURNS: Turns = /* @__PURE__ */ new Map();

/**
 * What one thread does, as an exported function that calls one function for each chunk of steps. The chunks pass on how
 * often the thread has met the others.
 */
function defineThread(
  module: ModuleBuilder,
  name: string,
  steps: readonly SharedStep[],
  write: (f: FunctionBuilder, step: SharedCall, turns: Turns, arrived: Local) => void,
  finish?: (f: FunctionBuilder, arrived: Local) => void,
): void {
  const arrived = 0;
  const chunks: FunctionBuilder[] = [];
  for (let i = 0; i < steps.length; i += CHUNK) {
    chunks.push(
      module.define([I32], [I32], (f) => {
        writeAll(f, steps.slice(i, i + CHUNK), NO_TURNS, (step, turns) => write(f, step, turns, arrived));
        f.get(arrived);
      }),
    );
  }
  module.define(
    [],
    [],
    (f) => {
      const count = f.local(I32);
      for (const chunk of chunks) f.get(count).call(chunk).set(count);
      finish?.(f, count);
    },
    name,
  );
}

/** Writes the steps into a function, `write` each call. */
function writeAll(
  f: FunctionBuilder,
  sequence: readonly SharedStep[],
  turns: Turns,
  write: (step: SharedCall, turns: Turns) => void,
): void {
  for (const step of sequence) {
    if (!isSharedLoop(step)) write(step, turns);
    else writeLoop(f, step.loop, turns, (inside) => writeAll(f, step.body, inside, write));
  }
}

function writeLoop(f: FunctionBuilder, loop: Loop, turns: Turns, body: (turns: Turns) => void): void {
  if (loop.turns === 0) return;
  const turn = f.local(I32);
  f.i32(loop.reverse ? loop.turns - 1 : 0).set(turn);
  f.loop(() => {
    body(new Map([...turns, [loop, turn]]));
    if (loop.reverse) f.get(turn).i32(1).op('i32_sub').tee(turn).i32(0).op('i32_ge_s').brIf(0);
    else f.get(turn).i32(1).op('i32_add').tee(turn).i32(loop.turns).op('i32_lt_s').brIf(0);
  });
}

/** Writes the calls of the generated functions that kernels ask for. */
class CallWriter {
  readonly #linker: RecordingLinker;

  constructor(linker: RecordingLinker) {
    this.#linker = linker;
  }

  write(f: FunctionBuilder, { parts, moves }: SharedCall, thread: number, scratch: number, turns: Turns): void {
    const call = parts[thread];
    if (call === null || call === undefined) return;
    const made = this.#callsOf(call, scratch);
    // A kernel's functions get sums of multiples of its pointers, so the next turn shows how each argument goes on.
    const next = moves.map(({ loop, bytes }) => {
      const pointers = call.pointers.map((pointer, i) => pointer + bytes[i]!);
      return { turn: turns.get(loop) as Local, made: this.#callsOf({ ...call, pointers }, scratch) };
    });
    for (const [i, { target, values }] of made.entries()) {
      for (const [j, value] of values.entries()) {
        f.i32(value);
        for (const { turn, made: moved } of next) {
          const stride = (moved[i]!.values[j]! - value) | 0;
          if (stride !== 0) f.get(turn).i32(stride).op('i32_mul').op('i32_add');
        }
      }
      f.call(target);
    }
  }

  #callsOf(call: KernelCall, scratch: number): ModuleCall[] {
    this.#linker.calls.length = 0;
    call.kernel.wasm?.run(call, this.#linker, scratch);
    return [...this.#linker.calls];
  }
}
