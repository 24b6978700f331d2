import { execute, observingCalls, perform } from '../kernels/execute.ts';
import { type Machine, machine, measureTiles, tileNow } from '../kernels/select.ts';
import type { Tile } from '../kernels/wasm/tile.ts';
import { Lease } from '../memory/lease.ts';
import { memory } from '../memory/linear-memory.ts';
import { allocatePinned, placeIn, type Storage, storageEnds, touching } from '../memory/storage.ts';
import type { DrawSource } from '../memory/watcher.ts';
import type { Tensor } from '../tensor.ts';
import type { Loaded } from '../threads/pool.ts';
import { dropThreadPool, threadCount, threadPool, threadsStarted } from '../threads/threads.ts';
import { checksFirst, Faults } from './faults.ts';
import { fuse } from './fuse.ts';
import { type Lowered, lower } from './lower.ts';
import { addressIn, type PlacedStep, performAll, placed, writes } from './placed.ts';
import { plan } from './plan.ts';
import type { Guard, Recorder } from './recorder.ts';
import { programScratch } from './scratch.ts';
import { eachCall, type Operand, type Value } from './step.ts';

/** A step shorter than this runs on one thread: the others would have to be woken. Measured. */
const LONG_NS = 150_000;
/** What a recording holds besides its numbers, about: of itself, and for each call (data, WebAssembly, machine code). */
const RECORDING_BYTES = 16 << 10;
const CALL_BYTES = 1 << 10;

/** A random draw of each run. */
interface Draw {
  readonly source: DrawSource;
  /** The argument that takes the source's place; −1 for a generator that is none. */
  readonly generator: number;
  readonly blocks: number;
  /** Where its state is read; −1 where nobody reads it, and the generator only goes on. */
  readonly address: number;
}

/** When a program is given up, so is its memory. */
const collected = /* @__PURE__ */ new FinalizationRegistry<Lease>((lease) => lease.end());

/**
 * A step that was recorded once: kernel calls over fixed addresses. What changes from step to step is read from memory:
 * the inputs, the states of random draws, and the numbers that `everyStep` actions write. Its memory is a lease, which may
 * end at any time between two runs.
 */
export class Program {
  /** The function's tensor arguments, copied here before each run. */
  readonly inputs: readonly Tensor[];
  /** The function's generators, replaced before each run. */
  readonly generators: DrawSource[];
  /** The places of the results, which hold their numbers from one run to the next. */
  readonly results: readonly Storage[];
  readonly lease: Lease;
  readonly #steps: readonly PlacedStep[];
  readonly #machine: Machine;
  readonly #repeated: readonly (() => void)[];
  readonly #guards: readonly Guard[];
  /** What the step reads and writes outside. */
  readonly #used: readonly Storage[];
  readonly #draws: readonly Draw[];
  /** Null where the step checks nothing. */
  readonly #faults: Faults | null;
  /** Memory for all values of the step. */
  readonly #room: Storage;
  readonly #scratchBytes: number;
  readonly #addressOf: (value: Value) => number;
  /** Whether it may be worth more than one thread. */
  readonly #long: boolean;
  /** What was drawn for the first run, and its actions, are done already. */
  #begun: boolean;
  /** Nothing was computed yet: what is wanted is the result, and not all that makes the next ones quick. */
  #first: boolean;
  /** Of what is used outside, what is written; made when it is asked for. */
  #written: ReadonlySet<Storage> | null = null;
  /** Null where it cannot be WebAssembly; undefined until the first run. */
  #lowered: Lowered | null | undefined;
  #loaded: Loaded | null = null;
  /** What it was lowered with. */
  #tile: Tile | null = null;
  #ends: number;

