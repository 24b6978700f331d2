import type { DType } from './dtype.ts';
import { apply } from './eager.ts';
import { ShapeError, ValueError } from './errors.ts';
import type { Expr } from './expr/expr.ts';
import { execute } from './kernels/execute.ts';
import { randomCall } from './kernels/random/random.ts';
import { type RandomKind, threefry2x32 } from './kernels/random/threefry.ts';
import { drawState, refuseInLoop } from './memory/draw-scope.ts';
import { memory } from './memory/linear-memory.ts';
import { allocate, bytesOf, markScratch, releaseScratch, scratch } from './memory/storage.ts';
import { stepWatcher } from './memory/watcher.ts';
import { checkDType, isTensor, refuseForeign } from './ops/argument.ts';
import { elementwise } from './ops/elementwise-op.ts';
import { checkNames, describeValue, real, whole } from './options.ts';
import { broadcastShapes, checkedSize, checkShape, formatShape, type Shape, sameShape } from './shape.ts';
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
      throw new ValueError(`Rng: the seed must be a whole number from 0 to 2⁵³ − 1, got ${describeValue(seed)}`);
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
    const words = [
      ...(Array.isArray(state?.key) ? state.key : []),
      ...(Array.isArray(state?.counter) ? state.counter : []),
    ];
    if (words.length !== 4 || state.key.length !== 2 || !words.every((word) => Number.isInteger(word))) {
      throw new ValueError(
        `Rng: a state is { key: [word, word], counter: [word, word] } of whole numbers, got ${describeValue(state)}`,
      );
    }
    this.#key = [state.key[0] >>> 0, state.key[1] >>> 0];
    this.#low = state.counter[0] >>> 0;
    this.#high = state.counter[1] >>> 0;
  }

  get state(): RngState {
    return { key: this.#key, counter: [this.#low, this.#high] };
  }

  /** `count` generators independent of each other and of this one's next draws; advances this one. */
  split(count = 2): Rng[] {
    whole({ min: 0, max: 2 ** 20 })(count, { caller: 'Rng.split', path: 'count' });
    stepWatcher()?.forbid('Rng.split');
    refuseInLoop('Rng.split');
    return Array.from({ length: count }, () => {
      const key = threefry2x32(this.#key[0], this.#key[1], this.#low, this.#high);
      this.#advance(1);
      return Rng.fromState({ key, counter: [0, 0] });
    });
  }

  /** Uniform on [low, high), low 0 and high 1 by default. */
  uniform(shape: Shape, options?: DrawOptions & { readonly low?: number; readonly high?: number }): Tensor {
    checkNames('uniform', options, ['dtype', 'low', 'high']);
    const { low = 0, high = 1 } = options ?? {};
    checkFinite('uniform', 'low', low);
    checkFinite('uniform', 'high', high);
    if (low > high) throw new ValueError(`uniform: low must be ≤ high, got ${low} and ${high}`);
    const draw = this.#draw('uniform', shape, options);
    if (low === 0 && high === 1) return draw;
    return apply(
      betweenOp,
      [draw, ...[high - low, low, below(high, low, draw.dtype)].map((x) => draw.scalar(x))],
      undefined,
    );
  }

  /** Normal, by the Box–Muller transform; mean 0 and std 1 by default. */
  normal(shape: Shape, options?: DrawOptions & { readonly mean?: number; readonly std?: number }): Tensor {
    checkNames('normal', options, ['dtype', 'mean', 'std']);
    const { mean = 0, std = 1 } = options ?? {};
    checkFinite('normal', 'mean', mean);
    checkFinite('normal', 'std', std);
    if (std < 0) throw new ValueError(`normal: std must be ≥ 0, got ${std}`);
    const draw = this.#draw('normal', shape, options);
    return mean === 0 && std === 1 ? draw : draw.mul(std).add(mean);
  }

  /** 1 with probability p (a number, or a tensor that broadcasts to the shape), else 0. */
  bernoulli(shape: Shape, options?: DrawOptions & { readonly p?: number | Tensor }): Tensor {
    checkNames('bernoulli', options, ['dtype', 'p']);
    const { p = 0.5 } = options ?? {};
    if (!isTensor(p) && !(typeof p === 'number' && p >= 0 && p <= 1)) {
      refuseForeign('bernoulli', p);
      throw new ValueError(`bernoulli: p must be from 0 to 1, or a tensor, got ${describeValue(p)}`);
    }
    checkShape('bernoulli', shape);
    if (isTensor(p) && !sameShape(broadcastShapes('bernoulli', [p.shape, shape]), shape)) {
      throw new ShapeError(`bernoulli: p of ${formatShape(p.shape)} does not broadcast to ${formatShape(shape)}`);
    }
    return this.#draw('uniform', shape, options, 'bernoulli').less(p);
  }

  /** Exponential with rate 1: density e^(−x) on x ≥ 0. */
  exponential(shape: Shape, options?: DrawOptions): Tensor {
    checkNames('exponential', options, ['dtype']);
    return this.#draw('exponential', shape, options);
  }

  /** Standard Gumbel: −log(−log u). */
  gumbel(shape: Shape, options?: DrawOptions): Tensor {
    checkNames('gumbel', options, ['dtype']);
    return this.#draw('gumbel', shape, options);
  }

  /** The numbers 0 … n − 1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    checkShape('permutation', [n]);
    checkedSize('permutation', [n], 'f32');
    stepWatcher()?.forbid('Rng.permutation');
    refuseInLoop('Rng.permutation');
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    const [key0, key1] = this.#key;
    for (let i = n - 1; i > 0; i--) {
      const [a, b] = threefry2x32(key0, key1, this.#low, this.#high);
      this.#advance(1);
      // 53 random bits scaled to 0 … i: the bias is below i / 2⁵³.
      const j = Math.floor((((a >>> 0) * 2 ** 21 + (b >>> 11)) / 2 ** 53) * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
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

  #draw(kind: RandomKind, shape: Shape, options: DrawOptions | undefined, name: string = kind): Tensor {
    checkShape(name, shape);
    const dtype = checkDType(name, options?.dtype, 'f32');
    const size = checkedSize(name, shape, dtype);
    const storage = allocate(dtype, size);
    const mark = markScratch();
    const out = storage.pointer >= 0 ? storage.pointer : scratch(bytesOf(dtype, size));
    const blocks = Math.ceil(size / 2);
    const state = drawState(this, blocks);
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

/** low + u·(high − low). Rounding may bring the largest draws to `high`, which is not one of them. */
const betweenOp = /* @__PURE__ */ elementwise(
  'uniform',
  (u, width, low, most) =>
    u
      .mul(width as Expr)
      .add(low as Expr)
      .min(most as Expr),
  [null, null, null, null],
);

function checkFinite(name: string, path: string, value: number): void {
  real()(value, { caller: name, path });
}

const bits = new Int32Array(2);
const single = new Float32Array(bits.buffer);
const double = new Float64Array(bits.buffer);

/** The largest number of the dtype below `high`, but not below `low`. */
function below(high: number, low: number, dtype: DType): number {
  // One towards −∞: the magnitude's bits go down by one above 0, up by one below it.
  const step = high > 0 ? -1 : 1;
  if (high === 0) return dtype === 'f32' ? -(2 ** -149) : -Number.MIN_VALUE;
  if (dtype === 'f32') {
    single[0] = high;
    // What single precision rounds down is below already.
    if (single[0] >= high) bits[0] = bits[0]! + step;
    return Math.max(single[0], low);
  }
  double[0] = high;
  const words = new BigInt64Array(bits.buffer);
  words[0] = words[0]! + BigInt(step);
  return Math.max(double[0]!, low);
}
