import { describe, expect, it } from 'vitest';
import { NUMERIC } from '../../expr/evaluate.ts';
import { type Expr, make, type Primitive } from '../../expr/expr.ts';
import { memory } from '../../memory/linear-memory.ts';
import { FULL } from '../map/layout.ts';
import { mapCall } from '../map/map.ts';
import { mapProgram } from '../map/map-program.ts';
import { linkers, runWasm } from '../samples.ts';
import type { InstantLinker } from './linker.ts';

/** One that multiplies and adds in two instructions, and, where the machine can, one that does in one. */
const each = linkers.slice(0, 2).map((linker) => ({ linker, fused: linker.tile.fused }));
const COUNT = 300_000;
const SPECIAL = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  3,
  7,
  1000,
  -1000,
  88.72,
  88.73,
  -87.4,
  -103.9,
  -104.1,
  1e-45,
  -1e-45,
  1e-40,
  -1e-40,
  3.4e38,
  -3.4e38,
  2 ** -126,
  0.9,
  -0.9,
  4,
  9.1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

/** [largest error in ulp, an interval looked at closely, largest |x|] */
const BOUNDS: Partial<Record<Primitive, readonly [number, readonly [number, number], number]>> = {
  exp: [1, [-105, 90], Infinity],
  expm1: [2.2, [-20, 90], Infinity],
  tanh: [3, [-10, 10], Infinity],
  log: [1.3, [0, 4], Infinity],
  log1p: [1.9, [-1, 4], Infinity],
  erf: [1.6, [-4.5, 4.5], Infinity],
  sin: [2, [-1e4, 1e4], Infinity],
  cos: [2, [-1e4, 1e4], Infinity],
  sqrt: [0.5, [0, 10], Infinity],
  floor: [0, [-10, 10], Infinity],
  sign: [0, [-10, 10], Infinity],
  neg: [0, [-10, 10], Infinity],
  abs: [0, [-10, 10], Infinity],
};

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

/** The distance between neighbouring single-precision numbers at `y`. */
function ulp(y: number): number {
  float[0] = Math.abs(y);
  return 2 ** (Math.max(((word[0]! >>> 23) & 255) - 127, -126) - 23);
}

/** The error in ulp; 0 when both round to the same, ∞ when one is not finite and the other differs. */
function error(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded)) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(got)) return Number.POSITIVE_INFINITY;
  return Math.abs(got - exact) / ulp(exact);
}

function mulberry(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function run(linker: InstantLinker, kind: Primitive, ...inputs: Float32Array[]): Float32Array {
  return runFormula(linker, (...x) => make(kind, ...x), ...inputs);
}

function runFormula(linker: InstantLinker, formula: (...x: Expr[]) => Expr, ...inputs: Float32Array[]): Float32Array {
  const n = inputs[0]!.length;
  const program = mapProgram('formula', inputs.length, formula);
  const pointers = inputs.map((values) => {
    const pointer = memory.reserve(4 * n + 16);
    memory.f32.set(values, pointer / 4);
    return pointer;
  });
  const out = memory.reserve(4 * n + 16);
  runWasm(
    mapCall(
      program,
      'f32',
      1,
      n,
      [out, ...pointers],
      inputs.map(() => FULL),
    ),
    linker,
  );
  return memory.f32.slice(out / 4, out / 4 + n);
}

/** Special values, numbers of all exponents, and as many between `low` and `high`. */
function numbers([low, high]: readonly [number, number], furthest = Infinity): Float32Array {
  const random = mulberry(1);
  const x = Float32Array.from({ length: COUNT }, (_, i) => {
    if (i % 2 === 0) return low + (high - low) * (random() / 2 ** 32);
    word[0] = random();
    return Math.abs(float[0]!) > furthest ? float[0]! % furthest : float[0]!;
  });
  x.set(SPECIAL.filter((v) => !(Math.abs(v) > furthest) || Math.abs(v) === Number.POSITIVE_INFINITY));
  return x;
}

/** The largest error in ulp, and where. */
function worstError(x: Float32Array, y: Float32Array, exact: (x: number) => number): [number, string] {
  let [worst, at] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const e = error(y[i]!, exact(x[i]!));
    if (e > worst) [worst, at] = [e, x[i]!];
  }
  return [worst, `at ${at}`];
}

