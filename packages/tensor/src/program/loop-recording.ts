import { elementBytes } from '../dtype.ts';
import { readFault } from '../kernels/check-indices/check-indices.ts';
import { perform } from '../kernels/execute.ts';
import { memory } from '../memory/linear-memory.ts';
import { type DrawSource, type FaultReport, STATE_BYTES } from '../memory/watcher.ts';
import type { CallStep, Loop, Step, Value } from './step.ts';

/** A draw of a recorded step, which is made once for each turn of each loop around it. */
export interface Draw {
  readonly source: DrawSource;
  readonly blocks: number;
  /** Of all its states, one after the other. */
  readonly value: Value;
  /** Bytes from turn to turn of each loop around it, the outermost first. */
  readonly strides: readonly number[];
  /** Its states as they were when they were recorded. */
  readonly words: Int32Array;
}

/** What is done in a turn, in order. */
export type Event =
  | { readonly kind: 'call'; readonly step: CallStep }
  | { readonly kind: 'loop'; readonly recording: LoopRecording }
  | { readonly kind: 'draw' | 'drawAgain'; readonly draw: Draw; readonly room: number };

/** A room that stands for a part of something larger. */
export interface Copy {
  readonly room: number;
  readonly bytes: number;
  /** Where the part of turn 0 is. */
  readonly whole: number;
  readonly stride: number;
}

/**
 * A loop while it is recorded. Its step is recorded in its first turn, on rooms that stand for the parts of that turn; the
 * other turns are made by making the same calls again after what the rooms stand for was put into them.
 */
export class LoopRecording {
  readonly loop: Loop;
  readonly body: Step[] = [];
  readonly events: Event[] = [];
  readonly ins: Copy[] = [];
  readonly outs: Copy[] = [];

  constructor(loop: Loop) {
    this.loop = loop;
  }

  /** The turn that comes `nth`. */
  turn(nth: number): number {
    return this.loop.reverse ? this.loop.turns - 1 - nth : nth;
  }
}

/** The turns under way while recorded loops run. */
export class RecordedTurns {
  /** Nothing is computed now: draws are made, and nothing else. */
  defers: boolean;
  readonly #turns: number[] = [];
  readonly #reports: ReadonlyMap<Value, FaultReport>;
  /** Draws were made before. */
  #drawn = false;

  constructor(reports: ReadonlyMap<Value, FaultReport>, defers = false) {
    this.#reports = reports;
    this.defers = defers;
  }

  enter(turn: number): void {
    this.#turns.push(turn);
  }
  leave(): void {
    this.#turns.pop();
  }

  /** Puts what a room stands for into it, in this turn of the innermost loop; or takes it out of it. */
  fill({ room, bytes, whole, stride }: Copy): void {
    if (!this.defers) copy(whole + this.#innermost() * stride, room, bytes);
  }
  empty({ room, bytes, whole, stride }: Copy): void {
    if (!this.defers) copy(room, whole + this.#innermost() * stride, bytes);
  }

  /** The turn of the innermost loop; 0 outside of loops. */
  #innermost(): number {
    return this.#turns[this.#turns.length - 1] ?? 0;
  }

  /** The words of a draw in the turns under way. */
  #wordsAt({ strides }: Draw): number {
    return strides.reduce((sum, stride, depth) => sum + this.#turns[depth]! * stride, 0) / 4;
  }

  /** Keeps the state that was written for a draw. */
  keep(draw: Draw, room: number): void {
    draw.words.set(memory.i32.subarray(room / 4, (room + STATE_BYTES) / 4), this.#wordsAt(draw));
  }

  /** Writes the state that a draw had in these turns. */
  restore(draw: Draw, room: number): void {
    const at = this.#wordsAt(draw);
    memory.i32.set(draw.words.subarray(at, at + STATE_BYTES / 4), room / 4);
  }

  /** Makes all turns from number `first` on. */
  run(recording: LoopRecording, first: number): void {
    for (let nth = first; nth < recording.loop.turns; nth++) {
      this.enter(recording.turn(nth));
      for (const part of recording.ins) this.fill(part);
      for (const event of recording.events) this.#make(event);
      for (const part of recording.outs) this.empty(part);
      this.leave();
    }
  }

  /** Makes all turns, with the draws that were made before. */
  runAgain(recording: LoopRecording): void {
    this.#drawn = true;
    try {
      this.run(recording, 0);
    } finally {
      this.#drawn = false;
    }
  }

  #make(event: Event): void {
    if (event.kind === 'loop') this.run(event.recording, 0);
    else if (event.kind === 'call') {
      if (!this.defers) this.make(event.step);
    } else if (event.kind === 'draw' && !this.#drawn) {
      event.draw.source.writeDraw(event.room, event.draw.blocks);
      this.keep(event.draw, event.room);
    } else this.restore(event.draw, event.room);
  }

  /** Makes a call, and throws what it found if it is a check. */
  make(step: CallStep): void {
    perform(step.call);
    this.#look(step);
  }

  #look({ call, operands }: CallStep): void {
    const report = operands[0] && this.#reports.get(operands[0].value);
    if (report === undefined) return;
    const [fault, indices] = call.pointers as [number, number];
    const found = readFault(fault);
    if (found === null) return;
    const { from, to } = call.kernel.extents(call)[1]!;
    const width = elementBytes(call.dtype);
    // Counted through all turns.
    const before = this.#innermost() * ((to - from) / width);
    throw report(before + (found.address - indices) / width, found.value, '');
  }
}

function copy(from: number, to: number, bytes: number): void {
  new Uint8Array(memory.buffer).copyWithin(to, from, from + bytes);
}
