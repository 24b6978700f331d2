import { overwrite } from '../eager.ts';
import { observingCalls, perform } from '../kernels/execute.ts';
import type { Tile } from '../kernels/wasm/tile.ts';
import { memory } from '../memory/linear-memory.ts';
import { allocatePinned, bytesOf, type Storage, setTouch } from '../memory/storage.ts';
import { checkFunction, checkTensor } from '../ops/argument.ts';
import { refuse } from '../options.ts';
import { Tensor } from '../tensor.ts';
import { type CompiledFunction, compile, hand, prepared } from './compile.ts';
import { lowerStretches, type Stretch } from './lower.ts';
import { cut, inOrder, type Piece, stretchesOf } from './pieces.ts';
import { performAll, writes } from './placed.ts';
import type { Program } from './program.ts';
import type { Loop } from './step.ts';

/** A piece of a step is to take about so long at most, as WebAssembly; … */
const PIECE_NS = 2_000_000;
/** … and in plain JavaScript, which is so many times as slow as kernels say of themselves. */
const SLOWER = 100;

/**
 * Asked between two pieces of work, `long` if the next may be long by itself: a promise where it is time to wait for, and nothing
 * where work goes on.
 */
export type Pause = (long: boolean) => Promise<void> | undefined;

/**
 * A call of a compiled function in pieces, for a thread that must answer others meanwhile (a page's own): between two of them
 * `pause` is asked, and what it returns is waited for. The result is that of the call, bit by bit. The first call is recorded
 * without being computed, so that it is made in pieces as well; one that cannot be recorded is made at once.
 *
 * Whatever happens while it waits sees numbers as they were before the call, or as they are after it: who reads what it has
 * begun to write over, or writes over what it uses, makes the rest of it first.
 */
export async function inSlices<A extends readonly unknown[], R>(
  compiled: CompiledFunction<A, R>,
  pause: Pause,
  ...args: A
): Promise<R> {
  checkFunction('inSlices', 'the pause', pause);
  const made = prepared(compiled, args);
  if (made === null) return refuse({ caller: 'inSlices', path: 'the function' }, 'one that compile made', compiled);
  if ('value' in made) return made.value as R;
  if ('finish' in made) await pause(true);
  const { program, result } = 'finish' in made ? made.finish() : made;
  const ended = hand(program, args);
  if (observingCalls()) program.run();
  else {
    program.begin();
    const underway = new Underway(() => program, program.used, program.written);
    try {
      await underway.run(pause);
      return result(ended) as R;
    } finally {
      underway.finish();
      program.lease.busy = false;
    }
  }
  return result(ended) as R;
}

/**
 * What `make` gives, at one address for good (parameters, optimizers' slots), with the computing put off: until `settled` does it in
 * slices, or somebody asks for the numbers. Draws of `make` are taken from their generators at once.
 */
export function madeLater(make: () => Tensor): Tensor {
  checkFunction('madeLater', 'the function', make);
  let made: Tensor | null = null;
  const fill = compile(
    () => {
      const numbers = make();
      const { shape, dtype, size } = checkTensor('madeLater', numbers);
      made = new Tensor(shape, dtype, allocatePinned(bytesOf(dtype, size), 'parameters'));
      overwrite(made, numbers);
      return undefined;
    },
    { onEager: () => {} },
  );
  const ready = prepared(fill, []);
  if (ready !== null && 'finish' in ready) {
    const start = (): Program => {
      const { program } = ready.finish();
      program.begin();
      return program;
    };
    new Underway(start, ready.used, [(made as unknown as Tensor).storage], (program) => {
      program.lease.busy = false;
      fill.dispose();
    });
  }
  return made as unknown as Tensor;
}

/** Does what `madeLater` has put off, in slices. */
export async function settled(pause: Pause): Promise<void> {
  checkFunction('settled', 'the pause', pause);
  for (const underway of [...all]) if (underway.alone) await underway.run(pause);
}

/** A program in pieces, for one tile. */
interface Sliced {
  readonly tile: Tile | null;
  readonly pieces: readonly Piece[];
  /** The stretches that write to what others see. */
  readonly writing: ReadonlySet<Stretch>;
  /** Makes a stretch in the given turns. */
  readonly make: (stretch: Stretch, turns: Map<Loop, number>) => void;
}

const known = /* @__PURE__ */ new WeakMap<Program, Sliced>();

