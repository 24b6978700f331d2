import { tensor } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataset } from '../data/dataset.ts';
import { type FlatRows, parseRows, type Rows } from '../data/rows.ts';
import { stream } from '../data/stream.ts';
import { FittedTransform } from './fitted.ts';
import { type Transform, transforms } from './kind.ts';
import { asinh, chain, defineTransform, fitDataset, log, minMax, perColumn, robust, standardise } from './transform.ts';

const flat = (rows: Rows, width = (rows as number[][])[0]?.length ?? 1): FlatRows =>
  parseRows('test', rows, [width], { holes: true });
const forward = (fitted: FittedTransform, rows: number[][]): number[] => [...fitted.forward('test', flat(rows))];
const column = [2, 4, 4, 7, 13].map((x) => [x]);
const rounded = (values: ArrayLike<number>): number[] => Array.from(values, (x) => Number(x.toFixed(6)));
const at = { caller: 'test', path: 'transform' };

describe('golden values', () => {
  it('standardise takes the population standard deviation, as NumPy does', () => {
    const fitted = standardise().fit(column);
    expect(rounded(forward(fitted, column))).toEqual([-1.03975, -0.519875, -0.519875, 0.259938, 1.819563]);
    expect(fitted.learned(0)).toEqual([[6, 3.847076812334269]]);
  });

  it('minMax reaches its two ends exactly', () => {
    expect(rounded(forward(minMax().fit(column), column))).toEqual([0, 0.181818, 0.181818, 0.454545, 1]);
    const wide = minMax({ low: -1, high: 1 }).fit(column);
    expect(forward(wide, [[2], [7.5], [13], [24]])).toEqual([-1, 0, 1, 3]);
    expect([...wide.inverse(Float32Array.of(-1, 0, 1, 3))]).toEqual([2, 7.5, 13, 24]);
  });

  it('robust takes the median and the interquartile range, linear between neighbours', () => {
    expect(robust().fit(column).learned(0)).toEqual([[4, 3]]);
    expect(
      robust()
        .fit([[1], [2], [10], [-4]])
        .learned(0),
    ).toEqual([[1.5, 4.25]]);
    expect(
      robust()
        .fit([[1], [2], [3], [4], [5e9]])
        .learned(0),
    ).toEqual([[3, 2]]);
  });

  it('log is the natural logarithm after an offset', () => {
    expect(rounded(forward(log().fit([[1]]), [[1], [Math.E]]))).toEqual([0, 1]);
    const offset = log({ offset: 1 }).fit([[0]]);
    expect(rounded(forward(offset, [[0], [9]]))).toEqual([0, Number(Math.log(10).toFixed(6))]);
    expect([...offset.inverse(Float32Array.of(0))]).toEqual([0]);
  });

  it('asinh is straight near 0, a logarithm far from it, and odd', () => {
    const rows = [[0], [1], [-1], [1e-9], [1e9], [-1e300]];
    // ln(1 + √2), and ln 2x.
    const root = Math.log(1 + Math.SQRT2);
    const want = [0, root, -root, 1e-9, Math.log(2e9), -Math.log(2) - 300 * Math.LN10].map(Math.fround);
    const fitted = asinh().fit(rows);
    expect(forward(fitted, rows)).toEqual(want);
    expect(fitted.learned(0)).toEqual([[]]);
    expect(rounded(forward(asinh({ scale: 10 }).fit([[0]]), [[10]]))).toEqual([Number(root.toFixed(6))]);
    const ends = fitted.logJacobian('test', flat([[0], [1e300]]));
    expect(ends[0]).toBeCloseTo(0, 14);
    expect(ends[1]).toBeCloseTo(-300 * Math.LN10, 10);
    expect(() => asinh({ scale: 0 })).toThrow('asinh: scale must be a number > 0, got 0');
  });

  it('a chain learns each step from what those before make of the rows', () => {
    const fitted = chain(log(), standardise()).fit([[1], [Math.E ** 2], [Math.E ** 4]]);
    expect(rounded(fitted.learned(0)[1]!)).toEqual([2, 1.632993]);
    expect(rounded(forward(fitted, [[Math.E ** 2], [1]]))).toEqual([0, -1.224745]);
  });

  it('columns take transforms of their own; others stay as they are', () => {
    const rows = [
      [1, 10, 0, 1, 5],
      [3, 1000, 1, 0, 5],
    ];
    const fitted = perColumn([
      { columns: [0], transform: standardise() },
      { columns: [1], transform: chain(log(), minMax()) },
    ]).fit(rows);
    expect(rounded(forward(fitted, rows))).toEqual([-1, 0, 0, 1, 5, 1, 1, 1, 0, 5]);
    expect(fitted.learned(2)).toEqual([]);
    expect(fitted.logJacobian('test', flat(rows))[2]).toBe(0);
  });
});

