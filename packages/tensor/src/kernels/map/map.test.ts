import { describe, expect, it } from 'vitest';
import { constant, type Expr, select } from '../../expr/expr.ts';
import { memory } from '../../memory/linear-memory.ts';
import { execute } from '../execute.ts';
import type { Layout, MapProgram } from '../kernel.ts';
import { put, runWasm } from '../samples.ts';
import { COLUMN, FULL, layoutExtent, ROW, SCALAR } from './layout.ts';
import { mapCall } from './map.ts';
import { mapProgram } from './map-program.ts';

const COLS = [0, 1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 30, 33];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

let noise = 1;
function number(): number {
  noise = (Math.imul(noise, 1664525) + 1013904223) | 0;
  return noise / 2 ** 30;
}

/** A small multiple of 1/8: sums and products of a few are exact in single precision. */
function coarse(): number {
  return Math.floor(number() * 16) / 8;
}

/** The reference and WebAssembly on the same inputs; the elements around each output must be left alone. */
function both(
  program: MapProgram,
  rows: number,
  cols: number,
  layouts: readonly Layout[],
  inputs: readonly ArrayLike<number>[],
): [Float32Array[], Float32Array[]] {
  const size = rows * cols;
  const run = (perform: (call: ReturnType<typeof mapCall>) => void): Float32Array[] => {
    const outputs = program.expressions.map(() => put(new Float32Array(size + 8).fill(77)) + 16);
    perform(mapCall(program, 'f32', rows, cols, [...outputs, ...inputs.map((x) => put(x))], layouts));
    return outputs.map((pointer) => {
      const around = memory.f32.slice(pointer / 4 - 4, pointer / 4 + size + 4);
      expect([...around.slice(0, 4), ...around.slice(-4)]).toEqual(Array(8).fill(77));
      return around.slice(4, -4);
    });
  };
  return [run((call) => call.kernel.reference(call)), run(runWasm)];
}

function expectClose(got: Float32Array, want: Float32Array, tolerance: number): void {
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i])) continue;
    if (Math.abs(got[i]! - want[i]!) <= tolerance * Math.max(Math.abs(want[i]!), 1e-3)) continue;
    expect.fail(`element ${i}: ${got[i]} instead of ${want[i]}`);
  }
}