async function sliced(program: Program, pause: Pause): Promise<Sliced> {
  const { tile, scratch } = program.prepare();
  const last = known.get(program);
  if (last?.tile === tile) return last;
  await pause(true);
  let pieces = cut(program.steps, PIECE_NS);
  const stretches = stretchesOf(pieces);
  const bytes = lowerStretches(stretches, tile, scratch);
  let make = plainly;
  if (bytes === null) pieces = cut(program.steps, PIECE_NS / SLOWER);
  else {
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory: memory.wasm as WebAssembly.Memory } });
    const functions = new Map(
      stretches.map((stretch, i) => [stretch, instance.exports[`s${i}`] as (...turns: number[]) => void]),
    );
    make = (stretch, turns) => functions.get(stretch)?.(...stretch.around.map((loop) => turns.get(loop) as number));
  }
  const written = [...program.written];
  const writing = new Set(stretchesOf(pieces).filter(({ steps }) => written.some((storage) => writes(steps, storage))));
  const made = { tile, pieces, writing, make };
  known.set(program, made);
  await pause(true);
  return made;
}

function plainly({ steps }: Stretch, turns: Map<Loop, number>): void {
  performAll(steps, perform, turns);
}

/** The programs that are half done. */
const all = /* @__PURE__ */ new Set<Underway>();

/** A program that is half done, from its beginning to its end. */
class Underway {
  readonly #start: () => Program;
  #begun: Program | null = null;
  #starting = false;
  readonly #used: ReadonlySet<Storage>;
  readonly #written: ReadonlySet<Storage>;
  /** Null until it is cut in pieces. */
  #rest: Iterator<() => void> | null = null;
  /** From here on, what it writes is neither as before nor as after. */
  #writing = false;
  #done = false;
  #failed: { readonly error: unknown } | null = null;
  readonly #onEnd: ((program: Program) => void) | null;

  /** Of the program that `start` gives, with what it uses and writes; with `onEnd`, nobody waits for it. */
  constructor(
    start: () => Program,
    used: Iterable<Storage>,
    written: Iterable<Storage>,
    onEnd: ((program: Program) => void) | null = null,
  ) {
    this.#start = start;
    this.#used = new Set(Array.from(used, ({ root }) => root));
    this.#written = new Set(Array.from(written, ({ root }) => root));
    this.#onEnd = onEnd;
    // What nobody waits for has not been there before.
    this.#writing = onEnd !== null;
    all.add(this);
    setTouch(touched);
  }

  get #program(): Program {
    if (this.#begun === null) {
      // What it touches as it begins is its own.
      this.#starting = true;
      try {
        this.#begun = this.#start();
      } finally {
        this.#starting = false;
      }
    }
    return this.#begun;
  }

  /** Whether nobody waits for it. */
  get alone(): boolean {
    return this.#onEnd !== null;
  }

  async run(pause: Pause): Promise<void> {
    const pieces = await sliced(this.#program, pause);
    this.#rest ??= this.#pieces(pieces);
    do await pause(false);
    while (this.#next());
    if (this.#failed !== null) throw this.#failed.error;
  }

  *#pieces({ pieces, writing, make }: Omit<Sliced, 'tile'>): Generator<() => void, void> {
    const turns = new Map<Loop, number>();
    for (const stretch of inOrder(pieces, turns)) {
      yield () => {
        this.#writing ||= writing.has(stretch);
        make(stretch, turns);
      };
    }
  }

  /** Makes a piece; false where there is none left. */
  #next(): boolean {
    if (this.#done) return false;
    try {
      const next = this.#rest?.next();
      if (!next?.done) {
        next?.value();
        return true;
      }
      this.#program.look();
    } catch (error) {
      this.#failed = { error };
    }
    this.#end();
    return false;
  }

  /** Makes all that is left. */
  finish(): void {
    this.#rest ??= this.#pieces({
      pieces: [{ steps: this.#program.steps, around: [] }],
      writing: new Set(),
      make: plainly,
    });
    while (this.#next());
  }

  /** Another is about to read or write: where it must not happen in between, the rest is made first. */
  touched(storage: Storage, writes: boolean): void {
    if (this.#done || this.#starting) return;
    if (!(writes ? this.#used.has(storage) : this.#writing && this.#written.has(storage))) return;
    this.finish();
    if (this.alone && this.#failed !== null) throw (this.#failed as { readonly error: unknown }).error;
  }

  #end(): void {
    this.#done = true;
    all.delete(this);
    if (all.size === 0) setTouch(null);
    this.#onEnd?.(this.#program);
  }
}

function touched(storage: Storage, writes: boolean): void {
  for (const underway of all) underway.touched(storage.root, writes);
}