  /** With `begun`, nothing was computed while it was recorded, but its first run is begun. */
  constructor(
    recorder: Recorder,
    inputs: readonly Tensor[],
    results: readonly Operand[],
    generators: DrawSource[],
    begun = false,
  ) {
    this.#begun = begun;
    this.#first = begun;
    // What was given up since it was recorded is found at its first run.
    this.#ends = begun ? -1 : storageEnds();
    this.#repeated = recorder.repeated;
    this.#guards = recorder.guards;
    this.#used = [...recorder.used];
    this.generators = generators;
    this.inputs = inputs;
    this.#machine = machine();
    const kept = new Set(results.map(({ value }) => value));
    const checked = checksFirst(fuse(recorder.steps, kept));
    const { steps } = checked;
    const layout = plan([...checked.before, ...steps], kept);
    let [calls, scratch, nanoseconds] = [0, 0, 0];
    eachCall(steps, ({ call }) => {
      calls++;
      scratch = Math.max(scratch, call.kernel.wasm?.scratch?.(call) ?? 0);
      nanoseconds += call.kernel.nanoseconds(call);
    });
    this.#scratchBytes = scratch;
    this.#room = allocatePinned(layout.bytes, 'programs');
    const base = this.#room.pointer;
    this.#addressOf = (value) =>
      value.kind === 'fixed' ? value.address : base + (layout.offsets.get(value) as number);
    for (const value of layout.offsets.keys()) {
      if (value.data) new Uint8Array(memory.buffer, this.#addressOf(value), value.bytes).set(value.data);
    }
    this.#draws = recorder.draws().map(({ source, blocks, value, offset }) => ({
      source,
      blocks,
      generator: generators.indexOf(source),
      address: layout.offsets.has(value) ? this.#addressOf(value) + offset : -1,
    }));
    if (begun) {
      for (const { value, words } of recorder.drawn()) {
        if (layout.offsets.has(value)) memory.i32.set(words, this.#addressOf(value) / 4);
      }
    }
    this.#faults = recorder.reports.size === 0 ? null : new Faults(checked, this.#addressOf, recorder.reports);
    this.#steps = placed(steps, this.#addressOf);
    this.#long = nanoseconds >= LONG_NS;
    this.results = results.map((operand) => placeIn(this.#room, addressIn(operand, this.#addressOf)));
    const storages = [this.#room, ...inputs.map(({ storage }) => storage), ...this.results];
    const bytes = inputs.reduce((sum, x) => sum + x.storage.bytes, this.#room.bytes);
    this.lease = new Lease(bytes + RECORDING_BYTES + CALL_BYTES * calls, storages);
    collected.register(this, this.lease);
  }

  /** Whether it will never be valid again: its memory is gone, or other kernels are in use, with another need of room. */
  get outdated(): boolean {
    return this.lease.ended || machine() !== this.#machine;
  }

  /** Whether all that the recording depended on is as it was. */
  get valid(): boolean {
    for (const { read, value } of this.#guards) if (read() !== value) return false;
    return true;
  }

  /** The next step. */
  run(): void {
    this.begin();
    try {
      this.#runSteps();
      this.look();
    } finally {
      this.lease.busy = false;
    }
  }

  /** What comes before the calls of a step; from here to its end the lease is busy. */
  begin(): void {
    this.#checkUsed();
    this.#touch();
    this.lease.touch();
    this.lease.busy = true;
    try {
      this.#faults?.checkFirst();
      if (!this.#begun) {
        for (const action of this.#repeated) action();
        for (const { source, generator, address, blocks } of this.#draws) {
          (generator < 0 ? source : (this.generators[generator] as DrawSource)).writeDraw(address, blocks);
        }
      }
      this.#begun = false;
    } catch (error) {
      this.lease.busy = false;
      throw error;
    }
  }

  /** What comes after them. */
  look(): void {
    this.#faults?.look();
  }

  /** The calls of a step. */
  get steps(): readonly PlacedStep[] {
    return this.#steps;
  }

  /** What the step reads and writes outside. */
  get used(): readonly Storage[] {
    return this.#used;
  }

  /** Of that, what it writes. */
  get written(): ReadonlySet<Storage> {
    this.#written ??= new Set(this.#used.filter((storage) => writes(this.#steps, storage)));
    return this.#written;
  }

  /** The tile for the calls as of now, and the room that they need. */
  prepare(): { readonly tile: Tile | null; readonly scratch: number } {
    if (this.#long) measureTiles(this.#machine);
    return { tile: tileNow(this.#machine), scratch: programScratch(this.#scratchBytes, 1).pointer };
  }

  /** Where another step is half done, it is told what this one is about to read and write. */
  #touch(): void {
    const touch = touching();
    if (touch === null) return;
    for (const storage of this.#used) touch(storage, this.written.has(storage));
    touch(this.#room, true);
  }

  /** Throws if something that the step uses was disposed. */
  #checkUsed(): void {
    const ends = storageEnds();
    if (ends === this.#ends) return;
    for (const storage of this.#used) storage.checkAlive('compile');
    this.#ends = ends;
  }

  #runSteps(): void {
    if (observingCalls()) {
      // Every call is looked at.
      performAll(this.#steps, execute);
      return;
    }
    if (this.#long) measureTiles(this.#machine);
    // Workers take longer to start than most steps take.
    const threads = this.#long && (!this.#first || threadsStarted()) ? threadCount() : 1;
    this.#first = false;
    this.#lower(threads);
    const loaded = this.#loaded;
    if (threads > 1 && loaded !== null) {
      try {
        if (loaded.pool.run(loaded, this.#lowered?.part0 as () => void)) return;
      } catch (error) {
        if (loaded.pool.closed) dropThreadPool();
        throw error;
      }
    }
    if (this.#lowered) this.#lowered.run();
    else performAll(this.#steps, perform);
  }

  /** Lowers the calls for so many threads, unless that has been done. */
  #lower(threads: number): void {
    if (this.#lowered === null) return;
    const pool = threads > 1 ? threadPool() : null;
    const tile = tileNow(this.#machine);
    const current = this.#lowered !== undefined && tile === this.#tile;
    if (current && (pool === null || this.#loaded?.pool === pool)) return;
    this.#tile = tile;
    const scratch = programScratch(this.#scratchBytes, pool?.threads ?? 1);
    this.#loaded = null;
    if (pool === null) {
      this.#lowered = lower(this.#steps, tile, scratch.pointer, null);
      return;
    }
    const spread = { threads: pool.threads, control: pool.control, scratchBytes: scratch.bytes };
    this.#lowered = lower(this.#steps, tile, scratch.pointer, spread);
    if (this.#lowered === null) return;
    const loaded = pool.load(this.#lowered.bytes);
    this.lease.onEnd(() => pool.forget(loaded));
    this.#loaded = loaded;
  }
}
