import type { KernelCall } from '../kernels/kernel.ts';
import { divided } from './divide.ts';
import { CHUNK, type Stretch } from './lower.ts';
import { isPlacedLoop, type PlacedStep } from './placed.ts';
import type { Loop } from './step.ts';

/** A loop too long to be made without a pause: its turns, piece by piece. */
export interface Turns {
  readonly loop: Loop;
  readonly pieces: readonly Piece[];
}

/** What is made without a pause, or turns of such. */
export type Piece = Stretch | Turns;

/**
 * The steps in pieces of at most about `longest` nanoseconds: calls one after the other, parts of one that is too long by itself
 * (those that threads would do, so no bit changes), or the turns of a loop.
 */
export function cut(steps: readonly PlacedStep[], longest: number, around: readonly Loop[] = []): readonly Piece[] {
  const pieces: Piece[] = [];
  let [stretch, time]: [PlacedStep[], number] = [[], 0];
  const close = (): void => {
    if (stretch.length > 0) pieces.push({ steps: stretch, around });
    [stretch, time] = [[], 0];
  };
  const add = (step: PlacedStep, nanoseconds: number): void => {
    if (time + nanoseconds > longest || stretch.length === CHUNK) close();
    stretch.push(step);
    time += nanoseconds;
  };
  for (const step of steps) {
    const nanoseconds = timeOf(step);
    if (nanoseconds <= longest) add(step, nanoseconds);
    else if (isPlacedLoop(step)) {
      close();
      pieces.push({ loop: step.loop, pieces: cut(step.body, longest, [...around, step.loop]) });
    } else {
      const parts = partsOf(step.call, Math.ceil(nanoseconds / longest));
      for (const call of parts) add({ call, moves: step.moves }, nanoseconds / parts.length);
    }
  }
  close();
  return pieces;
}

/** The call in about so many parts, or in fewer where it does not divide into as many. */
function partsOf(call: KernelCall, most: number): readonly KernelCall[] {
  for (let count = most; count > 1; count = Math.floor(count / 2)) {
    const parts = divided(call, count).filter((part) => part !== null);
    if (parts.length > 1) return parts;
  }
  return [call];
}

/** About how long a step takes, in nanoseconds. */
function timeOf(step: PlacedStep): number {
  if (!isPlacedLoop(step)) return step.call.kernel.nanoseconds(step.call);
  return step.loop.turns * step.body.reduce((sum, inner) => sum + timeOf(inner), 0);
}

/** Of all pieces. */
export function stretchesOf(pieces: readonly Piece[]): Stretch[] {
  return pieces.flatMap((piece) => ('steps' in piece ? [piece] : stretchesOf(piece.pieces)));
}

/** The stretches in the order in which they are made; `turns` has the turns of the loops around the one at hand. */
export function* inOrder(pieces: readonly Piece[], turns: Map<Loop, number>): Generator<Stretch, void> {
  for (const piece of pieces) {
    if ('steps' in piece) yield piece;
    else {
      const { loop } = piece;
      for (let i = 0; i < loop.turns; i++) {
        turns.set(loop, loop.reverse ? loop.turns - 1 - i : i);
        yield* inOrder(piece.pieces, turns);
      }
    }
  }
}
