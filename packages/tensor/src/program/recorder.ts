import type { Extent, KernelCall } from '../kernels/kernel.ts';
import { memory } from '../memory/linear-memory.ts';
import type { Storage } from '../memory/storage.ts';
import type { DrawSource, FaultReport, StepWatcher } from '../memory/watcher.ts';
import type { Operand, Step, Value } from './step.ts';

/** What a program takes for granted: that `read` gives `value`. */
export interface Guard {
  readonly read: () => unknown;
  readonly value: unknown;
}

interface Room {
  readonly pointer: number;
  readonly bytes: number;
  value: Value | null;
}

/** Writes down what a step does. */
export class Recorder implements StepWatcher {
  readonly steps: Step[] = [];
  readonly repeated: (() => void)[] = [];
  readonly guards: Guard[] = [];
  /** In the order in which generators go on, also those that nobody reads. */
  readonly draws: { readonly source: DrawSource; readonly blocks: number; readonly value: Value }[] = [];
  /** Of each fault. */
  readonly reports = new Map<Value, FaultReport>();
  /** What lives outside the step. */
  readonly used = new Set<Storage>();
  /** Why the step cannot be replayed; null if it can. */
  forbidden: string | null = null;
  readonly #rooms = new Map<number, Room>();
  /** By address, for pointers into the middle of one. */
  readonly #ordered: Room[] = [];
  readonly #fixed = new Map<number, Value>();
  #values = 0;

  allocated(pointer: number, bytes: number): void {
    const room = { pointer, bytes, value: null };
    this.#rooms.set(pointer, room);
    // The arena goes upwards, so a room is nearly always the last.
    this.#ordered.splice(this.#after(pointer), 0, room);
  }

  uses(storage: Storage): void {
    if (!storage.temporary) this.used.add(storage);
  }

  read(storage: Storage, operation: string): void {
    // What never changes may be looked at: constants, and what was only just written from JavaScript.
    const room = storage.heap === null ? this.#rooms.get(storage.pointer) : undefined;
    if (storage.pinned || (room !== undefined && room.value !== null && room.value.kind !== 'constant')) {
      this.forbid(`${operation} reads a computed value`);
    } else if (!storage.temporary) this.depend(() => storage.version);
  }

  drew(source: DrawSource, pointer: number, blocks: number): void {
    const room = this.#rooms.get(pointer) as Room;
    const value: Value = { id: this.#values++, kind: 'draw', bytes: room.bytes, address: pointer };
    room.value = value;
    this.draws.push({ source, blocks, value });
  }

  checks(pointer: number, report: FaultReport): void {
    const room = this.#rooms.get(pointer) as Room;
    const value: Value = { id: this.#values++, kind: 'fault', bytes: room.bytes, address: pointer };
    room.value = value;
    this.reports.set(value, report);
  }

  repeat(action: () => void): void {
    this.repeated.push(action);
  }

  depend(read: () => unknown): void {
    this.guards.push({ read, value: read() });
  }

  forbid(reason: string): void {
    this.forbidden ??= reason;
  }

  /** The value at `pointer` now. */
  operandAt(pointer: number, { from, to }: Extent): Operand {
    const room = this.#roomAt(pointer);
    if (room === undefined) return this.#fixedAt(pointer + from, to - from, -from);
    room.value ??= {
      id: this.#values++,
      kind: 'constant',
      bytes: room.bytes,
      address: room.pointer,
      data: new Uint8Array(memory.buffer, room.pointer, room.bytes).slice(),
    };
    return { value: room.value, offset: pointer - room.pointer };
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
      value = { id: this.#values++, kind: 'fixed', bytes, address };
      this.#fixed.set(address, value);
    }
    return { value, offset };
  }

  /** Called before the call is made. */
  add(call: KernelCall): void {
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
      if (whole || room.value === null) {
        room.value = { id: this.#values++, kind: 'temporary', bytes: room.bytes, address: room.pointer };
      } else if (room.value.kind !== 'temporary' && room.value.kind !== 'fault') {
        this.forbid('a kernel changes part of a constant');
      }
      partial ||= !whole;
      return { value: room.value, offset: pointer - room.pointer };
    });
    this.steps.push({ call, operands: [...results, ...inputs], partial });
  }
}
