import { align, memory } from './linear-memory.ts';

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

  allocate(bytes: number): number {
    const size = align(bytes);
    while (this.#chunk < this.#chunks.length) {
      const chunk = this.#chunks[this.#chunk];
      if (this.#offset + size <= chunk.bytes) {
        const pointer = chunk.pointer + this.#offset;
        this.#offset += size;
        return pointer;
      }
      this.#chunk++;
      this.#offset = 0;
    }
    const chunkBytes = Math.max(CHUNK, size);
    this.#chunks.push({ pointer: memory.reserve(chunkBytes), bytes: chunkBytes });
    this.#offset = size;
    return this.#chunks[this.#chunk].pointer;
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
  }
}
