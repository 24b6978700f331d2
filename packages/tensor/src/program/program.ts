import { execute, observingCalls, perform } from '../kernels/execute.ts';
import { type Machine, machine } from '../kernels/select.ts';
import { align, memory } from '../memory/linear-memory.ts';
import { allocateOutside, placeIn, type Storage } from '../memory/storage.ts';
import type { DrawSource } from '../memory/watcher.ts';
import type { Tensor } from '../tensor.ts';
import type { Loaded } from '../threads/pool.ts';
import { dropThreadPool, threadCount, threadPool } from '../threads/threads.ts';
import { fuse } from './fuse.ts';
import { type Lowered, lower } from './lower.ts';
import { addressIn, type PlacedStep, performAll, placed } from './placed.ts';
import { plan } from './plan.ts';
import type { Recorder } from './recorder.ts';
import { eachCall, type Operand, type Value } from './step.ts';

/** A step shorter than this runs on one thread: the others would have to be woken. Measured. */
const LONG_NS = 150_000;

/** A random draw of each run. */
interface Draw {
  readonly source: DrawSource;
  /** The argument that takes the source's place; −1 for a generator that is none. */
  readonly generator: number;
  readonly blocks: number;
  /** Where its state is read. */
  readonly address: number;
}

/**
 * A step that was recorded once: kernel calls over fixed addresses. What changes from step to step is read from memory:
 * the inputs, the states of random draws, and the numbers that `everyStep` actions write.
 */
export class Program {
  /** The function's tensor arguments, copied here before each run. */
  readonly inputs: readonly Tensor[];
  /** The function's generators, replaced before each run. */
  readonly generators: DrawSource[];
  readonly steps: readonly PlacedStep[];
  readonly #machine: Machine;
  readonly #recorder: Recorder;
  readonly #draws: readonly Draw[];
  /** Memory for all values of the step. */
  readonly #room: Storage;
  /** Each thread's scratch. */
  #scratch: Storage;
  readonly #scratchBytes: number;
  readonly #addressOf: (value: Value) => number;
  /** Whether it may be worth more than one thread. */
  readonly #long: boolean;
  /** Null where it cannot be WebAssembly; undefined until the first run. */
  #lowered: Lowered | null | undefined;
  #loaded: Loaded | null = null;

  constructor(recorder: Recorder, inputs: readonly Tensor[], results: readonly Operand[], generators: DrawSource[]) {
    this.#recorder = recorder;
    this.generators = generators;
    this.inputs = inputs;
    this.#machine = machine();
    const kept = new Set(results.map(({ value }) => value));
    const steps = fuse(recorder.steps, kept);
    const layout = plan(steps, kept);
    let [scratch, nanoseconds] = [0, 0];
    eachCall(steps, ({ call }) => {
      scratch = Math.max(scratch, call.kernel.wasm?.scratch?.(call) ?? 0);
      nanoseconds += call.kernel.nanoseconds(call);
    });
    this.#scratchBytes = align(scratch);
    this.#scratch = allocateOutside('f32', this.#scratchBytes / 4, true);
    this.#room = allocateOutside('f32', layout.bytes / 4, true);
    const base = this.#room.pointer;
    this.#addressOf = (value) =>
      value.kind === 'fixed' ? value.address : base + (layout.offsets.get(value) as number);
    const draws: Draw[] = [];
    for (const value of layout.offsets.keys()) {
      const address = this.#addressOf(value);
      if (value.data) new Uint8Array(memory.buffer, address, value.bytes).set(value.data);
      const { draw } = value;
      if (draw) draws.push({ ...draw, address, generator: generators.indexOf(draw.source) });
    }
    this.#draws = draws;
    this.steps = placed(steps, this.#addressOf);
    this.#long = nanoseconds >= LONG_NS;
  }

  /** A result's place, which holds its numbers from one run to the next. */
  storageOf(operand: Operand): Storage {
    return placeIn(this.#room, addressIn(operand, this.#addressOf));
  }

  /** Whether all that the recording depended on is as it was, the kernels with their need of scratch among it. */
  get valid(): boolean {
    if (machine() !== this.#machine) return false;
    for (const { read, value } of this.#recorder.guards) if (read() !== value) return false;
    return true;
  }

  /** The next step. */
  run(): void {
    for (const action of this.#recorder.repeated) action();
    for (const { source, generator, address, blocks } of this.#draws) {
      (generator < 0 ? source : this.generators[generator]).writeDraw(address, blocks);
    }
    if (observingCalls()) {
      performAll(this.steps, execute);
      return;
    }
    const threads = this.#long ? threadCount() : 1;
    this.#lower(threads);
    if (threads > 1 && this.#loaded !== null) {
      try {
        if (this.#loaded.pool.run(this.#loaded, this.#lowered?.part0 as () => void)) return;
      } catch (error) {
        if (this.#loaded.pool.closed) dropThreadPool();
        throw error;
      }
    }
    if (this.#lowered) this.#lowered.run();
    else performAll(this.steps, perform);
  }

  /** Lowers the calls for so many threads, unless that has been done. */
  #lower(threads: number): void {
    const loaded = this.#loaded;
    if (this.#lowered !== undefined && (threads === 1 || (loaded?.pool.threads === threads && !loaded.pool.closed)))
      return;
    this.#loaded = null;
    if (threads === 1) {
      this.#lowered = lower(this.steps, this.#machine, this.#scratch.pointer, null);
      return;
    }
    const pool = threadPool();
    this.#scratch = allocateOutside('f32', (threads * this.#scratchBytes) / 4, true);
    const spread = { threads, control: pool.control, scratchBytes: this.#scratchBytes };
    this.#lowered = lower(this.steps, this.#machine, this.#scratch.pointer, spread);
    if (this.#lowered !== null) this.#loaded = pool.load(this.#lowered.bytes, this);
  }
}
