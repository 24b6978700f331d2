import { afterEach, describe, expect, it } from 'vitest';
import {
  arange,
  argMax,
  compile,
  full,
  gather,
  oneHot,
  overwrite,
  scatterAdd,
  step,
  type Tensor,
  tensor,
  useKernels,
  useThreads,
  zeros,
} from '../index.ts';

afterEach(() => {
  useKernels('auto');
  useThreads('auto');
});

const table = arange(40).reshape([10, 4]);

/** Indices of so many numbers, one of them bad. */
function indices(count: number, at: number, value: number): Tensor {
  const numbers = Array.from({ length: count }, (_, i) => i % 10);
  numbers[at] = value;
  return tensor(numbers);
}

describe.each(['wasm', 'reference'] as const)('a bad index (%s)', (set) => {
  it.each([
    ['on the JavaScript heap', 5, (f: () => unknown) => f()],
    ['in the linear memory', 700, (f: () => unknown) => f()],
    ['in a step', 5, step],
  ] as const)('is named with its op, position and value: %s', (_where, count, run) => {
    useKernels(set);
    for (const value of [10, -1, 2.5, NaN, Infinity]) {
      const told = `index 3 must be a whole number from 0 to 9, got ${value}`;
      const bad = indices(count, 3, value);
      expect(() => run(() => gather(table, bad))).toThrow(`gather: ${told}`);
      expect(() => run(() => scatterAdd(table, bad, zeros([count, 4])))).toThrow(`scatterAdd: ${told}`);
      expect(() => run(() => oneHot(bad, 10))).toThrow(`oneHot: ${told}`);
    }
    expect(() => gather(table, [1, 10])).toThrow('gather: index 1 must be a whole number from 0 to 9, got 10');
    expect(() => gather(zeros([0, 3]), [0])).toThrow(
      'gather: index 0 must be a whole number below 0, of which there is none, got 0',
    );
    expect(() => gather(zeros([0, 3]), zeros([300]))).toThrow('gather: index 0 must be a whole number below 0');
  });

  it.each([1, 2, 3])(
    'that is an argument is found before the step changes anything, with %i threads',
    async (threads) => {
      useKernels(set);
      useThreads(threads);
      const weight = full([300, 200], 1).persisted(true);
      const update = compile((rows: Tensor, places: Tensor) => {
        overwrite(weight, scatterAdd(weight, places, rows));
        return weight.sum();
      });
      const rows = full([500, 200], 1);
      const good = tensor(Array.from({ length: 500 }, (_, i) => i % 300));
      for (let i = 0; i < 3; i++) {
        update(rows, good);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      const before = weight.data;
      for (const value of [300, -2, 0.5]) {
        const bad = good.clone();
        const numbers = bad.data;
        numbers[77] = value;
        bad.assign(numbers);
        expect(() => update(rows, bad)).toThrow(
          `scatterAdd: index 77 must be a whole number from 0 to 299, got ${value}`,
        );
        expect(weight.data).toEqual(before);
      }
      update(rows, good);
      expect(weight.data).not.toEqual(before);
    },
  );

  it('that is computed is found after the step, and nothing outside the table is touched', () => {
    useKernels(set);
    const run = compile((x: Tensor, shift: Tensor) => gather(table, x.add(shift)).sum());
    const x = tensor([0, 1, 2]);
    expect([0, 1].map((s) => run(x, tensor(s)).item())).toEqual([66, 114]);
    expect(() => run(x, tensor(8))).toThrow(
      'gather: index 2 must be a whole number from 0 to 9, got 10 (computed in the compiled step, which ran to its end: do not rely on what it changed)',
    );
    expect(run(x, tensor(1)).item()).toBe(114);
  });

  it('that was captured is looked at at each call, and one that never changes only once', () => {
    useKernels(set);
    const captured = tensor([0, 1, 2]);
    const run = compile((x: Tensor) =>
      gather(x, captured)
        .sum()
        .add(gather(x, [3, 3]).sum()),
    );
    expect(run(table).item()).toBe(66 + 108);
    captured.assign([0, 1, 11]);
    expect(() => run(table)).toThrow('gather: index 2 must be a whole number from 0 to 9, got 11');
    captured.assign([0, 1, 1]);
    expect(run(table).item()).toBe(6 + 22 + 22 + 108);
  });
});

describe('indices', () => {
  it('record: gather along any axis, oneHot, and what is computed from them', () => {
    const run = compile(
      (x: Tensor, places: Tensor) => ({
        rows: x.gather(places),
        columns: x.gather(places, 1),
        hot: places.oneHot(4),
        best: x.gather(argMax(x, { axis: 0 })),
      }),
      { onEager: (reason) => expect.fail(reason) },
    );
    for (let i = 0; i < 4; i++) {
      const places = tensor([i, 3 - i]);
      const want = step(() => ({
        rows: table.gather(places),
        columns: table.gather(places, 1),
        hot: places.oneHot(4),
        best: table.gather(argMax(table, { axis: 0 })),
      }));
      const got = run(table, places);
      for (const name of ['rows', 'columns', 'hot', 'best'] as const) expect(got[name].data).toEqual(want[name].data);
    }
    expect(() => run(table, tensor([0, 4]))).toThrow('gather: index 1 must be a whole number from 0 to 3, got 4');
  });

  it('work in double precision', () => {
    const exact = table.cast('f64');
    const run = compile((x: Tensor, places: Tensor) => x.gather(places).sum());
    const places = tensor([1, 2], { dtype: 'f64' });
    for (let i = 0; i < 2; i++) expect(run(exact, places).item()).toBe(22 + 38);
    expect(() => run(exact, tensor([1, 77], { dtype: 'f64' }))).toThrow(
      'gather: index 1 must be a whole number from 0 to 9, got 77',
    );
  });

  it('past what f32 can count are refused with the remedy', () => {
    const long = 2 ** 24 + 2;
    const x = zeros([long]);
    const remedy = "needs numbers past 2²⁴ = 16,777,216, which f32 does not all have; use dtype 'f64'";
    expect(() => x.argMax()).toThrow(`argMax: an axis of 16,777,218 ${remedy}`);
    expect(() => gather(x, [0])).toThrow(`gather: an axis of 16,777,218 ${remedy}`);
    expect(() => arange(long)).toThrow(`arange: counting to 16,777,217 ${remedy}`);
    expect(() => arange(-long, -long + 3)).toThrow(`arange: counting to -16,777,218 ${remedy}`);
    expect(() => oneHot(tensor([1]), long)).toThrow(`oneHot: a depth of 16,777,218 ${remedy}`);
    expect(arange(long, long + 2, 1, { dtype: 'f64' }).toArray()).toEqual([long, long + 1]);
    expect(arange(2 ** 24 - 1, 2 ** 24 + 1).toArray()).toEqual([2 ** 24 - 1, 2 ** 24]);
    // A fractional step is rounded like every number.
    expect(arange(2 ** 25, 2 ** 25 + 1, 0.5).size).toBe(2);
  });

  it('of a depth that is no count are refused', () => {
    for (const depth of [2.5, -1, Number.NaN, '3' as never]) {
      expect(() => oneHot(tensor([0]), depth)).toThrow('oneHot: depth must be a whole number ≥ 0, got');
    }
  });
});
