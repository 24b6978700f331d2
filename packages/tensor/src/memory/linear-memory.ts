import type { DType } from '../dtype.ts';
import { MemoryError } from '../errors.ts';

/**
 * The one linear memory that every kernel works in. A pointer is a byte offset into it.
 *
 * It is a `WebAssembly.Memory`, so that the SIMD kernels see it; where a page's policy forbids WebAssembly it is a
 * plain `ArrayBuffer` that is replaced when it grows. Growth detaches every view, so views are read from here at the
 * moment of use (`memory.f32[pointer >> 2]`) and never kept across an allocation.
 */
const PAGE = 65536;
const INITIAL_PAGES = 256; // 16 MiB
/**
 * One page short of 4 GiB, so that every address fits an unsigned 32-bit integer; less where the platform does not let so
 * much be set aside.
 */
const MAX_PAGES = [65535, 32768, 16384, 8192];
/** Vector loads may read past the end of their operand; the last bytes of the memory are never handed out. */
const SLACK = 256;

export const ALIGNMENT = 64;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

class LinearMemory {
  /** Null where WebAssembly is not to be had; then only the reference kernels run. */
  readonly wasm: WebAssembly.Memory | null;
  /** Bytes that may be handed out at most. */
  readonly limit: number;
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  #buffer: ArrayBufferLike;
  #top = ALIGNMENT; // address 0 is never handed out

  constructor() {
    const made = createWasmMemory();
    this.wasm = made?.memory ?? null;
    this.limit = (made?.pages ?? (MAX_PAGES[0] as number)) * PAGE - SLACK - ALIGNMENT;
    this.#buffer = this.wasm ? this.wasm.buffer : new ArrayBuffer(INITIAL_PAGES * PAGE);
    this.#makeViews();
  }

  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /** Whether worker threads can see this memory. */
  get shared(): boolean {
    return typeof SharedArrayBuffer !== 'undefined' && this.#buffer instanceof SharedArrayBuffer;
  }

  get byteLength(): number {
    return this.#buffer.byteLength;
  }

  /** Where the part that is in use ends. */
  get top(): number {
    return this.#top;
  }

  /**
   * Takes `bytes` from the end of what is in use, growing the memory where needed; a failure changes nothing. Never given
   * back: see `heap.ts`.
   */
  reserve(bytes: number): number {
    const pointer = this.#top;
    const end = pointer + align(bytes);
    if (end + SLACK > this.#buffer.byteLength) this.#grow(end + SLACK);
    this.#top = end;
    return pointer;
  }

  #grow(needed: number): void {
    const limit = this.limit + SLACK + ALIGNMENT;
    if (!(needed <= limit)) throw new MemoryError(`memory: it ends at ${limit} bytes, ${needed} are needed`);
    const held = this.#buffer.byteLength / PAGE;
    const least = Math.ceil(needed / PAGE);
    // By at least a quarter, so that many small reservations cost few growths; by less where that is not to be had.
    const generous = Math.min(Math.max(least, Math.ceil(held * 1.25)), limit / PAGE);
    if (!this.#growTo(generous, held) && !this.#growTo(least, held)) {
      throw new MemoryError(`memory: the platform gives no more than ${held * PAGE} bytes, ${needed} are needed`);
    }
    this.#makeViews();
  }

  #growTo(pages: number, held: number): boolean {
    try {
      if (this.wasm) {
        this.wasm.grow(pages - held);
        this.#buffer = this.wasm.buffer;
      } else {
        const grown = new ArrayBuffer(pages * PAGE);
        new Uint8Array(grown).set(new Uint8Array(this.#buffer));
        this.#buffer = grown;
      }
      return true;
    } catch {
      return false;
    }
  }

  #makeViews(): void {
    this.f32 = new Float32Array(this.#buffer);
    this.f64 = new Float64Array(this.#buffer);
    this.i32 = new Int32Array(this.#buffer);
  }
}

/** Shared with worker threads where the platform lets memory be shared: in Node, and in cross-origin-isolated pages. */
function createWasmMemory(): { memory: WebAssembly.Memory; pages: number } | null {
  const shared =
    typeof SharedArrayBuffer !== 'undefined' &&
    (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
  for (const pages of MAX_PAGES) {
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: pages, shared }), pages };
    } catch {
      // Less, then.
    }
  }
  return null;
}

/** All of the memory as numbers of a dtype, good until the next allocation. */
export function view(dtype: DType): Float32Array | Float64Array {
  return dtype === 'f32' ? memory.f32 : memory.f64;
}

/** The position in such a view. Pointers pass 2³¹, so they are divided, not shifted. */
export function elementAt(dtype: DType, pointer: number): number {
  return dtype === 'f32' ? pointer / 4 : pointer / 8;
}

export type { LinearMemory };
export const memory: LinearMemory = /* @__PURE__ */ new LinearMemory();
