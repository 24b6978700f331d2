import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memory } from '../../memory/linear-memory.ts';
import { linkers } from '../samples.ts';
import type { InstantLinker } from '../wasm/linker.ts';
import { SHORT, TALL, type Tile } from '../wasm/tile.ts';
import { matmulCall, matmulKernel } from './matmul.ts';
import { TileProbe } from './tile-probe.ts';

const ROOM = 1 << 20;
const [A, B, C, SCRATCH] = [memory.reserve(ROOM), memory.reserve(ROOM), memory.reserve(ROOM), memory.reserve(2 * ROOM)];
const CANARY = 12345;
const named = ({ fused, rows }: Tile): string => (fused ? `in one instruction, ${rows} rows` : 'in two instructions');

function multiply(
  linker: InstantLinker,
  [out, a, b]: readonly [number, number, number],
  [m, n, k]: readonly [number, number, number],
  transA: boolean,
  transB: boolean,
  batch = 1,
  strideA = 0,
  strideB = 0,
): void {
  const call = matmulCall('f32', [out, a, b], m, n, k, transA, transB, batch, strideA, strideB);
  expect(matmulKernel.wasm?.scratch?.(call)).toBeLessThanOrEqual(2 * ROOM);
  matmulKernel.wasm?.run(call, linker, SCRATCH);
}

interface Case {
  m: number;
  n: number;
  k: number;
  transA: boolean;
  transB: boolean;
  batch?: number;
}

/** Runs the product on random numbers, with NaN all around the operands, and compares with a triple loop in f64. */
function check(kernel: InstantLinker, { m, n, k, transA, transB, batch = 1 }: Case): void {
  const f32 = memory.f32;
  for (const pointer of [A, B]) f32.fill(NaN, pointer / 4, (pointer + ROOM) / 4);
  f32.fill(NaN, SCRATCH / 4, (SCRATCH + 2 * ROOM) / 4);
  f32.fill(CANARY, C / 4, (C + ROOM) / 4);
  let seed = m * 7919 + n * 104729 + k;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return (seed >>> 8) / 2 ** 24 - 0.5;
  };
  for (let i = 0; i < batch * m * k; i++) f32[A / 4 + i] = random();
  for (let i = 0; i < batch * k * n; i++) f32[B / 4 + i] = random();
  multiply(kernel, [C, A, B], [m, n, k], transA, transB, batch, m * k, k * n);
  for (let p = 0; p < batch; p++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          const x = f32[A / 4 + p * m * k + (transA ? l * m + i : i * k + l)]!;
          sum += x * f32[B / 4 + p * k * n + (transB ? j * k + l : l * n + j)]!;
        }
        const got = f32[C / 4 + (p * m + i) * n + j]!;
        if (!(Math.abs(got - sum) <= 1e-6 * (1 + Math.sqrt(k))))
          expect({ m, n, k, transA, transB, i, j, got }).toEqual({ got: sum });
      }
    }
  }
  const end = C / 4 + batch * m * n;
  expect(f32.subarray(end, end + 32).every((x) => x === CANARY)).toBe(true);
}

