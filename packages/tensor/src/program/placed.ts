import type { KernelCall } from '../kernels/kernel.ts';
import type { Storage } from '../memory/storage.ts';
import { isLoop, type Loop, type Operand, type Step, type Value } from './step.ts';

/** How far each pointer of a call goes on with each turn of a loop around it, in bytes. */
export interface Move {
  readonly loop: Loop;
  readonly bytes: readonly number[];
}

/** A call with its addresses: those of the first turn (number 0) of every loop around it. */
export interface PlacedCall {
  readonly call: KernelCall;
  readonly moves: readonly Move[];
}

export interface PlacedLoop {
  readonly loop: Loop;
  readonly body: readonly PlacedStep[];
}

export type PlacedStep = PlacedCall | PlacedLoop;

export function isPlacedLoop(step: PlacedStep): step is PlacedLoop {
  return 'loop' in step;
}

/** The steps at their addresses, `addressOf` being where each value is that is no window. */
export function placed(steps: readonly Step[], addressOf: (value: Value) => number): PlacedStep[] {
  return steps.map((step): PlacedStep => {
    if (isLoop(step)) return { loop: step.loop, body: placed(step.body, addressOf) };
    const { call, operands } = step;
    const moves: { loop: Loop; bytes: number[] }[] = [];
    const pointers: number[] = new Array(operands.length);
    for (const [i, operand] of operands.entries()) {
      pointers[i] = addressIn(operand, addressOf, (loop, stride) => {
        let move = moves.find((known) => known.loop === loop);
        if (move === undefined) {
          move = { loop, bytes: operands.map(() => 0) };
          moves.push(move);
        }
        move.bytes[i] = (move.bytes[i] as number) + stride;
      });
    }
    return { call: { ...call, pointers }, moves };
  });
}

/** The operand's address in the first turns; `move` is told of each loop that moves it on. */
export function addressIn(
  { value, offset }: Operand,
  addressOf: (value: Value) => number,
  move: (loop: Loop, stride: number) => void = () => {},
): number {
  if (value.window === undefined) return addressOf(value) + offset;
  const { whole, loop, stride } = value.window;
  move(loop, stride);
  return addressIn(whole, addressOf, move) + offset;
}

/** The call in the given turns of the loops around it. */
export function callAt({ call, moves }: PlacedCall, turn: (loop: Loop) => number): KernelCall {
  if (moves.length === 0) return call;
  const pointers = call.pointers.map((pointer, i) =>
    moves.reduce((sum, { loop, bytes }) => sum + turn(loop) * (bytes[i] as number), pointer),
  );
  return { ...call, pointers };
}

/** Makes the calls one after the other, in the given turns of the loops around them. */
export function performAll(
  steps: readonly PlacedStep[],
  perform: (call: KernelCall) => void,
  turns = new Map<Loop, number>(),
): void {
  const turn = (loop: Loop): number => turns.get(loop) as number;
  const run = (sequence: readonly PlacedStep[]): void => {
    for (const step of sequence) {
      if (isPlacedLoop(step)) {
        const { loop } = step;
        for (let i = 0; i < loop.turns; i++) {
          turns.set(loop, loop.reverse ? loop.turns - 1 - i : i);
          run(step.body);
        }
      } else perform(callAt(step, turn));
    }
  };
  run(steps);
}

/** Whether any of the calls writes to the block that a storage is (a part) of. */
export function writes(steps: readonly PlacedStep[], storage: Storage): boolean {
  const { pointer, bytes } = storage.root;
  return steps.some((step) => {
    if (isPlacedLoop(step)) return writes(step.body, storage);
    const { call } = step;
    const outputs = call.pointers.slice(0, call.kernel.outputs(call));
    return outputs.some((output) => output >= pointer && output < pointer + bytes);
  });
}