/** Every transform that files know, and one of each that holds others; `quantile`, which has corners, is tried beside it. */
const all: [string, () => Transform][] = [
  ['standardise', standardise],
  ['minMax', () => minMax({ low: -2, high: 5 })],
  ['robust', robust],
  ['log', () => log({ offset: 2e3 })],
  ['asinh', () => asinh({ scale: 20 })],
  ['chain', () => chain(log({ offset: 2e3 }), robust(), minMax({ low: -1 }))],
  ['perColumn', () => perColumn([{ columns: [0], transform: chain(log({ offset: 2e3 }), standardise()) }])],
];

it('all that files know are in the table', () => {
  const own = transforms.names().filter((name) => !['cubeRoot', 'quantile'].includes(name));
  expect(all.map(([name]) => name).sort()).toEqual(own.sort());
});

const table = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 })).chain(([width, n]) =>
  fc.array(
    fc.array(fc.oneof(fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.constant(7)), {
      minLength: width,
      maxLength: width,
    }),
    { minLength: n, maxLength: n },
  ),
);

describe.each(all)('%s', (_name, make) => {
  it('is undone by its inverse, up to the rounding of what a model is given', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const fitted = make().fit(rows);
        const values = fitted.forward('test', flat(rows));
        const back = fitted.inverse(values);
        // One rounding to single precision on the common scale is this much on the column's.
        const slopes = fitted.logJacobian('test', flat(rows));
        for (const [i, x] of rows.flat().entries()) {
          // Of columns that hardly spread, outliers may leave single precision.
          if (!Number.isFinite(values[i])) continue;
          const rounding = (2 ** -23 * Math.max(1, Math.abs(values[i]!))) / Math.exp(slopes[i]!);
          expect(Math.abs(back[i]! - x)).toBeLessThan(1e-9 + 2 * rounding);
        }
      }),
      { seed: 1 },
    );
  });

  it('does the same for every form of rows, and leaves the caller’s arrays alone', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const width = rows[0]!.length;
        const singles = rows.map((row) => Float32Array.from(row));
        const whole = Float32Array.from(rows.flat());
        const before = structuredClone([rows, singles, whole]);
        const fitted = make().fit(whole, { width });
        expect(make().fit(singles).config()).toEqual(fitted.config());
        const asTensor = tensor(whole, { shape: [rows.length, width] });
        expect(make().fit(asTensor).config()).toEqual(fitted.config());
        const want = fitted.forward('test', flat(singles));
        expect(fitted.forward('test', flat(whole, width))).toEqual(want);
        expect([rows, singles, whole]).toEqual(before);
      }),
      { numRuns: 30, seed: 2 },
    );
  });

  it('learns the same from a data set and from a stream, however it is cut', async () => {
    const rows = Array.from({ length: 23 }, (_, i) => [Math.sin(i) * 100, i ** 2, 7]);
    const want = make().fit(rows).config();
    expect((await fitDataset(make(), dataset({ x: rows }))).config()).toEqual(want);
    for (const size of [1, 4, 23]) {
      const cut = stream(
        function* () {
          for (let i = 0; i < 23; i += size) yield { x: rows.slice(i, i + size) };
        },
        { spec: { x: [3] } },
      );
      expect((await fitDataset(make(), cut)).config()).toEqual(want);
    }
  });

  it('is the same after JSON', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const fitted = make().fit(rows);
        const copy = FittedTransform.fromConfig(JSON.parse(JSON.stringify(fitted.config())), at);
        expect(copy.forward('test', flat(rows))).toEqual(fitted.forward('test', flat(rows)));
        expect(copy.config()).toEqual(fitted.config());
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it('skips missing values when it learns, and keeps them', () => {
    const gaps = [[Number.NaN], ...column, [Number.NaN]];
    const fitted = make().fit(gaps);
    expect(fitted.config()).toEqual(make().fit(column).config());
    expect(
      make()
        .fit([[null], ...column] as never)
        .config(),
    ).toEqual(fitted.config());
    const y = forward(fitted, gaps);
    expect([y[0], y[6], y.slice(1, 6)]).toEqual([Number.NaN, Number.NaN, forward(fitted, column)]);
    expect([...fitted.inverse(Float32Array.of(Number.NaN))]).toEqual([Number.NaN]);
  });

  it('has the log of its slope as Jacobian, by differences, and 0 for what is missing', () => {
    const fitted = make().fit([[1], [2], [4]]);
    // The slope on the way back, which is in double precision.
    const y = fitted.forward('test', flat([[2]]))[0]!;
    const back = (v: number): number => fitted.inverse(Float64Array.of(v))[0]!;
    const slope = 2e-3 / (back(y + 1e-3) - back(y - 1e-3));
    const [first, missing] = fitted.logJacobian('test', flat([[2], [Number.NaN]]));
    expect(first).toBeCloseTo(Math.log(slope), 5);
    expect(missing).toBe(0);
  });

  it('never changes once it is fitted, and fits others without forgetting', () => {
    const spec = make();
    const fitted = spec.fit(column);
    const before = JSON.stringify(fitted.config());
    spec.fit([[1000], [2000]]);
    expect(JSON.stringify(fitted.config())).toBe(before);
    // What it gives away, or was made of, cannot be used to change it.
    const given = fitted.config() as unknown as { columns: number[][][] };
    for (const of of given.columns) for (const numbers of of) expect(Object.isFrozen(numbers)).toBe(true);
    given.columns[0] = [[99, 99]];
    expect(JSON.stringify(fitted.config())).toBe(before);
    const config = JSON.parse(before);
    const copy = FittedTransform.fromConfig(config, at);
    for (const of of config.columns) for (const numbers of of) numbers[0] = 99;
    expect(JSON.stringify(copy.config())).toBe(before);
  });
});