/** The bits of each number, all NaN being one. */
function words(y: Float32Array): Int32Array {
  return new Int32Array(y.map((v) => (Number.isNaN(v) ? 0.125 : v)).buffer);
}

/** The first place where they differ, of those that count; −1 for none. */
function differs(a: Int32Array, b: Int32Array, counts = (_i: number): boolean => true): number {
  return a.findIndex((word, i) => word !== b[i] && counts(i));
}

const softplus = (x: Expr): Expr => x.max(0).add(x.abs().neg().exp().log1p());

describe.each(each)('elementary functions on lanes, fused $fused, against double precision', ({ linker, fused }) => {
  it.each(Object.keys(BOUNDS) as Primitive[])('%s: special values, all exponents, and densely', (kind) => {
    const [bound, interval, furthest] = BOUNDS[kind] as readonly [number, readonly [number, number], number];
    const x = numbers(interval, furthest);
    const [worst, at] = worstError(x, run(linker, kind, x), (v) => NUMERIC[kind](v, 0, 0));
    expect(worst, at).toBeLessThanOrEqual(bound);
  });

  it('sigmoid and softplus, far out too', () => {
    const x = numbers([-110, 30]);
    // Unfused, sigmoid is 1/(1 + e^(−x)), which has no small numbers below −88.
    const near = fused ? x : x.map((v) => (v < -85 ? 0 : v));
    const sigmoid = worstError(near, run(linker, 'sigmoid', near), (v) => 1 / (1 + Math.exp(-v)));
    expect(sigmoid[0], sigmoid[1]).toBeLessThanOrEqual(2.6);
    const exact = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
    const [worst, at] = worstError(x, runFormula(linker, softplus, x), exact);
    expect(worst, at).toBeLessThanOrEqual(2.6);
    const far = Float32Array.of(-1000, -Infinity, 1000, Infinity, Number.NaN, -0, 0);
    expect([...run(linker, 'sigmoid', far)]).toEqual([0, 0, 1, 1, Number.NaN, 0.5, 0.5]);
    expect([...runFormula(linker, softplus, far).slice(0, 5)]).toEqual([0, 0, 1000, Infinity, Number.NaN]);
  });

  it('gives the same bits, whatever is known of an argument or computed beside it', () => {
    const x = numbers([-110, 2]);
    const negative = x.map((v) => -Math.abs(v));
    const exp = words(run(linker, 'exp', negative));
    const known: ((x: Expr) => Expr)[] = [
      (v) => v.abs().neg().exp(),
      (v) => v.min(0).exp(),
      (v) => v.mul(1).abs().mul(-1).exp(),
      (v) => v.abs().neg().exp().add(v.sigmoid().mul(0)).max(0),
    ];
    for (const formula of known) expect(differs(words(runFormula(linker, formula, negative)), exp)).toBe(-1);
    const e = run(linker, 'exp', negative);
    const log1p = words(run(linker, 'log1p', e));
    expect(differs(words(runFormula(linker, (v) => v.abs().neg().exp().log1p(), x)), log1p)).toBe(-1);
    // Each beside one that is not in [0, 1].
    const mixed = e.map((v, i) => (i % 4 === 3 ? -0.5 : v));
    const beside = words(run(linker, 'log1p', mixed));
    expect(differs(beside, log1p, (i) => i % 4 !== 3)).toBe(-1);
    // A sigmoid beside the softplus it shares with.
    const both = (v: Expr): Expr => softplus(v).mul(0).add(v.sigmoid());
    const within = x.map((v) => (Math.abs(v) < 1e30 ? v : 1));
    expect(differs(words(runFormula(linker, both, within)), words(run(linker, 'sigmoid', within)))).toBe(-1);
  });

  it('pow follows ** for every pair of special values and to 1 ulp elsewhere', () => {
    const random = mulberry(2);
    const real = (): number => random() / 2 ** 32 - 0.5;
    const a = new Float32Array(COUNT);
    const b = new Float32Array(COUNT);
    for (let i = 0; i < COUNT; i++) {
      word[0] = random();
      a[i] = i % 3 === 0 ? 10 * Math.abs(real()) : float[0]!;
      b[i] =
        i % 3 === 0 ? 40 * real() : i % 3 === 1 ? Math.round(12 * real()) : (180 * real()) / Math.log2(Math.abs(a[i]!));
    }
    for (const [i, base] of SPECIAL.entries()) {
      for (const [j, exponent] of SPECIAL.entries()) {
        a[i * SPECIAL.length + j] = base;
        b[i * SPECIAL.length + j] = exponent;
      }
    }
    const y = run(linker, 'pow', a, b);
    let worst = 0;
    let at = '';
    for (let i = 0; i < COUNT; i++) {
      const e = error(y[i]!, a[i]! ** b[i]!);
      if (e > worst) [worst, at] = [e, `${a[i]} ** ${b[i]}`];
    }
    expect(worst, at).toBeLessThanOrEqual(1);
  });

  it('sin and cos are right next to every multiple of π/2, near and far, whatever else is in the vector', () => {
    // The single-precision numbers nearest to multiples of π/2, and the one that is nearest of all.
    const x: number[] = [1.0396890043e20, -1.0396890043e20, 16367173 * 2 ** 72];
    for (let n = 1; n < 2 ** 24; n = Math.ceil(n * 1.003)) x.push((n * Math.PI) / 2);
    for (let e = 20; e < 128; e++) for (let m = 0; m < 40; m++) x.push((1 + m / 41) * 2 ** e);
    x.push(1.5e6, 1.59e6, 1.6e6, 1.6000001e6, 1.61e6, 3.4028234663852886e38);
    // Each far one beside near ones, in every lane.
    const mixed = x.flatMap((v, i) => [0.5, v, -3, 1e5].map((_, k, all) => all[(k + i) % 4] as number));
    const values = Float32Array.from([...x, ...mixed]);
    for (const kind of ['sin', 'cos'] as const) {
      const y = run(linker, kind, values);
      const alone = run(
        linker,
        kind,
        Float32Array.from(values, (v) => v),
      );
      expect(alone).toEqual(y);
      for (let i = 0; i < values.length; i++) expect(error(y[i]!, Math[kind](values[i]!))).toBeLessThanOrEqual(2);
      // A near lane has the bits that it has without a far one beside it.
      const near = Float32Array.from(mixed, (v) => (Math.abs(v) > 1.6e6 ? 0 : v));
      const quiet = run(linker, kind, near);
      for (const [i, v] of mixed.entries()) if (Math.abs(v) <= 1.6e6) expect(y[x.length + i]).toBe(quiet[i]);
    }
  });

  it('log1p, expm1, tanh, sin, erf keep denormals and the sign of zero', () => {
    const x = Float32Array.of(-0, 0, 1e-45, -1e-45, 1e-39, -1e-39);
    for (const kind of ['log1p', 'expm1', 'tanh', 'sin'] as const)
      expect([...run(linker, kind, x)], kind).toEqual([...x]);
    expect(Object.is(run(linker, 'erf', x)[0], -0)).toBe(true);
  });
});

describe('unfused', () => {
  const [linker] = linkers as [InstantLinker];
  // What changes these bits changes what every seed gives with deterministic kernels.
  const BITS: Record<string, number> = {
    exp: -1537046083,
    'exp(-|x|)': 1444584865,
    expm1: -569897489,
    sigmoid: 921125100,
    tanh: 1365059413,
    log: -1377301406,
    log1p: -1668377770,
    softplus: 857464780,
    erf: -1684499877,
    sin: -798710064,
  };
  const formulas: Record<string, (x: Expr) => Expr> = {
    exp: (x) => x.exp(),
    'exp(-|x|)': (x) => x.abs().neg().exp(),
    expm1: (x) => x.expm1(),
    sigmoid: (x) => x.sigmoid(),
    tanh: (x) => x.tanh(),
    log: (x) => x.log(),
    log1p: (x) => x.log1p(),
    softplus,
    erf: (x) => x.erf(),
    sin: (x) => x.sin(),
  };

  it.each(Object.entries(formulas))('%s has the same bits on every machine', (name, formula) => {
    const y = runFormula(linker, formula, numbers([-20, 20]));
    expect(words(y).reduce((sum, word) => Math.imul(sum ^ word, 16777619), 0)).toBe(BITS[name]);
  });
});
