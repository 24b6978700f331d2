import { type FunctionBuilder, I32, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { Lanes, SIGN, storeLanes, type Value } from '../wasm/lanes.ts';
import { logOfNormal } from '../wasm/math.ts';
import { COS_HALF_PI_POLYNOMIAL, type RandomKind, SIN_HALF_PI_POLYNOMIAL } from './threefry.ts';

/**
 * `threefry.ts` four blocks at a time, bit for bit: the same integer rounds and the same single-precision operations
 * in the same order. A function (out, count, state, first), `state` pointing to the key's and the counter's words.
 */
export function defineRandom(module: ModuleBuilder, kind: RandomKind): FunctionBuilder {
  return module.define([I32, I32, I32, I32], [], (f) => emitRandom(f, kind));
}

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/** The third word of a key. */
export function keySchedule(l: Lanes, key0: Value, key1: Value): readonly [Value, Value, Value] {
  return [key0, key1, l.keep(l.op('v128_xor', l.op('v128_xor', key0, key1), l.i32(0x1bd11bda)))];
}

/** The two words of four blocks, each lane with its own key and counter. */
export function blocks(
  l: Lanes,
  keys: readonly [Value, Value, Value],
  counter0: Value,
  counter1: Value,
): readonly [Value, Value] {
  const add = (a: Value, b: Value): Value => l.keep(l.op('i32x4_add', a, b));
  let a = add(counter0, keys[0]);
  let b = add(counter1, keys[1]);
  for (const [round, by] of [...ROTATIONS, ...ROTATIONS, ...ROTATIONS].slice(0, 20).entries()) {
    a = add(a, b);
    const rotated = l.op('v128_or', l.shift('i32x4_shl', b, by), l.shift('i32x4_shr_u', b, 32 - by));
    b = l.keep(l.op('v128_xor', rotated, a));
    if (round % 4 !== 3) continue;
    const group = (round + 1) / 4;
    a = add(a, keys[group % 3]!);
    b = add(b, l.op('i32x4_add', keys[(group + 1) % 3]!, l.i32(group)));
  }
  return [a, b];
}

function emitRandom(f: FunctionBuilder, kind: RandomKind): void {
  const [OUT, COUNT, STATE, FIRST] = [0, 1, 2, 3];
  const l = new Lanes(f, false);
  const word = (i: number): Value =>
    l.keep({ emit: () => f.get(STATE).memory('v128_load32_splat', 4 * i), kept: false });
  const keys = keySchedule(l, word(0), word(1));
  const start = word(2);
  const counter1 = word(3);
  const [counter0, low, high] = [f.local(V128), f.local(V128), f.local(V128)];
  const first: Value = { emit: () => f.get(FIRST).simd('i32x4_splat'), kept: false };
  l.op('i32x4_add', l.op('i32x4_add', start, first), l.i32(0, 1, 2, 3)).emit();
  f.set(counter0);

  // Eight numbers a turn, from four blocks.
  f.block(() => {
    f.loop(() => {
      f.get(COUNT).i32(0).op('i32_le_s').brIf(1);
      // A low word that wrapped around is below where it started, and carries (a mask is −1).
      const carry = l.op('i32x4_lt_u', l.local(counter0), start);
      const words = blocks(l, keys, l.local(counter0), l.op('i32x4_sub', counter1, carry));
      const [first, second] = numbers(l, kind, words);
      l.shuffle(first, second, [0, 4, 1, 5]).emit();
      f.set(low);
      l.shuffle(first, second, [2, 6, 3, 7]).emit();
      f.set(high);
      for (const half of [low, high]) {
        f.get(COUNT).i32(4).op('i32_ge_s');
        f.if_(
          () => f.get(OUT).get(half).memory('v128_store'),
          () => {
            f.get(COUNT).i32(0).op('i32_gt_s');
            f.if_(() => storeLanes(f, OUT, half, COUNT));
          },
        );
        f.advance(OUT, 16).advance(COUNT, -4);
      }
      f.get(counter0).i32x4(4).simd('i32x4_add').set(counter0).br(0);
    });
  });
}

/** The top 32 − `drop` bits of each word as a number. */
function topBits(l: Lanes, word: Value, drop: number): Value {
  return l.op('f32x4_convert_i32x4_s', l.shift('i32x4_shr_u', word, drop));
}
function uniform(l: Lanes, word: Value): Value {
  return l.mul(topBits(l, word, 8), l.f32(2 ** -24));
}
function exponential(l: Lanes, word: Value): Value {
  const above = l.op('i32x4_add', l.shift('i32x4_shr_u', word, 8), l.i32(1));
  return l.sub(l.f32(0), logOfNormal(l, l.mul(l.op('f32x4_convert_i32x4_s', above), l.f32(2 ** -24))));
}
function gumbel(l: Lanes, word: Value): Value {
  const u = l.mul(l.add(topBits(l, word, 9), l.f32(0.5)), l.f32(2 ** -23));
  return l.sub(l.f32(0), logOfNormal(l, l.sub(l.f32(0), logOfNormal(l, u))));
}
function normal(l: Lanes, word0: Value, word1: Value): [Value, Value] {
  const e = l.keep(exponential(l, word0));
  const radius = l.keep(l.op('f32x4_sqrt', l.add(e, e)));
  const t = l.keep(l.mul(topBits(l, word1, 8), l.f32(2 ** -22)));
  const q = l.keep(l.op('f32x4_floor', l.add(t, l.f32(0.5))));
  const r = l.keep(l.sub(t, q));
  const z = l.keep(l.mul(r, r));
  const s = l.keep(l.mul(r, l.polynomial(SIN_HALF_PI_POLYNOMIAL, z)));
  const c = l.keep(l.add(l.f32(1), l.mul(z, l.polynomial(COS_HALF_PI_POLYNOMIAL, z))));
  const quadrant = l.keep(l.op('i32x4_trunc_sat_f32x4_s', q));
  const odd = l.keep(l.op('i32x4_eq', l.op('v128_and', quadrant, l.i32(1)), l.i32(1)));
  const flip = l.keep(l.and(l.shift('i32x4_shl', quadrant, 30), l.i32(SIGN)));
  const sine = l.op('v128_xor', l.choose(odd, c, s), flip);
  const cosine = l.op('v128_xor', l.choose(odd, l.op('f32x4_neg', s), c), flip);
  return [l.mul(radius, cosine), l.mul(radius, sine)];
}

/** The two numbers of each block. */
export function numbers(l: Lanes, kind: RandomKind, [a, b]: readonly [Value, Value]): readonly [Value, Value] {
  const [first, second] = TRANSFORM[kind](l, a, b);
  return [l.keep(first), l.keep(second)];
}

const TRANSFORM: Record<RandomKind, (l: Lanes, word0: Value, word1: Value) => [Value, Value]> = {
  uniform: (l, a, b) => [uniform(l, a), uniform(l, b)],
  exponential: (l, a, b) => [exponential(l, a), exponential(l, b)],
  gumbel: (l, a, b) => [gumbel(l, a), gumbel(l, b)],
  normal,
};
