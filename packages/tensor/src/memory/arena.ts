import { heap } from './heap.ts';
import { align } from './linear-memory.ts';

const CHUNK = 4 << 20;

interface Chunk {
  readonly pointer: number;
  readonly bytes: number;
}

/** A place to come back to: everything allocated after it is given up at once. */
export interface Mark {
  readonly chunk: number;
  readonly offset: number;
}

/**
 * A bump allocator over chunks of the linear memory. Allocating moves an offset, freeing puts the offset back, and the
 * chunks are kept for the next round, so a training step that repeats takes no new memory.
 */
export class Arena {
  #chunks: Chunk[] = [];
  #chunk = 0;
  #offset = 0;
  /** Bytes of the next chunk: what several were before they became one. */
  #wanted = CHUNK;

  /** Every allocation has an address of its own, also one of no bytes. */
  allocate(bytes: number): number {
    const size = bytes === 0 ? align(1) : align(bytes);
    while (this.#chunk < this.#chunks.length) {
      const chunk = this.#chunks[this.#chunk] as Chunk;
      if (this.#offset + size <= chunk.bytes) {
        const pointer = chunk.pointer + this.#offset;
        this.#offset += size;
        return pointer;
      }
      this.#chunk++;
      this.#offset = 0;
    }
    const chunkBytes = Math.max(this.#wanted, size);
    const pointer = heap.take(chunkBytes, 'steps');
    this.#chunks.push({ pointer, bytes: chunkBytes });
    this.#wanted = CHUNK;
    this.#offset = size;
    return pointer;
  }

  /** Room that is good until the next allocation. */
  room(bytes: number): number {
    const chunk = this.#chunk;
    const offset = this.#offset;
    const pointer = this.allocate(bytes);
    this.#chunk = chunk;
    this.#offset = offset;
    return pointer;
  }

  mark(): Mark {
    return { chunk: this.#chunk, offset: this.#offset };
  }

  release(mark: Mark): void {
    this.#chunk = mark.chunk;
    this.#offset = mark.offset;
    // Once nothing is in use, several chunks become one, so that steps of changing sizes do not leave a chunk each.
    if (this.#chunks.length > 1 && mark.chunk === 0 && mark.offset === 0) {
      const bytes = this.#chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
      this.giveBack();
      this.#wanted = bytes;
    }
  }

  /** Gives all chunks back; false if there is nothing to give, or something is in use. */
  giveBack(): boolean {
    if (this.#chunks.length === 0 || this.#chunk > 0 || this.#offset > 0) return false;
    for (const { pointer, bytes } of this.#chunks) heap.give(pointer, bytes, 'steps');
    this.#chunks = [];
    this.#wanted = CHUNK;
    return true;
  }
}
