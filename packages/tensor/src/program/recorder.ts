import { UsageError } from '../errors.ts';
import type { Extent, KernelCall } from '../kernels/kernel.ts';
import { memory } from '../memory/linear-memory.ts';
import type { Storage } from '../memory/storage.ts';
import { type DrawSource, type FaultReport, STATE_BYTES, type StepWatcher } from '../memory/watcher.ts';
import { type Draw, type Event, LoopRecording, RecordedTurns } from './loop-recording.ts';
import type { Operand, Step, Value } from './step.ts';

/** What a program takes for granted: that `read` gives `value`. */
export interface Guard {
  readonly read: () => unknown;
  readonly value: unknown;
}

/** A state that a generator writes before each run. */
export interface DrawnState {
  readonly source: DrawSource;
  readonly blocks: number;
  readonly value: Value;
  /** Bytes from the value's start. */
  readonly offset: number;
}

interface Room {
  readonly pointer: number;
  readonly bytes: number;
  value: Value | null;
  /** A turn of a loop leaves its results here. */
  target: boolean;
}

/**
 * Writes down what a step does. One that `defers` has nothing computed meanwhile: the program will do it. Where the step turns out to
 * have no program, what was put off is made up for at once.
 */
export class Recorder implements StepWatcher {
  readonly steps: Step[] = [];
  readonly repeated: (() => void)[] = [];
  readonly guards: Guard[] = [];
  /** Of each fault. */
  readonly reports = new Map<Value, FaultReport>();
  /** What lives outside the step. */
  readonly used = new Set<Storage>();
  /** Why the step cannot be replayed; null if it can. */
  forbidden: string | null = null;
  readonly #events: Event[] = [];
  /** The loops under way, the innermost last. */
  readonly #loops: LoopRecording[] = [];
  readonly #turns: RecordedTurns;
  readonly #rooms = new Map<number, Room>();
  /** By address, for pointers into the middle of one. */
  readonly #ordered: Room[] = [];
  readonly #fixed = new Map<number, Value>();
  #values = 0;
  /** What was put off; null where nothing is. */
  #later: (() => void)[] | null;

  constructor(defers = false) {
    this.#later = defers ? [] : null;
    this.#turns = new RecordedTurns(this.reports, defers);
  }

  allocated(pointer: number, bytes: number): void {
    const room = { pointer, bytes, value: null, target: false };
    this.#rooms.set(pointer, room);
    // The arena goes upwards, so a room is nearly always the last.
    this.#ordered.splice(this.#after(pointer), 0, room);
  }

  uses(storage: Storage): void {
    if (!storage.temporary) this.used.add(storage);
  }

  read(storage: Storage, operation: string): void {
    // What never changes may be looked at: constants, and what was only just written from JavaScript.
    const room = storage.heap === null ? this.#roomAt(storage.pointer) : undefined;
    if (storage.pinned || (room !== undefined && room.value !== null && room.value.kind !== 'constant')) {
      this.forbid(`${operation} reads a computed value`);
    } else if (!storage.temporary) this.depend(() => storage.version);
  }

  drew(source: DrawSource, pointer: number, blocks: number): Draw {
    const loops = this.#loops.map(({ loop }) => loop);
    let count = 1;
    const strides = loops.map(() => 0);
    for (let depth = loops.length - 1; depth >= 0; depth--) {
      strides[depth] = STATE_BYTES * count;
      count *= loops[depth]!.turns;
    }
    const value = this.#value('draw', STATE_BYTES * count, pointer);
    const draw: Draw = { source, blocks, value, strides, words: new Int32Array((STATE_BYTES / 4) * count) };
    this.#turns.keep(draw, pointer);
    this.#showDraw(draw, pointer);
    this.#note({ kind: 'draw', draw, room: pointer });
    return draw;
  }

  drewAgain(again: object, pointer: number): void {
    const draw = again as Draw;
    this.#turns.restore(draw, pointer);
    this.#showDraw(draw, pointer);
    this.#note({ kind: 'drawAgain', draw, room: pointer });
  }