describe('wasm map', () => {
  const three = mapProgram('three', 3, (a, b, c) => a.mul(b).add(c));
  const layouts: Layout[] = [FULL, ROW, COLUMN, SCALAR];

  it('takes every layout of three operands at every length', () => {
    for (const a of layouts) {
      for (const b of layouts) {
        for (const c of layouts) {
          for (const cols of COLS) {
            for (const rows of [0, 1, 3]) {
              const inputs = [a, b, c].map((layout) =>
                Array.from({ length: layoutExtent(layout, rows, cols) }, coarse),
              );
              const [want, got] = both(three, rows, cols, [a, b, c], inputs);
              expectClose(got[0]!, want[0]!, 0);
            }
          }
        }
      }
    }
  });

  it('computes heavy formulas with hoisted parts and several outputs', () => {
    const program = mapProgram('several', 4, (x, row, column, scalar) => {
      const shared = x.sub(row).exp().add(column.tanh()).mul(scalar.sqrt().add(1));
      return [shared.log1p(), shared.mul(column.tanh()), scalar.exp(), column];
    });
    for (const cols of COLS) {
      const inputs = [3 * cols, cols, 3, 1].map((n) => Array.from({ length: n }, () => Math.abs(number())));
      const [want, got] = both(program, 3, cols, [FULL, ROW, COLUMN, SCALAR], inputs);
      for (const [j, output] of want.entries()) expectClose(got[j]!, output, 2e-6);
    }
  });

  it('works in place, also with two outputs over two inputs', () => {
    const swap = mapProgram('swap', 3, (x, y, s) => [y.mul(s), x.exp()]);
    for (const cols of COLS) {
      for (const layout of [COLUMN, SCALAR] as const) {
        const inputs = [2 * cols, 2 * cols, layoutExtent(layout, 2, cols)].map((n) =>
          Array.from({ length: n }, number),
        );
        const [want] = both(swap, 2, cols, [FULL, FULL, layout], inputs);
        const [x, y, s] = inputs.map((x) => put(x)) as [number, number, number];
        runWasm(mapCall(swap, 'f32', 2, cols, [x, y, x, y, s], [FULL, FULL, layout]));
        expectClose(memory.f32.slice(x / 4, x / 4 + 2 * cols), want[0]!, 1e-6);
        expectClose(memory.f32.slice(y / 4, y / 4 + 2 * cols), want[1]!, 1e-6);
      }
    }
  });

  it('gives the very same numbers for exact primitives and every short form, special values included', () => {
    const exact: Record<string, (a: Expr, b: Expr) => Expr> = {
      min: (a, b) => a.min(b),
      max: (a, b) => a.max(b),
      relu: (a) => a.max(0),
      'max with -0': (a) => a.max(-0),
      'max of constant first': (a) => constant(1).max(a),
      'max with NaN': (a) => a.max(nan),
      'min with 0': (a) => a.min(0),
      'min with -0': (a) => a.min(-0),
      'min with 2': (a) => a.min(2),
      'pmax by select': (a, b) => select(a.lt(b), b, a),
      'pmin by select': (a, b) => select(a.lt(b), a, b),
      'select on a number': (a, b) => select(a, b, b.neg()),
      'select on two masks': (a, b) => select(a.le(b), select(a.le(b), a, 5), select(a.eq(b), 7, b)),
      comparisons: (a, b) => a.lt(b).add(a.le(b).mul(2)).add(a.eq(b).mul(4)),
      'shared comparison as a number': (a, b) => select(a.lt(b), a, b).mul(0).add(a.lt(b)),
      quotient: (a, b) => a.div(b),
      'quotient by 8': (a) => a.div(8),
      'quotient by -0.5': (a) => a.div(-0.5),
      'quotient by 0': (a) => a.div(0),
      'quotient by 3': (a) => a.div(3),
      'power 1': (a) => a.pow(1),
      'power 2': (a) => a.pow(2),
      'power -1': (a) => a.pow(-1),
      'power 0': (a) => a.pow(0),
      'root, floor, sign': (a) => a.abs().sqrt().sub(a.floor()).mul(a.sign()),
      constant: () => constant(-0),
    };
    const values = [0, -0, 1, -1, 2, -2.5, 0.75, 1e-45, -1e-40, 3e38, -3e38, inf, -inf, nan];
    const a = values.flatMap((v) => values.map(() => v));
    const b = values.flatMap(() => values);
    for (const [name, build] of Object.entries(exact)) {
      const [want, got] = both(mapProgram(name, 2, build), 1, a.length, [FULL, FULL], [a, b]);
      const wrong = a.findIndex((_, i) => !Object.is(got[0]![i], want[0]![i]));
      expect(wrong, `${name} of ${a[wrong]}, ${b[wrong]}: ${got[0]![wrong]} instead of ${want[0]![wrong]}`).toBe(-1);
    }
  });

  it('leaves f64 to the reference', () => {
    const pointer = memory.reserve(64);
    memory.f64.set([1, 2, 3], pointer / 8);
    const double = mapProgram('double', 1, (x) => x.mul(2));
    execute(mapCall(double, 'f64', 1, 3, [pointer, pointer], [FULL]));
    expect([...memory.f64.slice(pointer / 8, pointer / 8 + 3)]).toEqual([2, 4, 6]);
  });

  it('takes more operands than have a call of their own', () => {
    const many = mapProgram('many', 12, (...x) => x.reduce((sum, v) => sum.add(v)));
    const inputs = Array.from({ length: 12 }, (_, i) => [i, 2 * i, 3 * i]);
    const [want, got] = both(many, 1, 3, Array(12).fill(FULL), inputs);
    expect(got).toEqual(want);
  });
});
