import { describe, expect, it } from 'vitest';
import type { Expr } from '../../expr/expr.ts';
import { memory } from '../../memory/linear-memory.ts';
import type { Layout, MapProgram } from '../kernel.ts';
import { COLUMN, FULL, ROW, SCALAR } from '../map/layout.ts';
import { mapCall } from '../map/map.ts';
import { IDENTITY, mapProgram } from '../map/map-program.ts';
import { linkers, put, runWasm } from '../samples.ts';
import { type ReduceCall, type ReduceKind, reduceCall } from './reduce.ts';

const KINDS: ReduceKind[] = ['sum', 'max', 'min', 'argMax'];
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 33, 130];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

let noise = 1;
function number(): number {
  noise = (Math.imul(noise, 1664525) + 1013904223) | 0;
  return noise / 2 ** 31;
}

/** A matrix reduced over its columns (axis 1) or its rows. */
function matrixCall(
  kind: ReduceKind,
  program: MapProgram,
  axis: 0 | 1,
  rows: number,
  cols: number,
  pointers: readonly number[],
  layouts: readonly Layout[],
): ReduceCall {
  return axis === 1
    ? reduceCall(kind, program, 'f32', rows, cols, 1, pointers, layouts)
    : reduceCall(kind, program, 'f32', 1, rows, cols, pointers, layouts);
}

/** The reference and WebAssembly on the same inputs; what surrounds the result must be left alone. */
function both(
  kind: ReduceKind,
  program: MapProgram,
  axis: 0 | 1,
  rows: number,
  cols: number,
  inputs: readonly ArrayLike<number>[],
  layouts: readonly Layout[],
): [Float32Array, Float32Array] {
  const size = axis === 1 ? rows : cols;
  const pointers = inputs.map((x) => put(x));
  const run = (perform: (call: ReduceCall) => void): Float32Array => {
    const out = put(new Float32Array(size + 8).fill(77)) + 16;
    perform(matrixCall(kind, program, axis, rows, cols, [out, ...pointers], layouts));
    const around = memory.f32.slice(out / 4 - 4, out / 4 + size + 4);
    expect([...around.slice(0, 4), ...around.slice(-4)]).toEqual(Array(8).fill(77));
    return around.slice(4, -4);
  };
  return [run((call) => call.kernel.reference(call)), run(runWasm)];
}

function expectClose(got: Float32Array, want: Float32Array, tolerance: number, what: string): void {
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i])) continue;
    if (Math.abs(got[i]! - want[i]!) <= tolerance * Math.max(Math.abs(want[i]!), 1)) continue;
    expect.fail(`${what}, element ${i}: ${got[i]} instead of ${want[i]}`);
  }
}

