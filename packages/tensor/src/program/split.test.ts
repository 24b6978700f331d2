import { describe, expect, it } from 'vitest';
import { Rng } from '../index.ts';
import { COLUMN, FULL, ROW, SCALAR } from '../kernels/kernels.ts';
import { mapProgram } from '../kernels/map-program.ts';
import { kernels } from '../kernels/select.ts';
import { memory } from '../memory/linear-memory.ts';
import { extents, type KernelCall, outputsOf, run, scratchOf } from './call.ts';
import { meetings } from './meetings.ts';
import { part } from './split.ts';

const PROGRAM = mapProgram('mix', 3, (a, b, c) => a.mul(b).add(c).tanh());
const TWO = mapProgram('two', 2, (a, b) => [a.add(b), a.sub(b).exp()]);
const matmul = {
  kernel: 'matmul',
  dtype: 'f32',
  transA: false,
  transB: false,
  batch: 1,
  strideA: 0,
  strideB: 0,
} as const;

type Shape<T> = T extends KernelCall ? Omit<T, 'pointers'> : never;
const calls: [string, Shape<KernelCall>][] = [
  ['map, flat', { kernel: 'map', dtype: 'f32', program: PROGRAM, rows: 7, cols: 333, layouts: [FULL, SCALAR, FULL] }],
  ['map, mixed', { kernel: 'map', dtype: 'f32', program: PROGRAM, rows: 37, cols: 53, layouts: [FULL, ROW, COLUMN] }],
  ['map, two outputs', { kernel: 'map', dtype: 'f32', program: TWO, rows: 19, cols: 101, layouts: [FULL, COLUMN] }],
  [
    'sum over columns',
    {
      kernel: 'reduce',
      dtype: 'f32',
      kind: 'sum',
      program: PROGRAM,
      axis: 1,
      rows: 41,
      cols: 67,
      layouts: [FULL, ROW, COLUMN],
      line: 67,
    },
  ],
  [
    'sum over rows',
    {
      kernel: 'reduce',
      dtype: 'f32',
      kind: 'sum',
      program: PROGRAM,
      axis: 0,
      rows: 41,
      cols: 131,
      layouts: [FULL, ROW, COLUMN],
      line: 131,
    },
  ],
  [
    'argMax over rows',
    {
      kernel: 'reduce',
      dtype: 'f32',
      kind: 'argMax',
      program: PROGRAM,
      axis: 0,
      rows: 23,
      cols: 99,
      layouts: [FULL, ROW, SCALAR],
      line: 99,
    },
  ],
  ['matmul, wide', { ...matmul, m: 33, n: 101, k: 57, lineA: 57, lineB: 101, lineC: 101 }],
  ['matmul, tall', { ...matmul, m: 101, n: 33, k: 57, lineA: 57, lineB: 33, lineC: 33 }],
  ['matmul, Bᵀ', { ...matmul, transB: true, m: 40, n: 75, k: 31, lineA: 31, lineB: 31, lineC: 75 }],
  ['matmul, Aᵀ', { ...matmul, transA: true, m: 90, n: 35, k: 41, lineA: 90, lineB: 35, lineC: 35 }],
  [
    'matmul, batches',
    { ...matmul, batch: 5, strideA: 60, strideB: 0, m: 10, n: 12, k: 6, lineA: 6, lineB: 12, lineC: 12 },
  ],
  [
    'copy',
    { kernel: 'copy', dtype: 'f32', shape: [1, 9, 14, 11], outStrides: [0, 154, 11, 1], inStrides: [0, 14, 1, 126] },
  ],
  ['fill', { kernel: 'fill', dtype: 'f32', count: 1003, value: 2.5 }],
  ['cumulativeSum', { kernel: 'cumulativeSum', dtype: 'f32', rows: 21, cols: 33, reverse: true }],
  ['random', { kernel: 'random', dtype: 'f32', kind: 'normal', count: 1013, first: 3 }],
];

function place(call: Shape<KernelCall>, seed: number): KernelCall {
  const rng = new Rng(seed);
  const unplaced = { ...call, pointers: new Array(8).fill(0) } as KernelCall;
  const pointers = extents(unplaced).map((bytes) => {
    const pointer = memory.reserve(bytes + 64);
    memory.f32.set(rng.normal([bytes / 4]).data, pointer / 4);
    return pointer;
  });
  return { ...call, pointers } as KernelCall;
}

describe('part', () => {
  it.each(calls)('divides a %s into parts that give the same bits', (_name, shape) => {
    for (const threads of [2, 3, 5]) {
      const call = place(shape, threads);
      const set = kernels();
      const scratch = memory.reserve(scratchOf(call, set));
      const outputs = extents(call).slice(0, outputsOf(call));
      const result = (): Float32Array[] =>
        outputs.map((bytes, j) => memory.f32.slice(call.pointers[j] / 4, (call.pointers[j] + bytes) / 4));
      run(call, set, scratch);
      const whole = result();
      for (const [j, bytes] of outputs.entries())
        memory.f32.fill(-9, call.pointers[j] / 4, (call.pointers[j] + bytes) / 4);
      const parts = Array.from({ length: threads }, (_, t) => part(call, t, threads, 0));
      expect(parts.filter((p) => p !== null).length).toBeGreaterThan(1);
      for (const p of parts.reverse()) if (p !== null) run(p, set, scratch);
      expect(result()).toEqual(whole);
      // Parts of one call never need each other.
      expect(meetings([parts], threads)).toEqual([false]);
    }
  });

  it('leaves short calls and lookups to the first thread', () => {
    const short = place({ kernel: 'fill', dtype: 'f32', count: 10, value: 1 }, 1);
    expect([part(short, 0, 2), part(short, 1, 2)]).toEqual([short, null]);
    const scatter = place({ kernel: 'scatterAddRows', dtype: 'f32', count: 50, width: 1000 }, 1);
    expect([part(scatter, 0, 2, 0), part(scatter, 1, 2, 0)]).toEqual([scatter, null]);
  });
});

describe('meetings', () => {
  it('come before a call that reads what another thread wrote, and only there', () => {
    const double = mapProgram('double', 1, (x) => x.mul(2));
    const map = (out: number, x: number): KernelCall => ({
      kernel: 'map',
      dtype: 'f32',
      program: double,
      rows: 1,
      cols: 4096,
      layouts: [FULL],
      pointers: [out, x],
    });
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => 65536 * (i + 1));
    const split = (call: KernelCall): (KernelCall | null)[] => [part(call, 0, 2, 0), part(call, 1, 2, 0)];
    const total: KernelCall = {
      kernel: 'reduce',
      dtype: 'f32',
      kind: 'sum',
      program: double,
      axis: 1,
      rows: 1,
      cols: 4096,
      layouts: [FULL],
      line: 4096,
      pointers: [d, c],
    };
    // b and c are made half by half, each thread reading its own; the sum needs both halves.
    expect(meetings([split(map(b, a)), split(map(c, b)), [total, null]], 2)).toEqual([false, false, true]);
  });
});