  /** The room shows the draw's state of the turns under way. */
  #showDraw({ value, strides }: Draw, pointer: number): void {
    const room = this.#rooms.get(pointer) as Room;
    room.value = strides.reduce((whole, stride, depth) => {
      const bytes = strides[depth + 1] ?? STATE_BYTES;
      const { loop } = this.#loops[depth] as LoopRecording;
      return { ...this.#value('window', bytes, pointer), window: { whole: { value: whole, offset: 0 }, stride, loop } };
    }, value);
  }

  /** The states that the draws had in the run that was recorded, of all turns. */
  drawn(): { readonly value: Value; readonly words: Int32Array }[] {
    const found: Draw[] = [];
    const visit = (events: readonly Event[]): void => {
      for (const event of events) {
        if (event.kind === 'draw') found.push(event.draw);
        else if (event.kind === 'loop') visit(event.recording.events);
      }
    };
    visit(this.#events);
    return found;
  }

  /** The states of all draws in the order in which generators go on, also of those that nobody reads. */
  draws(): DrawnState[] {
    const states: DrawnState[] = [];
    const turns: number[] = [];
    const visit = (events: readonly Event[]): void => {
      for (const event of events) {
        if (event.kind === 'draw') {
          const { source, blocks, value, strides } = event.draw;
          const offset = strides.reduce((sum, stride, depth) => sum + stride * turns[depth]!, 0);
          states.push({ source, blocks, value, offset });
        } else if (event.kind === 'loop') {
          const { recording } = event;
          for (let nth = 0; nth < recording.loop.turns; nth++) {
            turns.push(recording.turn(nth));
            visit(recording.events);
            turns.pop();
          }
        }
      }
    };
    visit(this.#events);
    return states;
  }

  checks(pointer: number, report: FaultReport): void {
    const room = this.#rooms.get(pointer) as Room;
    room.value = this.#value('fault', room.bytes, pointer);
    this.reports.set(room.value, report);
  }

  repeat(action: () => void): void {
    if (this.#loops.length > 0) this.forbid('everyStep is called');
    this.repeated.push(action);
  }

  depend(read: () => unknown): void {
    this.guards.push({ read, value: read() });
  }

  forbid(reason: string): void {
    if (this.#loops.length > 0) {
      throw new UsageError(
        `compile: ${reason} in the step of a loop, which is recorded once for all turns; do that outside the loop, or leave compile out`,
      );
    }
    this.forbidden ??= reason;
    this.catchUp();
  }

  /** Makes up for what was put off; from here on nothing is. */
  catchUp(): void {
    const later = this.#later ?? [];
    this.#later = null;
    this.#turns.defers = false;
    for (const action of later) action();
  }

  beginLoop(turns: number, reverse: boolean): void {
    const recording = new LoopRecording({ turns, reverse });
    this.#loops.push(recording);
    this.#turns.enter(recording.turn(0));
  }

  window(pointer: number, bytes: number, whole: number, stride: number, writes: boolean): void {
    const recording = this.#loops[this.#loops.length - 1] as LoopRecording;
    const room = this.#rooms.get(pointer) as Room;
    const all = { from: 0, to: stride * (recording.loop.turns - 1) + bytes };
    const operand = writes ? this.#targetAt(whole, all) : this.operandAt(whole, all);
    const part = { room: pointer, bytes, whole, stride };
    room.value = { ...this.#value('window', bytes, pointer), window: { whole: operand, stride, loop: recording.loop } };
    room.target = writes;
    if (writes) recording.outs.push(part);
    else {
      recording.ins.push(part);
      this.#turns.fill(part);
    }
  }

  endLoop(given?: 'up'): void {
    const recording = this.#loops.pop() as LoopRecording;
    if (given === 'up') {
      this.#turns.leave();
      this.forbidden ??= 'the step of a loop fails';
      if (this.#loops.length === 0) this.catchUp();
      return;
    }
    for (const part of recording.outs) this.#turns.empty(part);
    this.#turns.leave();
    this.#turns.run(recording, 1);
    this.#note({ kind: 'loop', recording });
    if (this.#loops.length === 0) this.#later?.push(() => this.#turns.runAgain(recording));
    this.#sequence().push({ loop: recording.loop, body: recording.body });
  }

  /** The value at `pointer` now. */
  operandAt(pointer: number, { from, to }: Extent): Operand {
    const room = this.#roomAt(pointer);
    if (room === undefined) return this.#fixedAt(pointer + from, to - from, -from);
    room.value ??= {
      ...this.#value('constant', room.bytes, room.pointer),
      data: new Uint8Array(memory.buffer, room.pointer, room.bytes).slice(),
    };
    return { value: room.value, offset: pointer - room.pointer };
  }

  /** The value at `pointer`, which is written part by part. */
  #targetAt(pointer: number, { from, to }: Extent): Operand {
    const room = this.#roomAt(pointer);
    if (room === undefined) return this.#fixedAt(pointer + from, to - from, -from);
    room.value ??= this.#value('temporary', room.bytes, room.pointer);
    return { value: room.value, offset: pointer - room.pointer };
  }

  #value(kind: Value['kind'], bytes: number, address: number): Value {
    return { id: this.#values++, kind, bytes, address };
  }

  #sequence(): Step[] {
    return this.#loops[this.#loops.length - 1]?.body ?? this.steps;
  }

  #note(event: Event): void {
    (this.#loops[this.#loops.length - 1]?.events ?? this.#events).push(event);
  }

  /** The position of the first room past `pointer`. */
  #after(pointer: number): number {
    const rooms = this.#ordered;
    let [low, high] = [0, rooms.length];
    if (high > 0 && (rooms[high - 1] as Room).pointer <= pointer) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rooms[middle] as Room).pointer <= pointer) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #roomAt(pointer: number): Room | undefined {
    const exact = this.#rooms.get(pointer);
    if (exact !== undefined) return exact;
    const below = this.#ordered[this.#after(pointer) - 1];
    return below !== undefined && pointer < below.pointer + below.bytes ? below : undefined;
  }

  #fixedAt(address: number, bytes: number, offset: number): Operand {
    let value = this.#fixed.get(address);
    if (value === undefined || value.bytes < bytes) {
      value = this.#value('fixed', bytes, address);
      this.#fixed.set(address, value);
    }
    return { value, offset };
  }