describe('wasm reduce', () => {
  it('gives the bits of one matrix after the other over the middle axis, as a whole and in parts', () => {
    const light = mapProgram('light', 4, (a, b, c, d) => a.sub(b).mul(c).add(d));
    const layouts: Layout[] = [FULL, ROW, COLUMN, SCALAR];
    for (const kind of KINDS) {
      for (const [outer, axis, inner] of [
        [3, 37, 2],
        [4, 9, 21],
        [2, 130, 33],
        [5, 1, 4],
      ] as const) {
        const inputs = [outer * axis * inner, inner, outer * axis, 1].map((n) => Array.from({ length: n }, number));
        const [x, row, column, scalar] = inputs.map((values) => put(values)) as [number, number, number, number];
        const out = put(new Float32Array(outer * inner));
        runWasm(reduceCall(kind, light, 'f32', outer, axis, inner, [out, x, row, column, scalar], layouts));
        const got = memory.f32.slice(out / 4, out / 4 + outer * inner);
        for (let o = 0; o < outer; o++) {
          const one = put(new Float32Array(inner));
          const pointers = [one, x + 4 * o * axis * inner, row, column + 4 * o * axis, scalar];
          runWasm(reduceCall(kind, light, 'f32', 1, axis, inner, pointers, layouts));
          expect(got.slice(o * inner, (o + 1) * inner)).toEqual(memory.f32.slice(one / 4, one / 4 + inner));
        }
      }
    }
  });

  it.each(KINDS)('%s over both axes at every pair of lengths', (kind) => {
    for (const rows of LENGTHS) {
      for (const cols of LENGTHS) {
        const x = Array.from({ length: rows * cols }, () => number());
        for (const axis of [0, 1] as const) {
          const [want, got] = both(kind, IDENTITY, axis, rows, cols, [x], [FULL]);
          // Of a sum, against Σ|x|.
          const terms = axis === 1 ? cols : rows;
          const tolerance = kind === 'sum' ? 6.6e-7 * Math.max(terms, 1) : 0;
          expectClose(got, want, tolerance, `${rows}×${cols}, axis ${axis}`);
        }
      }
    }
  });

  it('sums light and heavy formulas of operands of every layout', () => {
    const light = mapProgram('light', 4, (a, b, c, d) => a.sub(b).mul(c).add(d));
    const heavy = mapProgram('heavy', 4, (a, b, c, d) => a.sub(b).exp().mul(c.tanh()).add(d.exp()).log1p());
    const layouts: Layout[] = [FULL, ROW, COLUMN, SCALAR];
    for (const program of [light, heavy]) {
      for (const rows of LENGTHS) {
        for (const cols of [1, 2, 3, 4, 5, 16, 17, 30, 33]) {
          const inputs = [rows * cols, cols, rows, 1].map((n) => Array.from({ length: n }, () => Math.abs(number())));
          for (const axis of [0, 1] as const) {
            // A single column is a row: its layouts would mean something else.
            if (axis === 0 && cols === 1) continue;
            for (const kind of ['sum', 'max', 'argMax'] as const) {
              // Indices of maxima agree when the values do: the light formula is compared on coarse numbers.
              if (kind === 'argMax' && program === heavy) continue;
              const coarse = inputs.map((values) => values.map((v) => Math.round(v * 8) / 8));
              const [want, got] = both(kind, program, axis, rows, cols, kind === 'argMax' ? coarse : inputs, layouts);
              expectClose(got, want, 2e-6, `${kind} ${program.name} ${rows}×${cols}, axis ${axis}`);
            }
          }
        }
      }
    }
  });

  it('writes other formulas on its way, with the bits of a map, also over what it reads', () => {
    const [value, slope, other] = mapProgram('all', 3, (g, x, l) => [
      x.mul(l).sub(l.max(0)).sub(l.abs().neg().exp().log1p()),
      g.mul(x.sub(l.sigmoid())),
      l.tanh(),
    ]).expressions as [Expr, Expr, Expr];
    const one = (root: Expr): MapProgram => mapProgram('one', 3, () => root);
    const both = mapProgram('both', 3, () => [value, slope, other]);
    const layouts: Layout[] = [COLUMN, FULL, FULL];
    for (const linker of linkers) {
      for (const rows of [1, 3]) {
        for (const cols of LENGTHS) {
          const n = rows * cols;
          const inputs = [rows, n, n].map((size) => Array.from({ length: size }, () => 8 * number()));
          const room = (size: number): number => put(new Float32Array(size));
          const numbers = (pointer: number, size: number): Float32Array =>
            memory.f32.slice(pointer / 4, pointer / 4 + size);
          const from = inputs.map((x) => put(x)) as [number, number, number];
          const [sum, d, t] = [room(rows), room(n), room(n)];
          runWasm(matrixCall('sum', one(value), 1, rows, cols, [sum, ...from], layouts), linker);
          runWasm(mapCall(one(slope), 'f32', rows, cols, [d, ...from], layouts), linker);
          runWasm(mapCall(one(other), 'f32', rows, cols, [t, ...from], layouts), linker);
          const want = [numbers(sum, rows), numbers(d, n), numbers(t, n)];
          for (const inPlace of [false, true]) {
            const [g, x, l] = inputs.map((values) => put(values)) as [number, number, number];
            const outputs = [room(rows), inPlace ? l : room(n), inPlace ? x : room(n)] as const;
            runWasm(matrixCall('sum', both, 1, rows, cols, [...outputs, g, x, l], layouts), linker);
            expect(outputs.map((pointer, i) => numbers(pointer, i === 0 ? rows : n))).toEqual(want);
          }
        }
      }
    }
  });

  it('lets NaN through max, min and sum, and makes it the first argMax', () => {
    for (const n of [1, 3, 6, 21, 40]) {
      for (let at = 0; at < n; at++) {
        const x = Array.from({ length: n }, () => (number() > 0 ? inf : number()));
        x[at] = nan;
        x[n - 1] = nan;
        for (const axis of [0, 1] as const) {
          for (const kind of KINDS) {
            const padded = axis === 1 ? x : x.flatMap((v) => [v, 0, 0, 0, 0]);
            const [want, got] = both(kind, IDENTITY, axis, axis === 1 ? 1 : n, axis === 1 ? n : 5, [padded], [FULL]);
            expect([...got], kind).toEqual([...want]);
            expect(got[0]).toBe(kind === 'argMax' ? at : nan);
          }
        }
      }
    }
  });

  it('argMax takes the first of equals, of zeros of either sign, of infinities', () => {
    const rows = [
      [-0, 0, -0, 0, 0, -1],
      [-inf, -inf, -inf, -inf, -inf, -inf],
      [1, 2, 3, 3, 2, 3],
      [-5, -4, -4, -7, -4, -9],
      [1, inf, inf, 3, 2, inf],
    ];
    const [want, got] = both('argMax', IDENTITY, 1, 5, 6, [rows.flat()], [FULL]);
    expect([...got]).toEqual([0, 0, 2, 1, 1]);
    expect([...want]).toEqual([...got]);
  });

  it('keeps long sums of same-signed numbers to 1e-6, over either axis', () => {
    const count = 1 << 22;
    const pointer = memory.reserve(4 * count + 64);
    const out = memory.reserve(256);
    const x = memory.f32.subarray(pointer / 4, pointer / 4 + count);
    for (const make of [() => 0.1, () => 1 / 3, () => number() + 1]) {
      for (let i = 0; i < count; i++) x[i] = make();
      const exact = new Float64Array(16);
      for (let i = 0; i < count; i++) exact[i % 16]! += x[i]!;
      runWasm(matrixCall('sum', IDENTITY, 1, 1, count, [out, pointer], [FULL]));
      const whole = exact.reduce((a, b) => a + b);
      expect(Math.abs(memory.f32[out / 4]! / whole - 1)).toBeLessThan(1e-6);
      runWasm(matrixCall('sum', IDENTITY, 0, count / 16, 16, [out, pointer], [FULL]));
      for (let c = 0; c < 16; c++) expect(Math.abs(memory.f32[out / 4 + c]! / exact[c]! - 1)).toBeLessThan(1e-6);
    }
  });
});
