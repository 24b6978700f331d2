import type { KernelCall } from '../kernels/kernel.ts';

/** A run of bytes that calls read and write. Every new result is a new value, also where it took an old one's place. */
export interface Value {
  /** Its number in the recording. */
  readonly id: number;
  /**
   * temporary: made by the step, placed by the planner · fixed: outside the step, at `address` · constant: written once,
   * `data` · draw: the state of a random draw · fault: what a check found · window: a part of another value, the next one in
   * each turn of a loop.
   */
  readonly kind: 'temporary' | 'fixed' | 'constant' | 'draw' | 'fault' | 'window';
  readonly bytes: number;
  /** Where it was while recorded (temporary, window) or is (fixed). */
  readonly address: number;
  readonly data?: Uint8Array;
  readonly window?: Window;
}

/** What a window shows: in turn t of the loop, what `whole` is at t·stride bytes further on. */
export interface Window {
  readonly whole: Operand;
  readonly stride: number;
  readonly loop: Loop;
}

export interface Operand {
  readonly value: Value;
  /** Bytes from the value's start. */
  readonly offset: number;
}

/** Turns 0 … turns − 1, or from the last to the first. */
export interface Loop {
  readonly turns: number;
  readonly reverse: boolean;
}

/** A call whose pointers are known by what they mean. */
export interface CallStep {
  readonly call: KernelCall;
  /** Outputs, then inputs. */
  readonly operands: readonly Operand[];
  /** The output keeps part of what it was before. */
  readonly partial: boolean;
}

/** Steps that are done again and again. */
export interface LoopStep {
  readonly loop: Loop;
  readonly body: readonly Step[];
}

export type Step = CallStep | LoopStep;

export function isLoop(step: Step): step is LoopStep {
  return 'loop' in step;
}

/** How many of a step's operands are outputs. */
export function outputsOf({ call }: CallStep): number {
  return call.kernel.outputs(call);
}

/** Visits the calls in order, those of a loop's body once. */
export function eachCall(steps: readonly Step[], visit: (step: CallStep) => void): void {
  for (const step of steps) {
    if (isLoop(step)) eachCall(step.body, visit);
    else visit(step);
  }
}

/** The value that has a place of its own: for a window, what it is a part of. */
export function placedValue(value: Value): Value {
  let placed = value;
  while (placed.window !== undefined) placed = placed.window.whole.value;
  return placed;
}
