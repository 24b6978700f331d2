import { UsageError } from '../errors.ts';
import { memory } from './linear-memory.ts';
import { scratch } from './storage.ts';
import { type DrawSource, STATE_BYTES, stepWatcher } from './watcher.ts';

/** What a draw began from: its four words, or, where a step is recorded, what its recorder gave for them. */
type Kept = Int32Array | { readonly recorded: object };

interface DrawnState {
  readonly pointer: number;
  readonly kept: Kept;
}

/** Where draws get their states while a turn of a loop runs. */
interface DrawScope {
  /** The turn was run before: what it changes outside would be changed twice. */
  readonly again: boolean;
  /** The state of the next draw. */
  state(source: DrawSource, blocks: number): DrawnState;
}

let scope: DrawScope | null = null;

/** The address of the state of a generator's next draw; the generator goes on, unless this draw was made before. */
export function drawState(source: DrawSource, blocks: number): number {
  if (scope !== null) return scope.state(source, blocks).pointer;
  const pointer = scratch(STATE_BYTES);
  source.writeDraw(pointer, blocks);
  stepWatcher()?.drew(source, pointer, blocks);
  return pointer;
}

/** Throws in a turn of a loop, which may be run again for its gradient. */
export function refuseInLoop(operation: string): void {
  if (scope !== null) {
    throw new UsageError(
      `${operation}: not in the step of a scan, which may run again; do it before, and pass the result`,
    );
  }
}

/** Throws in a turn that is run again. */
export function refuseAgain(operation: string): void {
  if (scope?.again) {
    throw new UsageError(
      `${operation}: the step of a scan runs again for its gradient, so it must change nothing outside; return the numbers, and change what they are for after the scan`,
    );
  }
}

function fresh(source: DrawSource, blocks: number): DrawnState {
  const pointer = scratch(STATE_BYTES);
  source.writeDraw(pointer, blocks);
  const recorded = stepWatcher()?.drew(source, pointer, blocks) ?? null;
  if (recorded !== null) return { pointer, kept: { recorded } };
  return { pointer, kept: memory.i32.slice(pointer / 4, (pointer + STATE_BYTES) / 4) };
}

function restored(kept: Kept): DrawnState {
  const pointer = scratch(STATE_BYTES);
  if (kept instanceof Int32Array) memory.i32.set(kept, pointer / 4);
  else stepWatcher()?.drewAgain(kept.recorded, pointer);
  return { pointer, kept };
}

function within<T>(inner: DrawScope, body: () => T): T {
  const before = scope;
  scope = inner;
  try {
    return body();
  } finally {
    scope = before;
  }
}

/** The draws of a loop's turns, so that a turn that is run again draws the same numbers. */
export class LoopDraws {
  readonly #kept = new Map<number, Kept[]>();

  /** Runs a turn for the first time. */
  first<T>(turn: number, body: () => T): T {
    const list: Kept[] = [];
    this.#kept.set(turn, list);
    const outer = scope;
    const state = (source: DrawSource, blocks: number): DrawnState => {
      const drawn = outer === null ? fresh(source, blocks) : outer.state(source, blocks);
      list.push(drawn.kept);
      return drawn;
    };
    return within({ again: outer?.again ?? false, state }, body);
  }

  /** Runs the turn again. */
  again<T>(turn: number, body: () => T): T {
    const list = this.#kept.get(turn);
    if (list === undefined) {
      throw new UsageError(
        'backward: gradients of a scan outside a compiled function cannot be taken inside it; compute the loss inside, too',
      );
    }
    let next = 0;
    const state = (): DrawnState => {
      const kept = list[next++];
      if (kept === undefined) {
        throw new UsageError(
          'scan: the step drew more random numbers when it ran again for its gradient; it must do the same each time',
        );
      }
      return restored(kept);
    };
    return within({ again: true, state }, body);
  }
}