describe('precision', () => {
  it('is double up to the common scale: seconds stay distinct', () => {
    const seconds = Array.from({ length: 100 }, (_, i) => [1.7e9 + i]);
    for (const make of [standardise, minMax, robust]) {
      const y = forward(make().fit(seconds), seconds);
      expect(new Set(y).size).toBe(100);
      const back = make().fit(seconds).inverse(Float32Array.from(y));
      for (const [i, x] of back.entries()) expect(x).toBeCloseTo(1.7e9 + i, 4);
    }
  });

  it('of a small spread around a large mean keeps its digits', () => {
    const rows = [[1e9], [1e9 + 1e-3], [1e9 + 2e-3]];
    const [shift, scale] = standardise().fit(rows).learned(0)[0] as [number, number];
    expect(shift).toBeCloseTo(1e9 + 1e-3, 6);
    expect(scale / Math.sqrt(2e-6 / 3)).toBeCloseTo(1, 3);
  });
});

describe('columns that do not vary', () => {
  // The mean of three 0.1 in floating point is not 0.1: a difference to it must not be blown up.
  const same = [[0.1], [0.1], [0.1]];
  it.each([
    ['standardise', standardise(), 0, 1],
    ['robust', robust(), 0, 1],
    ['minMax', minMax({ low: 2, high: 3 }), 2, 3],
  ] as const)('%s shifts them and has scale 1', (_name, spec, want, off) => {
    const fitted = spec.fit(same);
    expect(forward(fitted, same)).toEqual([want, want, want]);
    expect(rounded(forward(fitted, [[1.1]]))).toEqual([off]);
    expect([...fitted.inverse(Float32Array.of(want))]).toEqual([0.1]);
  });

  it('a spread too small to divide by is none', () => {
    expect(forward(minMax().fit([[0], [5e-324]]), [[2]])).toEqual([2]);
  });
});

