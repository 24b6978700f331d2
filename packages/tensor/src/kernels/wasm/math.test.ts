import { describe, expect, it } from 'vitest';
import { NUMERIC } from '../../expr/evaluate.ts';
import { make, type Primitive } from '../../expr/expr.ts';
import { memory } from '../../memory/linear-memory.ts';
import { FULL } from '../map/layout.ts';
import { mapCall } from '../map/map.ts';
import { mapProgram } from '../map/map-program.ts';
import { runWasm } from '../samples.ts';

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

function run(kind: Primitive, ...inputs: Float32Array[]): Float32Array {
  const n = inputs[0]!.length;
  const program = mapProgram(kind, inputs.length, (...x) => make(kind, ...x));
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
  );
  return memory.f32.slice(out / 4, out / 4 + n);
}

describe('elementary functions on lanes, against double precision', () => {
  it.each(Object.keys(BOUNDS) as Primitive[])('%s: special values, all exponents, and densely', (kind) => {
    const [bound, [low, high], furthest] = BOUNDS[kind] as readonly [number, readonly [number, number], number];
    const random = mulberry(1);
    const x = Float32Array.from({ length: COUNT }, (_, i) => {
      if (i % 2 === 0) return low + (high - low) * (random() / 2 ** 32);
      word[0] = random();
      return Math.abs(float[0]!) > furthest ? float[0]! % furthest : float[0]!;
    });
    const special = SPECIAL.filter((v) => !(Math.abs(v) > furthest) || Math.abs(v) === Number.POSITIVE_INFINITY);
    x.set(special);
    const y = run(kind, x);
    let worst = 0;
    let at = 0;
    for (let i = 0; i < COUNT; i++) {
      const e = error(y[i]!, NUMERIC[kind](x[i]!, 0, 0));
      if (e > worst) [worst, at] = [e, x[i]!];
    }
    expect(worst, `at ${at}`).toBeLessThanOrEqual(bound);
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
    const y = run('pow', a, b);
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
      const y = run(kind, values);
      const alone = run(
        kind,
        Float32Array.from(values, (v) => v),
      );
      expect(alone).toEqual(y);
      for (let i = 0; i < values.length; i++) expect(error(y[i]!, Math[kind](values[i]!))).toBeLessThanOrEqual(2);
      // A near lane has the bits that it has without a far one beside it.
      const near = Float32Array.from(mixed, (v) => (Math.abs(v) > 1.6e6 ? 0 : v));
      const quiet = run(kind, near);
      for (const [i, v] of mixed.entries()) if (Math.abs(v) <= 1.6e6) expect(y[x.length + i]).toBe(quiet[i]);
    }
  });

  it('log1p, expm1, tanh, sin, erf keep denormals and the sign of zero', () => {
    const x = Float32Array.of(-0, 0, 1e-45, -1e-45, 1e-39, -1e-39);
    for (const kind of ['log1p', 'expm1', 'tanh', 'sin'] as const) expect([...run(kind, x)]).toEqual([...x]);
    expect(Object.is(run('erf', x)[0], -0)).toBe(true);
  });
});
