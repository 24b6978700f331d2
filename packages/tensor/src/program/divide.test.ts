import { describe, expect, it } from 'vitest';
import { fillCall } from '../kernels/fill/fill.ts';
import type { KernelCall } from '../kernels/kernel.ts';
import { FULL } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { mapProgram } from '../kernels/map/map-program.ts';
import { reduceCall } from '../kernels/reduce/reduce.ts';
import { scatterAddRowsCall } from '../kernels/scatter-add-rows/scatter-add-rows.ts';
import { part } from './divide.ts';
import { meetings } from './meetings.ts';

describe('part', () => {
  it('leaves short calls, and what cannot be divided, to the first thread', () => {
    const short = fillCall('f32', 0, 10, 1);
    expect([part(short, 0, 2), part(short, 1, 2)]).toEqual([short, null]);
    const scatter = scatterAddRowsCall('f32', [0, 0, 0], 5000, 8, 100);
    expect([part(scatter, 0, 2, 0), part(scatter, 1, 2, 0)]).toEqual([scatter, null]);
  });
});

describe('meetings', () => {
  it('come before a call that reads what another thread wrote, and only there', () => {
    const double = mapProgram('double', 1, (x) => x.mul(2));
    const map = (out: number, x: number): KernelCall => mapCall(double, 'f32', 1, 4096, [out, x], [FULL]);
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => 65536 * (i + 1));
    const split = (call: KernelCall): (KernelCall | null)[] => [part(call, 0, 2, 0), part(call, 1, 2, 0)];
    const total = reduceCall('sum', double, 'f32', 1, 4096, 1, [d, c], [FULL]);
    // b and c are made half by half, each thread reading its own; the sum needs both halves.
    expect(meetings([split(map(b, a)), split(map(c, b)), [total, null]], 2)).toEqual([false, false, true]);
  });
});