describe('errors', () => {
  const fitted = minMax().fit([
    [1, 2],
    [3, 4],
  ]);
  const two = { columns: [0], transform: standardise() };
  const cases: [string, () => unknown, string][] = [
    ['width', () => forward(fitted, [[1]]), 'test: the transform knows 2 columns, got rows of 1'],
    ['Jacobian of another width', () => fitted.logJacobian('test', flat([[1]])), 'test: the transform knows 2 columns'],
    [
      'inverse of another width',
      () => fitted.inverse(new Float32Array(3)),
      'inverse: the transform knows 2 columns, got 3 values',
    ],
    ['rows that differ', () => minMax().fit([[1, 2], [1]]), 'minMax.fit: row 1 has 1 values, expected 2'],
    [
      'no width',
      () => standardise().fit(new Float32Array(3)),
      'standardise.fit: a flat array needs the number of columns: { width }',
    ],
    [
      'a width that is none',
      () => standardise().fit(new Float32Array(3), { width: 1.5 }),
      'standardise.fit: width must be a whole number ≥ 1, got 1.5',
    ],
    [
      'an option that is none',
      () => standardise().fit(column, { columns: 1 } as never),
      "standardise.fit: there is no option 'columns'",
    ],
    [
      'nothing',
      () => standardise().fit(undefined as never),
      'standardise.fit: expected rows of numbers, got undefined',
    ],
    [
      'infinite',
      () => robust().fit([[1], [Infinity]]),
      'robust.fit: expected a finite number, got Infinity at row 1, column 0',
    ],
    ['log', () => log().fit([[1, 0]]), 'log.fit: needs values > 0, got 0 at row 0, column 1'],
    [
      'log of what comes later',
      () => forward(log({ offset: 1 }).fit([[0]]), [[3], [-1]]),
      'test: log needs values > -1, got -1 at row 1, column 0',
    ],
    [
      'log of a Jacobian',
      () =>
        log()
          .fit([[1]])
          .logJacobian('test', flat([[-1]])),
      'test: log needs values > 0, got -1 at row 0, column 0',
    ],
    [
      'log inside a chain',
      () => chain(standardise(), log()).fit([[1], [3]]),
      'chain.fit: needs values > 0, got -1 at row 0, column 0',
    ],
    [
      'all missing',
      () => standardise().fit([[1, Number.NaN]]),
      'standardise.fit: column 1 has only missing values; leave it out',
    ],
    [
      'too wide',
      () => standardise().fit([[1e300], [-1e300]]),
      'standardise.fit: column 0 spreads too widely for double precision',
    ],
    ['no rows', () => robust().fit([]), 'robust.fit: needs at least one row, got none'],
    ['range', () => minMax({ low: 1, high: 1 }), 'minMax: low must be below high, got low 1 and high 1'],
    ['offset', () => log({ offset: Number.NaN }), 'log: offset must be a number, got NaN'],
    ['an empty chain', () => chain(), 'chain: steps must be an array of ≥ 1 and ≤ 16 elements, got an empty array'],
    [
      'a chain of none',
      () => chain('log' as never),
      'chain: steps[0] must be a transform such as standardise(), got "log"',
    ],
    [
      'a fitted step',
      () => chain(fitted as never),
      'chain: steps[0] must be a transform such as standardise(), got a FittedTransform',
    ],
    [
      'columns that are not there',
      () => perColumn([{ ...two, columns: [1] }]).fit(column),
      'perColumn: there is no column 1 in rows of 1 values',
    ],
    [
      'columns in two groups',
      () => perColumn([two, two]).fit(column),
      'perColumn: column 0 is in two groups; use chain(…) for two steps',
    ],
    [
      'a column twice',
      () => perColumn([{ ...two, columns: [0, 0] }]).fit(column),
      'perColumn: column 0 is in two groups',
    ],
    ['groups that are none', () => perColumn({} as never), 'perColumn: groups must be an array, got an object'],
    ['a group that is none', () => perColumn([5 as never]), 'perColumn: groups[0] must be an object, got 5'],
    [
      'a group with more',
      () => perColumn([{ ...two, name: 'x' } as never]),
      "perColumn: groups[0]: there is no field 'name'",
    ],
    [
      'columns that are none',
      () => perColumn([{ ...two, columns: [-1] }]),
      'perColumn: groups[0].columns[0] must be a whole number ≥ 0, got -1',
    ],
  ];
  it.each(cases)('say what is wrong: %s', (_name, run, message) => expect(run).toThrow(message));

  it('refuse a description that is not one, by the path of the field', () => {
    const config = fitted.config();
    const load = (change: object) => () => FittedTransform.fromConfig({ ...config, ...change }, at);
    expect(load({})).not.toThrow();
    expect(load({ of: { name: 'toString' } })).toThrow("test: there is no transform (transform.of) 'toString'");
    expect(load({ of: { name: 'minMax', lo: 0 } })).toThrow(
      "test: transform.of: there is no field 'lo'; did you mean 'low'?",
    );
    expect(load({ of: { name: 'minMax', low: 2 } })).toThrow(
      'test: transform.of: low must be below high, got low 2 and high 1',
    );
    expect(load({ columns: 'x' })).toThrow('test: transform must be a fitted transform { of, columns }, got an object');
    for (const bad of [
      [[0, 0]],
      [[0, -1]],
      [[0]],
      [[0, 1, 2]],
      [['0', 1]],
      [[0, null]],
      [],
      null,
      5,
      [
        [0, 1],
        [0, 1],
      ],
    ]) {
      expect(load({ columns: [[[0, 1]], bad] })).toThrow(
        'test: transform.columns[1] does not fit minMax; the file is altered',
      );
    }
    for (const bad of [null, undefined, 5, [], 'minMax']) {
      expect(() => FittedTransform.fromConfig(bad, at)).toThrow(
        'test: transform must be a fitted transform { of, columns }',
      );
    }
  });

  it('learn from rows of a shape too', () => {
    expect(standardise().fit([[[1, 2]], [[3, 4]]]).width).toBe(2);
    expect(
      standardise()
        .fit([1, 3] as never)
        .learned(0),
    ).toEqual([[2, 1]]);
  });

  it('refuse small descriptions of very large transforms at once', () => {
    // 16 levels of 16 steps would be 10¹⁹ steps; half a million steps over as many columns as much work.
    let nested: object = { name: 'standardise' };
    for (let i = 0; i < 4; i++) nested = { name: 'chain', steps: Array.from({ length: 16 }, () => nested) };
    const columns = Array.from({ length: 100_000 }, () => []);
    expect(() => FittedTransform.fromConfig({ of: nested, columns }, at)).toThrow(/at most 64/);
  });
});

describe('a method of your own', () => {
  const cube = defineTransform('cubeRoot', {}, () => ({
    fit: () => ({ add: () => {}, again: () => false, numbers: () => [] }),
    map: () => ({ forward: Math.cbrt, inverse: (y) => y ** 3, logSlope: (x) => -Math.log(3 * Math.cbrt(x) ** 2) }),
    valid: (numbers) => numbers.length === 0,
  }));

  it('is known to files, alone and in a chain', () => {
    for (const spec of [cube(), chain(cube(), standardise())]) {
      const fitted = spec.fit([[8], [27], [64]]);
      const copy = FittedTransform.fromConfig(JSON.parse(JSON.stringify(fitted.config())), at);
      expect(forward(copy, [[8], [1]])).toEqual(forward(fitted, [[8], [1]]));
    }
    expect(forward(cube().fit([[8]]), [[8], [27]])).toEqual([2, 3]);
    expect(() => transforms.define('standardise', { options: {}, build: () => cube() })).toThrow(
      "transform: there is one named 'standardise' already; choose another name",
    );
  });
});