  /** Writes a call down. False where it is not to be made now. */
  add(call: KernelCall): boolean {
    const { kernel } = call;
    const extents = kernel.extents(call);
    const outputs = kernel.outputs(call);
    const inputs = call.pointers.slice(outputs).map((pointer, i) => this.operandAt(pointer, extents[outputs + i]!));
    let partial = false;
    const results = call.pointers.slice(0, outputs).map((pointer, j): Operand => {
      const room = this.#roomAt(pointer);
      const { from, to } = extents[j]!;
      if (room === undefined) return this.#fixedAt(pointer + from, to - from, -from);
      const whole = pointer === room.pointer && kernel.written(call, j) === room.bytes;
      if (room.target) {
        // What the turn leaves has a place already.
      } else if (whole || room.value === null) {
        room.value = this.#value('temporary', room.bytes, room.pointer);
      } else if (room.value.kind !== 'temporary' && room.value.kind !== 'fault') {
        this.forbid('a kernel changes part of a constant');
      }
      partial ||= !whole;
      return { value: room.value as Value, offset: pointer - room.pointer };
    });
    const step = { call, operands: [...results, ...inputs], partial };
    this.#sequence().push(step);
    if (this.#loops.length > 0) this.#note({ kind: 'call', step });
    else this.#later?.push(() => this.#turns.make(step));
    return this.#later === null;
  }
}
