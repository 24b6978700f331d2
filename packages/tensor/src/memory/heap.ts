import { MemoryError } from '../errors.ts';
import { align, memory } from './linear-memory.ts';

/** What the linear memory is taken for. */
export type Holder = 'parameters' | 'tensors' | 'programs' | 'steps' | 'threads';

const IN_WORDS: Record<Holder, string> = {
  parameters: 'parameters and other persistent tensors',
  tensors: 'tensors made outside steps',
  programs: 'recorded steps',
  steps: 'steps that run',
  threads: 'threads',
};

/** A free block; free blocks never touch. */
interface Block {
  readonly pointer: number;
  readonly bytes: number;
}

/** Free blocks by size, in classes of a quarter of a power of two. */
const CLASSES = 128;

function classOf(bytes: number): number {
  const power = Math.floor(Math.log2(bytes));
  return 4 * (power - 6) + Math.floor((4 * bytes) / 2 ** power) - 4;
}

/**
 * Blocks of the linear memory that are taken and given back, by their size (segregated fit, as in Masmano and others
 * 2004, TLSF): neighbours that are free become one, so memory that programs of one size gave back serves those of another.
 */
class Heap {
  readonly #classes: Set<number>[] = Array.from({ length: CLASSES }, () => new Set<number>());
  /** Free blocks by where they begin and where they end. */
  readonly #begins = new Map<number, Block>();
  readonly #ends = new Map<number, Block>();
  readonly #held: Record<Holder, number> = { parameters: 0, tensors: 0, programs: 0, steps: 0, threads: 0 };
  readonly #reliefs: (() => boolean)[] = [];

  /** Bytes that each holder has. */
  get held(): Readonly<Record<Holder, number>> {
    return this.#held;
  }

  /** `give` gives some memory back when it has run out; false when it has no more to give. */
  relieveBy(give: () => boolean): void {
    this.#reliefs.push(give);
  }

  /** A block of at least `bytes`. Where there is none, a `MemoryError` says who holds what, and nothing has changed. */
  take(bytes: number, holder: Holder): number {
    const size = sizeOf(bytes);
    const pointer = this.#find(size) ?? this.#reserve(size) ?? this.#relieved(size);
    if (pointer === null) throw this.#full(size);
    this.#held[holder] += size;
    return pointer;
  }

  give(pointer: number, bytes: number, holder: Holder): void {
    const size = sizeOf(bytes);
    this.#held[holder] -= size;
    let [begin, end] = [pointer, pointer + size];
    const before = this.#ends.get(begin);
    if (before !== undefined) {
      this.#remove(before);
      begin = before.pointer;
    }
    const after = this.#begins.get(end);
    if (after !== undefined) {
      this.#remove(after);
      end = after.pointer + after.bytes;
    }
    this.#add(begin, end - begin);
  }

  #find(size: number): number | null {
    // Every block of the next class is large enough; of its own class some are.
    const own = classOf(size);
    for (const begin of this.#classes[own] as Set<number>) {
      const block = this.#begins.get(begin) as Block;
      if (block.bytes >= size) return this.#cut(block, size);
      break; // looking on would take long
    }
    for (let c = own + 1; c < CLASSES; c++) {
      for (const begin of this.#classes[c] as Set<number>) return this.#cut(this.#begins.get(begin) as Block, size);
    }
    return null;
  }

  #cut(block: Block, size: number): number {
    this.#remove(block);
    if (block.bytes > size) this.#add(block.pointer + size, block.bytes - size);
    return block.pointer;
  }

  /** From the end of the memory, together with what is free there. */
  #reserve(size: number): number | null {
    const last = this.#ends.get(memory.top);
    try {
      const pointer = memory.reserve(size - (last?.bytes ?? 0));
      if (last === undefined) return pointer;
      this.#remove(last);
      return last.pointer;
    } catch (error) {
      if (error instanceof MemoryError) return null;
      throw error;
    }
  }

  #relieved(size: number): number | null {
    for (const give of this.#reliefs) {
      while (give()) {
        const pointer = this.#find(size) ?? this.#reserve(size);
        if (pointer !== null) return pointer;
      }
    }
    return null;
  }

  #add(pointer: number, bytes: number): void {
    const block = { pointer, bytes };
    this.#begins.set(pointer, block);
    this.#ends.set(pointer + bytes, block);
    (this.#classes[classOf(bytes)] as Set<number>).add(pointer);
  }

  #remove({ pointer, bytes }: Block): void {
    this.#begins.delete(pointer);
    this.#ends.delete(pointer + bytes);
    (this.#classes[classOf(bytes)] as Set<number>).delete(pointer);
  }

  #full(size: number): MemoryError {
    const holders = (Object.entries(this.#held) as [Holder, number][])
      .filter(([, bytes]) => bytes > 0)
      .sort((a, b) => b[1] - a[1])
      .map(([holder, bytes]) => `${IN_WORDS[holder]} hold ${inMiB(bytes)}`);
    return new MemoryError(
      `memory: ${inMiB(size)} are needed and ${inMiB(memory.limit)} is all there may be; ${holders.join(', ')}. dispose() of models' parameters and of compiled functions that are no longer used gives memory back at once, and the garbage collector does when the program awaits something; smaller batches need less`,
    );
  }
}

function sizeOf(bytes: number): number {
  return Math.max(64, align(bytes));
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
}

export const heap: Heap = /* @__PURE__ */ new Heap();
