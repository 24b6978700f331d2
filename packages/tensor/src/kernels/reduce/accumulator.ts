import { type Local, V128 } from '../wasm/assembler.ts';
import { type Lanes, MAGNITUDE, type Value } from '../wasm/lanes.ts';
import type { ReduceKind } from './reduce.ts';

/** Four running reductions, one a lane, in locals of a function under construction. */
export interface Accumulator {
  /** Vectors that may be taken between two `flush`es; past it single precision would lose too much. */
  readonly blockLength: number;
  /** Whether up to four vectors may be joined to one before it is taken. */
  readonly joinable: boolean;
  begin(): void;
  /** What is reduced, from the value of the expression; once for every vector, before all else. */
  prepare(value: Value): Value;
  /** Two vectors' reduction, lane by lane. */
  join(a: Value, b: Value): Value;
  /** Takes a vector into the running reduction; `index` is the position of each lane along the reduced axis. */
  take(value: Value, index: () => Value): void;
  /** Leaves the lanes where `mask` is zero out of the reduction. */
  mask(mask: Value, value: Value): Value;
  flush(): void;
  /** The four results. */
  lanes(): Value;
  /** Reduces the four lanes to one and puts it on the stack as an f32. */
  emitScalar(): void;
}

export function accumulator(l: Lanes, kind: ReduceKind): Accumulator {
  switch (kind) {
    case 'sum':
      return wideSum(l);
    case 'max':
      return extremum(l, -Infinity, 'f32x4_max');
    case 'min':
      return extremum(l, Infinity, 'f32x4_min');
    case 'argMax':
      return argMaximum(l);
  }
}

function set(l: Lanes, local: Local, value: Value): void {
  value.emit();
  l.f.set(local);
}

/**
 * Blocks in single precision, their totals in double: 8 takes of at most 4 joined vectors each make at most 11
 * single-precision additions in a row, so the error of a sum is at most 11·2⁻²⁴ ≈ 6.6e-7 of Σ|x|, however long it is.
 */
function wideSum(l: Lanes): Accumulator {
  const { f } = l;
  const [block, low, high] = [f.local(V128), f.local(V128), f.local(V128)];
  return {
    blockLength: 8,
    joinable: true,
    begin() {
      for (const local of [block, low, high]) set(l, local, l.f32(0));
    },
    prepare: (value) => value,
    join: (a, b) => l.add(a, b),
    take: (value) => set(l, block, l.add(l.local(block), value)),
    mask: (mask, value) => l.choose(mask, value, l.f32(0)),
    flush() {
      const b = l.local(block);
      set(l, low, l.op('f64x2_add', l.local(low), l.op('f64x2_promote_low_f32x4', b)));
      const upper = l.shuffle(b, b, [2, 3, 2, 3]);
      set(l, high, l.op('f64x2_add', l.local(high), l.op('f64x2_promote_low_f32x4', upper)));
      set(l, block, l.f32(0));
    },
    lanes: () =>
      l.shuffle(
        l.op('f32x4_demote_f64x2_zero', l.local(low)),
        l.op('f32x4_demote_f64x2_zero', l.local(high)),
        [0, 1, 4, 5],
      ),
    emitScalar() {
      const both = l.keep(l.op('f64x2_add', l.local(low), l.local(high)));
      both.emit();
      f.lane('f64x2_extract_lane', 0);
      both.emit();
      f.lane('f64x2_extract_lane', 1).op('f64_add').op('f32_demote_f64');
    },
  };
}

/** Largest or smallest; NaN if any is NaN. */
function extremum(l: Lanes, identity: number, join: 'f32x4_max' | 'f32x4_min'): Accumulator {
  const best = l.f.local(V128);
  return {
    blockLength: Number.POSITIVE_INFINITY,
    joinable: true,
    begin: () => set(l, best, l.f32(identity)),
    prepare: (value) => value,
    join: (a, b) => l.op(join, a, b),
    take: (value) => set(l, best, l.op(join, l.local(best), value)),
    mask: (mask, value) => l.choose(mask, value, l.f32(identity)),
    flush() {},
    lanes: () => l.local(best),
    emitScalar() {
      const b = l.local(best);
      const pairs = l.keep(l.op(join, b, l.shuffle(b, b, [2, 3, 0, 1])));
      l.op(join, pairs, l.shuffle(pairs, pairs, [1, 0, 3, 2])).emit();
      l.f.lane('f32x4_extract_lane', 0);
    },
  };
}

const LOWEST = -0x80000000;

/**
 * The index of the first maximum. Values are compared as integers that sort like the numbers: the bits, all but the
 * sign inverted where it is set; a NaN is the largest integer. −0 counts as 0.
 */
function argMaximum(l: Lanes): Accumulator {
  const { f } = l;
  const [best, at] = [f.local(V128), f.local(V128)];
  const sortable = (value: Value): Value => {
    const x = l.keep(l.add(value, l.f32(0)));
    const flipped = l.op('v128_xor', x, l.and(l.shift('i32x4_shr_s', x, 31), l.i32(MAGNITUDE)));
    return l.choose(l.op('f32x4_eq', x, x), flipped, l.i32(MAGNITUDE));
  };
  return {
    blockLength: Number.POSITIVE_INFINITY,
    joinable: false,
    begin() {
      set(l, best, l.i32(LOWEST));
      set(l, at, l.i32(0));
    },
    prepare: sortable,
    join: (a) => a,
    take(value, index) {
      const larger = l.keep(l.op('i32x4_gt_s', value, l.local(best)));
      set(l, at, l.choose(larger, index(), l.local(at)));
      set(l, best, l.choose(larger, value, l.local(best)));
    },
    mask: (mask, value) => l.choose(mask, value, l.i32(LOWEST)),
    flush() {},
    lanes: () => l.op('f32x4_convert_i32x4_s', l.local(at)),
    emitScalar() {
      const [value, index, otherValue, otherIndex] = f.locals(4);
      for (let lane = 0; lane < 4; lane++) {
        f.get(best)
          .lane('i32x4_extract_lane', lane)
          .set(lane === 0 ? value : otherValue);
        f.get(at)
          .lane('i32x4_extract_lane', lane)
          .set(lane === 0 ? index : otherIndex);
        if (lane === 0) continue;
        // Larger, or as large and earlier.
        f.get(otherValue).get(value).op('i32_gt_s');
        f.get(otherValue).get(value).op('i32_eq');
        f.get(otherIndex).get(index).op('i32_lt_s').op('i32_and').op('i32_or');
        f.if_(() => f.get(otherValue).set(value).get(otherIndex).set(index));
      }
      f.get(index).op('f32_convert_i32_s');
    },
  };
}