describe.each(linkers.map((linker) => [named(linker.tile), linker] as const))(
  'the matrix product, multiply and add %s',
  (_name, kernel) => {
    const flags = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })));

    it('is right at every edge of the tiles', () => {
      for (const m of [1, 2, 3, 4, 5, 6, 7, 12, 13]) {
        for (const n of [1, 2, 3, 4, 7, 8, 9, 17])
          for (const k of [1, 2, 3, 4, 5, 9]) for (const f of flags) check(kernel, { m, n, k, ...f });
      }
    });

    it('is right at every edge of the blocks', () => {
      const shapes = [
        [5, 9, 335],
        [4, 8, 336],
        [6, 7, 337],
        [3, 5, 673],
        [95, 9, 8],
        [96, 17, 8],
        [97, 8, 340],
        [9, 255, 20],
        [7, 257, 20],
        [200, 300, 12],
      ] as const;
      for (const [m, n, k] of shapes) for (const f of flags) check(kernel, { m, n, k, ...f });
    });

    it('is right for any sizes and batches', () => {
      const size = fc.integer({ min: 1, max: 40 });
      fc.assert(
        fc.property(
          size,
          size,
          size,
          fc.boolean(),
          fc.boolean(),
          fc.integer({ min: 1, max: 3 }),
          (m, n, k, transA, transB, batch) => check(kernel, { m, n, k, transA, transB, batch }),
        ),
        { numRuns: 60, seed: 1 },
      );
    });

    it('gives zeros for k = 0 and writes nothing for no rows or columns', () => {
      for (const f of flags) {
        check(kernel, { m: 5, n: 9, k: 0, ...f });
        check(kernel, { m: 0, n: 9, k: 3, ...f });
        check(kernel, { m: 5, n: 0, k: 3, ...f });
      }
    });

    it('repeats one matrix for a whole batch when its stride is 0', () => {
      check(kernel, { m: 3, n: 5, k: 4, transA: false, transB: false });
      const first = memory.f32.slice(C / 4, C / 4 + 15);
      multiply(kernel, [C, A, B], [3, 5, 4], false, false, 2);
      expect(memory.f32.slice(C / 4, C / 4 + 30)).toEqual(Float32Array.from([...first, ...first]));
    });

    it('sums in an order that does not depend on how rows are cut', () => {
      const [m, n, k] = [23, 19, 700];
      check(kernel, { m, n, k, transA: false, transB: true });
      const whole = memory.f32.slice(C / 4, C / 4 + m * n);
      const cut = 9;
      multiply(kernel, [C, A, B], [cut, n, k], false, true, 1);
      multiply(kernel, [C + 4 * cut * n, A + 4 * cut * k, B], [m - cut, n, k], false, true, 1);
      expect(memory.f32.slice(C / 4, C / 4 + m * n)).toEqual(whole);
    });

    it('passes NaN and ∞ on to the rows and columns they belong to, and nowhere else', () => {
      check(kernel, { m: 5, n: 9, k: 6, transA: false, transB: false });
      memory.f32[A / 4 + 2 * 6 + 1] = NaN;
      multiply(kernel, [C, A, B], [5, 9, 6], false, false, 1);
      const rows = Array.from({ length: 5 }, (_, i) => memory.f32.slice(C / 4 + i * 9, C / 4 + i * 9 + 9));
      expect(rows.map((row) => row.filter(Number.isNaN).length)).toEqual([0, 0, 9, 0, 0]);
    });
  },
);

describe('tiles', () => {
  const fused = linkers.filter(({ tile }) => tile.fused);

  it('change no bit', () => {
    for (const [m, n, k] of [
      [1, 1, 1],
      [5, 9, 20],
      [13, 31, 337],
      [97, 40, 700],
      [24, 257, 12],
    ] as const) {
      for (const transA of [false, true]) {
        const [first, ...others] = fused.map((linker) => {
          check(linker, { m, n, k, transA, transB: !transA });
          return memory.f32.slice(C / 4, C / 4 + m * n);
        });
        for (const other of others) expect(other).toEqual(first);
      }
    }
  });

  it('are chosen by what they take once they are well compiled', () => {
    if (fused.length === 0 || memory.wasm === null) return;
    const wasm = memory.wasm;
    /** Measures with a clock that says that the tiles take so long: those of slice n. */
    const choose = (timesOf: (slice: number) => readonly [tall: number, short: number]): [Tile, slices: number] => {
      let time = 0;
      let looks = 0;
      const probe = new TileProbe(() => {
        // Looks at the clock in a slice: at its begin, around either tile, and at its end.
        const [tall, short] = timesOf(Math.floor(looks / 6));
        time += [5, 0, tall, 0, short, 0][looks++ % 6] as number;
        return time;
      });
      for (let before = -1; before !== looks; ) {
        before = looks;
        probe.measure(wasm);
      }
      return [probe.best, looks / 6];
    };
    expect(choose((slice) => (slice < 10 ? [18, 15] : [6, 4]))).toEqual([TALL, 31]);
    expect(choose((slice) => (slice < 10 ? [18, 15] : [12, 4]))).toEqual([SHORT, 31]);
    expect(choose((slice) => (slice < 10 ? [18, 15] : [6.5, 4]))).toEqual([TALL, 31]);
    // One of them is compiled late.
    expect(choose((slice) => [slice < 90 ? 18 : 6, slice < 10 ? 15 : 4])).toEqual([TALL, 111]);
    // No telling when.
    expect(choose(() => [6, 4])).toEqual([TALL, 400]);
    expect(choose(() => [9, 4])).toEqual([SHORT, 400]);
  });

  it('are not measured again at once', () => {
    if (fused.length === 0 || memory.wasm === null) return;
    let looks = 0;
    const probe = new TileProbe(() => {
      looks++;
      return 1000;
    });
    probe.measure(memory.wasm);
    const first = looks;
    probe.measure(memory.wasm);
    expect(looks).toBe(first + 1);
  });
});
