import { type FunctionBuilder, type Local, type SimdName, V128 } from './assembler.ts';

/**
 * A v128 that can be put on the stack. Putting it there twice computes it twice, unless it is `kept` (a local or a
 * constant), so what is used more than once goes through `Lanes.keep` first.
 */
export interface Value {
  readonly emit: () => void;
  readonly kept: boolean;
}

/** Formulas over four lanes for a function under construction: `l.add(l.mul(x, x), l.f32(1))`. */
export class Lanes {
  readonly f: FunctionBuilder;
  /** Whether elementary functions multiply and add in one instruction; else results have the same bits on every machine. */
  readonly fused: boolean;

  constructor(f: FunctionBuilder, fused: boolean) {
    this.f = f;
    this.fused = fused;
  }

  /** The instruction `name` on these operands. */
  op(name: SimdName, a: Value, b?: Value, c?: Value): Value {
    const emit = (): void => {
      a.emit();
      b?.emit();
      c?.emit();
      this.f.simd(name);
    };
    return { emit, kept: false };
  }

  /** Computes the value here and now, once. */
  keep(value: Value): Value {
    if (value.kept) return value;
    const local = this.f.local(V128);
    value.emit();
    this.f.set(local);
    return this.local(local);
  }
  local(local: Local): Value {
    return { emit: () => this.f.get(local), kept: true };
  }

  /**
   * A number in every lane. Constants are set up once, at the start of the function: engines build a v128 constant in
   * three instructions each time they meet it.
   */
  f32(value: number): Value {
    const lane = new Int32Array(new Float32Array([value]).buffer)[0]!;
    return this.i32(lane);
  }
  i32(...lanes: number[]): Value {
    const local = this.f.constant(lanes.length === 1 ? new Array<number>(4).fill(lanes[0]!) : lanes);
    return this.local(local);
  }
  f64(value: number): Value {
    const [low, high] = [...new Int32Array(new Float64Array([value]).buffer)] as [number, number];
    return this.i32(low, high, low, high);
  }

  add(a: Value, b: Value): Value {
    return this.op('f32x4_add', a, b);
  }
  sub(a: Value, b: Value): Value {
    return this.op('f32x4_sub', a, b);
  }
  mul(a: Value, b: Value): Value {
    return this.op('f32x4_mul', a, b);
  }
  /** a·b + c, rounded once where operations are fused. */
  mulAdd(a: Value, b: Value, c: Value): Value {
    return this.fused ? this.op('f32x4_relaxed_madd', a, b, c) : this.add(this.mul(a, b), c);
  }
  div(a: Value, b: Value): Value {
    return this.op('f32x4_div', a, b);
  }
  and(a: Value, b: Value): Value {
    return this.op('v128_and', a, b);
  }
  /** `mask ? a : b` in each lane, of which the mask has all bits or none. */
  choose(mask: Value, a: Value, b: Value): Value {
    return this.op(this.fused ? 'i32x4_relaxed_laneselect' : 'v128_bitselect', a, b, mask);
  }

  /**
   * `coefficients[0]·xⁿ + … + coefficients[n]` by Estrin's scheme: (c₀ + c₁x) + (c₂ + c₃x)·x² + …, a chain of depth
   * log n, where Horner's of depth n would keep the processor waiting. Fused, Horner's has half of the instructions, and
   * the next vectors fill the time. `x` must be kept.
   */
  polynomial(coefficients: readonly number[], x: Value): Value {
    const [first, ...others] = coefficients as readonly [number, ...number[]];
    if (this.fused) return others.reduce((sum, c) => this.mulAdd(sum, x, this.f32(c)), this.f32(first));
    let terms = coefficients.map((c) => this.f32(c)).reverse();
    for (let power = x; ; power = this.keep(this.mul(power, power))) {
      const pairs: Value[] = [];
      for (let i = 0; i < terms.length; i += 2) {
        const odd = terms[i + 1];
        pairs.push(odd === undefined ? terms[i]! : this.add(this.mul(odd, power), terms[i]!));
      }
      if (pairs.length === 1) return pairs[0]!;
      terms = pairs;
    }
  }

  shift(name: 'i32x4_shl' | 'i32x4_shr_s' | 'i32x4_shr_u', a: Value, bits: number): Value {
    const emit = (): void => {
      a.emit();
      this.f.i32(bits).simd(name);
    };
    return { emit, kept: false };
  }
  shuffle(a: Value, b: Value, lanes: readonly [number, number, number, number]): Value {
    const emit = (): void => {
      a.emit();
      b.emit();
      this.f.shuffle32(...lanes);
    };
    return { emit, kept: false };
  }
}

/** The sign bit, and all the others. */
export const SIGN = -0x80000000;
export const MAGNITUDE = 0x7fffffff;

/** Stores the first `count` (a local, 1 to 3) lanes of `value`. */
export function storeLanes(f: FunctionBuilder, pointer: Local, value: Local, count: Local): void {
  f.get(count).i32(2).op('i32_and');
  f.if_(
    () => {
      f.get(pointer).get(value).memoryLane('v128_store64_lane', 0);
      f.get(count).i32(1).op('i32_and');
      f.if_(() => f.get(pointer).get(value).memoryLane('v128_store32_lane', 2, 8));
    },
    () => f.get(pointer).get(value).memoryLane('v128_store32_lane', 0),
  );
}
