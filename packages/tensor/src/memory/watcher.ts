import { ValueError } from '../errors.ts';
import type { Storage } from './storage.ts';

/** Bytes of the state of a draw: four words. */
export const STATE_BYTES = 16;

/** Advances a generator by `blocks` and writes the four words of the draw at `pointer`, unless that is negative. */
export interface DrawSource {
  writeDraw(pointer: number, blocks: number): void;
}

/** The error of a bad number that a check found: at which position, and what it is; `note` ends the sentence. */
export type FaultReport = (position: number, value: number, note: string) => Error;

/** Told of all that happens in a step while it is recorded as a program. */
export interface StepWatcher {
  /** Room in the arena, which is not used again in this step. */
  allocated(pointer: number, bytes: number): void;
  /** An operand that lives outside the step. */
  uses(storage: Storage): void;
  /** JavaScript reads numbers. */
  read(storage: Storage, operation: string): void;
  /** Why the step cannot be replayed; null while it can. */
  readonly forbidden: string | null;
  /** The state of a random draw was written at `pointer`. What is returned stands for the draw. */
  drew(source: DrawSource, pointer: number, blocks: number): object;
  /** The state of an earlier draw, of the same turn of a loop like the one it was made in, is to stand at `pointer`. */
  drewAgain(draw: object, pointer: number): void;
  /** What is recorded until `endLoop` is done once for each turn, from the last to the first when `reverse`. */
  beginLoop(turns: number, reverse: boolean): void;
  /**
   * The room at `room` stands for the `bytes` at `whole` + turn·stride: a turn finds them there, or leaves them there when it
   * `writes`.
   */
  window(room: number, bytes: number, whole: number, stride: number, writes: boolean): void;
  /** The loop is written down, and all turns but the first are made; or it was given up, and the step cannot be replayed. */
  endLoop(given?: 'up'): void;
  /** A check writes what it finds at `pointer`. */
  checks(pointer: number, report: FaultReport): void;
  /** To be done again before each replay. */
  repeat(action: () => void): void;
  /** The program is right only while `read` gives the same value. */
  depend(read: () => unknown): void;
  /** The step does something that a replay could not. */
  forbid(reason: string): void;
}

let current: StepWatcher | null = null;

export function stepWatcher(): StepWatcher | null {
  return current;
}

export function setStepWatcher(watcher: StepWatcher | null): void {
  current = watcher;
}

/**
 * Runs `action` now and, where this happens in a function under `compile`, again before each replay: for numbers that
 * change from step to step and are read from memory, such as an optimizer's.
 */
export function everyStep(action: () => void): void {
  if (typeof action !== 'function')
    throw new ValueError(`everyStep: the action must be a function, got ${typeof action}`);
  const watcher = current;
  // What the action writes is not part of the step.
  current = null;
  try {
    action();
  } finally {
    current = watcher;
  }
  watcher?.repeat(action);
}

/** The value of `read`; where this happens in a function under `compile`, what was recorded serves only while it stays. */
export function recordedValue<T>(read: () => T): T {
  if (typeof read !== 'function') throw new ValueError(`recordedValue: must be given a function, got ${typeof read}`);
  current?.depend(read);
  return read();
}
