import type { Extent, KernelCall } from '../kernels/kernel.ts';
import { memory } from '../memory/linear-memory.ts';
import type { Storage } from '../memory/storage.ts';
import type { DrawSource, StepWatcher } from '../memory/watcher.ts';

/** A run of bytes that calls read and write. Every new result is a new value, also where it took an old one's place. */
export interface Value {
  /**
   * temporary: made by the step, placed by the planner · fixed: outside the step, at `address` · constant: written once,
   * `data` · draw: the state of a random draw.
   */
  readonly kind: 'temporary' | 'fixed' | 'constant' | 'draw';
  readonly bytes: number;
  /** Where it was (temporary) or is (fixed). */
  readonly address: number;
  readonly data?: Uint8Array;
  readonly draw?: { readonly source: DrawSource; readonly blocks: number };
}

export interface Operand {
  readonly value: Value;
  /** Bytes from the value's start. */
  readonly offset: number;
}

/** A call whose pointers are known by what they mean. */
export interface Step {
  readonly call: KernelCall;
  readonly operands: readonly Operand[];
  /** The output keeps part of what it was before. */
  readonly partial: boolean;
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
  readonly guards: { readonly read: () => unknown; readonly value: unknown }[] = [];
  /** Kept alive as long as the program, since it reads them. */
  readonly kept = new Set<Storage>();
  /** Why the step cannot be replayed; null if it can. */
  forbidden: string | null = null;
  readonly #rooms = new Map<number, Room>();
  readonly #fixed = new Map<number, Value>();

  allocated(pointer: number, bytes: number): void {
    this.#rooms.set(pointer, { pointer, bytes, value: null });
  }

  used(storage: Storage): void {
    if (storage.epoch === 0) this.kept.add(storage);
  }

  read(storage: Storage, operation: string): void {
    // What never changes may be looked at: constants, and what was only just written from JavaScript.
    const room = storage.heap === null ? this.#rooms.get(storage.pointer) : undefined;
    if (storage.pinned || (room !== undefined && room.value !== null && room.value.kind !== 'constant')) {
      this.forbid(`${operation} reads a computed value`);
    }
  }

  drew(source: DrawSource, pointer: number, blocks: number): void {
    const room = this.#rooms.get(pointer);
    if (room) room.value = { kind: 'draw', bytes: 16, address: pointer, draw: { source, blocks } };
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
      kind: 'constant',
      bytes: room.bytes,
      address: room.pointer,
      data: new Uint8Array(memory.buffer, room.pointer, room.bytes).slice(),
    };
    return { value: room.value, offset: pointer - room.pointer };
  }

  #roomAt(pointer: number): Room | undefined {
    const exact = this.#rooms.get(pointer);
    if (exact !== undefined) return exact;
    for (const room of this.#rooms.values()) {
      if (pointer > room.pointer && pointer < room.pointer + room.bytes) return room;
    }
    return undefined;
  }

  #fixedAt(address: number, bytes: number, offset: number): Operand {
    let value = this.#fixed.get(address);
    if (value === undefined || value.bytes < bytes) {
      value = { kind: 'fixed', bytes, address };
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
        room.value = { kind: 'temporary', bytes: room.bytes, address: room.pointer };
      } else if (room.value.kind !== 'temporary') {
        this.forbid('a kernel changes part of a constant');
      }
      partial ||= !whole;
      return { value: room.value, offset: pointer - room.pointer };
    });
    this.steps.push({ call, operands: [...results, ...inputs], partial });
  }
}
