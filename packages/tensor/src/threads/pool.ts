import { ThreadError } from '../errors.ts';
import { memory } from '../memory/linear-memory.ts';
import { allocatePinned, type Storage } from '../memory/storage.ts';
import {
  ARRIVED,
  BYTES,
  COMMAND,
  DONE,
  FREE,
  IDLE,
  JOB,
  LENGTH,
  LOAD,
  PROGRAM,
  READY,
  RUN,
  SLEEPING,
} from './control.ts';
import { CONTROL_BYTES, NODE_SOURCE, WEB_SOURCE } from './worker-source.ts';

/** A module that the workers load; ready once the word at `ready` counts them all. */
export interface Loaded {
  readonly id: number;
  readonly pool: ThreadPool;
  readonly room: Storage;
  /** Of the module, which follows the word at `ready`. */
  readonly length: number;
  readonly ready: number;
}

interface Command {
  readonly command: number;
  readonly program: number;
}

/** Bytes from the ready word to the module: a cache line of its own. */
const MODULE_AT = 64;
/** Turns of waiting for workers that are just finishing. */
const FINISHING = 10_000;
let nextProgram = 1;

/**
 * Worker threads that run parts of programs. They never keep a process alive. Nothing here waits for a worker to start or
 * to compile: until all are ready a program runs on the main thread alone, with the same results.
 */
export class ThreadPool {
  /** With the main thread. */
  readonly threads: number;
  readonly control: number;
  /** It cannot be used any more, and whoever used it was told. */
  closed = false;
  /** A worker that had answered before failed. */
  #failure: string | null = null;
  /** A worker failed before it answered. */
  #stillborn: string | null = null;
  readonly #room: Storage;
  readonly #words: Int32Array;
  readonly #workers: { terminate(): unknown }[];
  readonly #commands: Command[] = [];
  /** Until the workers have forgotten them: they may still read a module whose program is gone. */
  readonly #loaded = new Map<number, Loaded>();

  constructor(threads: number) {
    this.threads = threads;
    this.#room = allocatePinned(CONTROL_BYTES, 'threads');
    this.control = this.#room.pointer;
    // Kept for good: a view of shared memory stays right when the memory grows.
    this.#words = new Int32Array(memory.buffer, this.control, CONTROL_BYTES / 4).fill(0);
    this.#words.fill(-1, DONE);
    const workers: { terminate(): unknown }[] = [];
    this.#workers = workers;
    for (let index = 1; index < threads; index++) {
      const fail = (reason: string): void => {
        if (Atomics.load(this.#words, DONE + index) === -1) this.#stillborn ??= reason;
        else this.#failure ??= reason;
      };
      try {
        const data = { memory: memory.wasm as WebAssembly.Memory, control: this.control, index };
        workers.push(startWorker(data, fail));
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
        break;
      }
    }
  }

  /** Why workers cannot be had here; null while nothing speaks against them. */
  get stillborn(): string | null {
    return this.#stillborn;
  }

  /** Whether every worker waits for a job; tries a moment longer when told to. */
  #idle(patience: number): boolean {
    const job = this.#words[JOB];
    for (let i = 1; i < this.threads; i++) {
      for (let turns = 0; Atomics.load(this.#words, DONE + i) !== job; turns++) if (turns >= patience) return false;
    }
    return true;
  }

  #post(command: number, program: number): void {
    const words = this.#words;
    words[COMMAND] = command;
    words[PROGRAM] = program;
    words[ARRIVED] = 0;
    words[SLEEPING] = 0;
    Atomics.store(words, JOB, (words[JOB]! + 1) | 0);
    if (Atomics.load(words, IDLE) > 0) Atomics.notify(words, JOB);
  }

  /** Hands a module to the workers, who load it when they have time. */
  load(bytes: Uint8Array): Loaded {
    const room = allocatePinned(MODULE_AT + bytes.length, 'threads');
    const loaded = { id: nextProgram++, pool: this, room, length: bytes.length, ready: room.pointer };
    this.#loaded.set(loaded.id, loaded);
    new Int32Array(memory.buffer, room.pointer, 1)[0] = 0;
    new Uint8Array(memory.buffer, room.pointer + MODULE_AT, bytes.length).set(bytes);
    this.#commands.push({ command: LOAD, program: loaded.id });
    return loaded;
  }

  /** The workers need not keep the module any longer. */
  forget({ id, room }: Loaded): void {
    if (this.closed) room.release();
    else this.#commands.push({ command: FREE, program: id });
  }

  /** Runs `main` here and the workers' parts beside it. False when they are not ready; then nothing has run. */
  run(program: Loaded, main: () => void): boolean {
    if (this.closed || this.#stillborn !== null) return false;
    if (this.#failure !== null) this.#fail(this.#failure);
    if (!this.#idle(FINISHING)) return false;
    const waiting = this.#commands.shift();
    if (waiting !== undefined) {
      const words = this.#words;
      const loaded = this.#loaded.get(waiting.program) as Loaded;
      if (waiting.command === FREE) {
        this.#loaded.delete(waiting.program);
        loaded.room.release();
      } else {
        words[BYTES] = loaded.room.pointer + MODULE_AT;
        words[LENGTH] = loaded.length;
        words[READY] = loaded.ready;
      }
      this.#post(waiting.command, waiting.program);
      return false;
    }
    if (Atomics.load(memory.i32, program.ready / 4) !== this.threads - 1) return false;
    this.#post(RUN, program.id);
    try {
      main();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) this.#fail(`a worker did not answer (${error.message})`);
      throw error;
    }
    return true;
  }

  #fail(reason: string): never {
    this.close();
    throw new ThreadError(
      `threads: ${reason}; the step was not finished, so weights may be half updated. Load the last checkpoint, and use useThreads(1) if it happens again`,
    );
  }

  /** Ends the workers as if they had died; for tests. */
  async terminateWorkers(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  close(): void {
    this.closed = true;
    for (const worker of this.#workers) worker.terminate();
  }
}

interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly index: number;
}

/** A Node worker or a web worker. */
function startWorker(data: WorkerStart, fail: (reason: string) => void): { terminate(): unknown } {
  const node = nodeModule<NodeWorkers>('node:worker_threads');
  if (node !== null) {
    // No loader or flag of this process is of use in there.
    const worker = new node.Worker(NODE_SOURCE, { eval: true, workerData: data, execArgv: [] });
    worker.on('error', (error) => fail(`a worker failed (${error.message})`));
    worker.on('exit', (code) => fail(`a worker stopped (exit code ${code})`));
    worker.unref();
    return worker;
  }
  const url = URL.createObjectURL(new Blob([WEB_SOURCE], { type: 'text/javascript' }));
  const worker = new Worker(url);
  // Where a page's policy stops it there is no message.
  worker.onerror = ({ message }) =>
    fail(message ? `a worker failed (${message})` : 'a worker failed, which a policy may forbid');
  worker.postMessage(data);
  return worker;
}

/** What is used of Node, without its types, which users of the packages may not have. */
interface NodeWorkers {
  readonly Worker: new (
    source: string,
    options: { eval: true; workerData: WorkerStart; execArgv: string[] },
  ) => {
    on(event: 'error' | 'exit', listener: (detail: { readonly message: string } & number) => void): void;
    unref(): void;
    terminate(): unknown;
  };
}

/** A module of Node's, taken at run time so that bundles for browsers do not ask for it; null elsewhere. */
export function nodeModule<T>(name: string): T | null {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): T } };
  return process?.getBuiltinModule?.(name) ?? null;
}
