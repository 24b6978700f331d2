import { describe, expect, it } from 'vitest';
import { fillCall } from '../kernels/fill/fill.ts';
import type { KernelCall } from '../kernels/kernel.ts';
import { FULL } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { mapProgram } from '../kernels/map/map-program.ts';
import { type MatmulCall, matmulCall } from '../kernels/matmul/matmul.ts';
import { reduceCall } from '../kernels/reduce/reduce.ts';
import { scatterAddRowsCall } from '../kernels/scatter-add-rows/scatter-add-rows.ts';
import { divided } from './divide.ts';
import { meetings, type SharedCall } from './meetings.ts';

describe('divided', () => {
  it('leaves short calls, and what cannot be divided, to the first thread', () => {
    const short = fillCall('f32', 0, 10, 1);
    expect(divided(short, 2)).toEqual([short, null]);
    const scatter = scatterAddRowsCall('f32', [0, 0, 0], 5000, 8, 100);
    expect(divided(scatter, 2, 0)).toEqual([scatter, null]);
  });

  it('gives each thread as much as the others, to the nearest granule', () => {
    const sizes = (m: number, n: number, threads: number): (number | undefined)[] =>
      divided(matmulCall('f32', [0, 0, 0], m, n, 784, false, true), threads).map(
        (part) => (part as MatmulCall | null)?.[n >= m ? 'n' : 'm'],
      );
    expect(sizes(128, 400, 2)).toEqual([200, 200]);
    expect(sizes(128, 20, 2)).toEqual([64, 64]);
    expect(sizes(100, 399, 4)).toEqual([96, 104, 96, 103]);
    // A thread may have nothing to do.
    expect(sizes(9, 9, 4)).toEqual([undefined, 8, undefined, 1]);
  });
});

describe('meetings', () => {
  it('come before a call that reads what another thread wrote, and only there', () => {
    const double = mapProgram('double', 1, (x) => x.mul(2));
    const map = (out: number, x: number): KernelCall => mapCall(double, 'f32', 1, 4096, [out, x], [FULL]);
    const [a, b, c, d] = [1, 2, 3, 4].map((i) => 65536 * i) as [number, number, number, number];
    const split = (call: KernelCall): SharedCall => ({ parts: divided(call, 2, 0), moves: [] });
    const total = reduceCall('sum', double, 'f32', 1, 4096, 1, [d, c], [FULL]);
    // b and c are made half by half, each thread reading its own; the sum needs both halves.
    const steps = [split(map(b, a)), split(map(c, b)), { parts: [total, null], moves: [] }];
    expect([...meetings(steps, 2)]).toEqual([steps[2]]);
  });

  it('come in a loop where a turn needs what another thread did in the turn before', () => {
    const double = mapProgram('double', 1, (x) => x.mul(2));
    const [a, b, c] = [1, 2, 3].map((i) => 65536 * i) as [number, number, number];
    const half = (out: number, x: number): SharedCall => ({
      parts: divided(mapCall(double, 'f32', 1, 4096, [out, x], [FULL]), 2, 0),
      moves: [],
    });
    const sum: SharedCall = {
      parts: [reduceCall('sum', double, 'f32', 1, 4096, 1, [c, b], [FULL]), null],
      moves: [],
    };
    const loop = { turns: 3, reverse: false };
    const [first, second] = [half(a, a), half(b, a)];
    // The sum reads both halves of b, which the next turn's second call writes again.
    expect(meetings([{ loop, body: [first, second, sum] }], 2)).toEqual(new Set([sum, second]));
    expect(meetings([{ loop, body: [first, second] }], 2)).toEqual(new Set());
  });
});
