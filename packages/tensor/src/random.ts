import { ValueError } from './errors.ts';
import { execute } from './kernels/execute.ts';
import type { DType } from './kernels/kernel.ts';
import { randomCall, STATE_BYTES } from './kernels/random/random.ts';
import { type RandomKind, threefry2x32 } from './kernels/random/threefry.ts';
import { memory } from './memory/linear-memory.ts';
import { allocate, bytesOf, markScratch, releaseScratch, scratch } from './memory/storage.ts';
import { stepWatcher } from './memory/watcher.ts';
import { checkedSize, checkShape, type Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** Everything there is to a generator; plain data for a checkpoint. */
export interface RngState {
  /** Two 32-bit words. */
  readonly key: readonly [number, number];
  /** Blocks drawn so far, as two 32-bit words (low, high). */
  readonly counter: readonly [number, number];
}

interface DrawOptions {
  readonly dtype?: DType;
}

const WORD = 2 ** 32;

/**
 * A counter-based generator of random numbers: Threefry2x32-20 (Salmon et al. 2011). The same seed gives the same
 * numbers in every kernel set, with any number of threads; 0 is a seed like any other. f64 draws are the f32 draws.
 */
export class Rng {
  #key: readonly [number, number];
  // Blocks drawn so far, as two 32-bit words.
  #low = 0;
  #high = 0;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ValueError(`Rng: the seed must be a whole number from 0 to 2⁵³ − 1, got ${seed}`);
    }
    this.#key = [(seed % WORD) >>> 0, Math.floor(seed / WORD) >>> 0];
  }

  static fromState(state: RngState): Rng {
    const rng = new Rng(0);
    rng.restore(state);
    return rng;
  }

  /** Goes on from `state`. */
  restore(state: RngState): void {
    this.#key = [state.key[0] >>> 0, state.key[1] >>> 0];
    this.#low = state.counter[0] >>> 0;
    this.#high = state.counter[1] >>> 0;
  }

  get state(): RngState {
    return { key: this.#key, counter: [this.#low, this.#high] };
  }

  /** `count` generators independent of each other and of this one's next draws; advances this one. */
  split(count = 2): Rng[] {
    stepWatcher()?.forbid('Rng.split');
    return Array.from({ length: count }, () => {
      const key = threefry2x32(this.#key[0], this.#key[1], this.#low, this.#high);
      this.#advance(1);
      return Rng.fromState({ key, counter: [0, 0] });
    });
  }

  /** Uniform on [low, high), low 0 and high 1 by default. */
  uniform(shape: Shape, options: DrawOptions & { readonly low?: number; readonly high?: number } = {}): Tensor {
    const { low = 0, high = 1 } = options;
    const draw = this.#draw('uniform', shape, options.dtype);
    return low === 0 && high === 1 ? draw : draw.mul(high - low).add(low);
  }

  /** Normal, by the Box–Muller transform; mean 0 and std 1 by default. */
  normal(shape: Shape, options: DrawOptions & { readonly mean?: number; readonly std?: number } = {}): Tensor {
    const { mean = 0, std = 1 } = options;
    const draw = this.#draw('normal', shape, options.dtype);
    return mean === 0 && std === 1 ? draw : draw.mul(std).add(mean);
  }

  /** 1 with probability p (a number, or a tensor that broadcasts to the shape), else 0. */
  bernoulli(shape: Shape, options: DrawOptions & { readonly p?: number | Tensor } = {}): Tensor {
    const { p = 0.5 } = options;
    if (typeof p === 'number' && !(p >= 0 && p <= 1))
      throw new ValueError(`bernoulli: p must be from 0 to 1, got ${p}`);
    return this.#draw('uniform', shape, options.dtype).less(p);
  }

  /** Exponential with rate 1: density e^(−x) on x ≥ 0. */
  exponential(shape: Shape, options: DrawOptions = {}): Tensor {
    return this.#draw('exponential', shape, options.dtype);
  }

  /** Standard Gumbel: −log(−log u). */
  gumbel(shape: Shape, options: DrawOptions = {}): Tensor {
    return this.#draw('gumbel', shape, options.dtype);
  }

  /** The numbers 0 … n − 1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    checkShape('permutation', [n]);
    checkedSize('permutation', [n], 'f32');
    stepWatcher()?.forbid('Rng.permutation');
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    const [key0, key1] = this.#key;
    for (let i = n - 1; i > 0; i--) {
      const [a, b] = threefry2x32(key0, key1, this.#low, this.#high);
      this.#advance(1);
      // 53 random bits scaled to 0 … i: the bias is below i / 2⁵³.
      const j = Math.floor((((a >>> 0) * 2 ** 21 + (b >>> 11)) / 2 ** 53) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  /** Takes `blocks` counter values. */
  #advance(blocks: number): void {
    const low = this.#low + blocks;
    this.#low = (low % WORD) >>> 0;
    this.#high = (this.#high + Math.floor(low / WORD)) >>> 0;
  }

  /** Takes `blocks` blocks and writes the key and the first counter at `pointer`, unless that is negative. The engine's. */
  writeDraw(pointer: number, blocks: number): void {
    if (pointer >= 0) {
      const words = memory.i32;
      const at = pointer / 4;
      words[at] = this.#key[0];
      words[at + 1] = this.#key[1];
      words[at + 2] = this.#low;
      words[at + 3] = this.#high;
    }
    this.#advance(blocks);
  }

  #draw(kind: RandomKind, shape: Shape, dtype: DType = 'f32'): Tensor {
    checkShape(kind, shape);
    const size = checkedSize(kind, shape, dtype);
    const storage = allocate(dtype, size);
    const mark = markScratch();
    const state = scratch(STATE_BYTES);
    const out = storage.pointer >= 0 ? storage.pointer : scratch(bytesOf(dtype, size));
    const blocks = Math.ceil(size / 2);
    this.writeDraw(state, blocks);
    stepWatcher()?.drew(this, state, blocks);
    execute(randomCall(kind, dtype, out, state, size));
    const result = new Tensor([...shape], dtype, storage);
    if (storage.heap !== null) {
      const heap = dtype === 'f32' ? memory.f32 : memory.f64;
      const start = dtype === 'f32' ? out / 4 : out / 8;
      storage.heap.set(heap.subarray(start, start + size));
    }
    releaseScratch(mark);
    return result;
  }
}
