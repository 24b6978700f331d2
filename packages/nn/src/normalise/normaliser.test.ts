import { Tensor, tensor } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { log, minMax, Normaliser, type NormaliserConfig, robust, standardise } from '../index.ts';

const column = [2, 4, 4, 7, 13].map((x) => [x]);
const rounded = (rows: readonly (readonly number[])[]): number[] => rows.flat().map((x) => Number(x.toFixed(6)));

describe('golden values', () => {
  it('standardise takes the population standard deviation, as NumPy does', () => {
    const z = standardise().fit(column).transform(column);
    expect(rounded(z)).toEqual([-1.03975, -0.519875, -0.519875, 0.259938, 1.819563]);
    expect(standardise().fit(column).config().columns).toEqual([[6, 3.847076812334269]]);
  });

  it('minMax reaches its two ends exactly', () => {
    expect(rounded(minMax().fit(column).transform(column))).toEqual([0, 0.181818, 0.181818, 0.454545, 1]);
    const wide = minMax({ low: -1, high: 1 }).fit(column);
    expect(wide.transform([[2], [7.5], [13], [24]])).toEqual([[-1], [0], [1], [3]]);
    expect(wide.inverse([[-1], [0], [1], [3]])).toEqual([[2], [7.5], [13], [24]]);
  });

  it('robust takes the median and the interquartile range, linear between neighbours', () => {
    expect(robust().fit(column).config().columns).toEqual([[4, 3]]);
    expect(
      robust()
        .fit([[1], [2], [10], [-4]])
        .config().columns,
    ).toEqual([[1.5, 4.25]]);
    const calm = robust().fit([[1], [2], [3], [4], [5]]);
    expect(calm.fit([[1], [2], [3], [4], [5e9]]).config().columns).toEqual([[3, 2]]);
  });

  it('log is the natural logarithm after an offset', () => {
    expect(
      log()
        .fit([[1]])
        .transform([[1], [Math.E]]),
    ).toEqual([[0], [1]]);
    expect(
      log({ offset: 1 })
        .fit([[0]])
        .transform([[0], [9]]),
    ).toEqual([[0], [Math.log(10)]]);
    expect(
      log({ offset: 1 })
        .fit([[0]])
        .inverse([[0]]),
    ).toEqual([[0]]);
  });
});

const all = [standardise, () => minMax({ low: -2, high: 5 }), robust, () => log({ offset: 2e3 })];
const table = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 })).chain(([width, n]) =>
  fc.array(
    fc.array(fc.oneof(fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.constant(7)), {
      minLength: width,
      maxLength: width,
    }),
    { minLength: n, maxLength: n },
  ),
);

describe.each(all.map((make) => [make().name, make] as const))('%s', (_name, make) => {
  it('is undone by its inverse', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const normaliser = make().fit(rows);
        const back = normaliser.inverse(normaliser.transform(rows));
        for (const [i, x] of back.flat().entries()) expect(Math.abs(x - rows.flat()[i])).toBeLessThan(1e-9);
      }),
    );
  });

  it('does the same for every form of rows, gives that form back, and leaves the caller’s arrays alone', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const width = rows[0].length;
        const singles = rows.map((row) => Float32Array.from(row));
        const flat = Float32Array.from(rows.flat());
        const [flatBefore, rowsBefore] = [flat.slice(), structuredClone(rows)];
        const normaliser = make().fit(flat, { width });
        const want = normaliser.transform(flat);
        expect(want).toBeInstanceOf(Float32Array);
        const perRow = make().fit(singles).transform(singles);
        expect(perRow[0]).toBeInstanceOf(Float32Array);
        expect(perRow.flatMap((row) => [...row])).toEqual([...want]);
        const asTensor = normaliser.transform(tensor(flat, { shape: [rows.length, width] }));
        expect(asTensor).toBeInstanceOf(Tensor);
        expect([asTensor.shape, asTensor.data]).toEqual([[rows.length, width], want]);
        const doubles = rows.map((row) => Float64Array.from(row));
        expect(
          make()
            .fit(doubles)
            .transform(doubles)
            .map((row) => [...row]),
        ).toEqual(make().fit(rows).transform(rows));
        expect([flat, rows]).toEqual([flatBefore, rowsBefore]);
      }),
      { numRuns: 30 },
    );
  });

  it('is the same after JSON', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const normaliser = make().fit(rows);
        const config = JSON.parse(JSON.stringify(normaliser.config())) as NormaliserConfig;
        const copy = Normaliser.fromConfig(config);
        expect(copy.transform(rows)).toEqual(normaliser.transform(rows));
        expect(copy.config()).toEqual(normaliser.config());
      }),
      { numRuns: 30 },
    );
    expect(Normaliser.fromConfig(make().config()).fit(column).config()).toEqual(make().fit(column).config());
  });

  it('skips missing values when it learns, and keeps them', () => {
    const gaps = [[NaN], ...column, [NaN]];
    const normaliser = make().fit(gaps);
    expect(normaliser.config()).toEqual(make().fit(column).config());
    const z = normaliser.transform(gaps);
    expect([z[0], z[6]]).toEqual([[NaN], [NaN]]);
    expect(z.slice(1, 6)).toEqual(normaliser.transform(column));
    expect(normaliser.inverse([[NaN]])).toEqual([[NaN]]);
  });
});

describe('columns that do not vary', () => {
  // The mean of three 0.1 in floating point is not 0.1: a difference to it must not be blown up.
  const same = [[0.1], [0.1], [0.1]];
  it.each([
    ['standardise', standardise(), [[0], [0], [0]], [[1]]],
    ['robust', robust(), [[0], [0], [0]], [[1]]],
    ['minMax', minMax({ low: 2, high: 3 }), [[2], [2], [2]], [[3]]],
  ] as const)('%s shifts them and has scale 1', (_name, normaliser, want, off) => {
    expect(normaliser.fit(same).transform(same)).toEqual(want);
    expect(rounded(normaliser.transform([[1.1]]))).toEqual(off.flat());
    expect(normaliser.inverse(want)).toEqual(same);
  });

  it('takes a spread too small to divide by for none', () => {
    expect(
      minMax()
        .fit([[0], [5e-324]])
        .transform([[2]]),
    ).toEqual([[2]]);
  });

  it('keeps the digits of a small spread around a large mean', () => {
    const rows = [[1e9], [1e9 + 1e-3], [1e9 + 2e-3]];
    const [[shift, scale]] = standardise().fit(rows).config().columns ?? [];
    expect(shift).toBeCloseTo(1e9 + 1e-3, 6);
    expect(scale / Math.sqrt(2e-6 / 3)).toBeCloseTo(1, 3);
  });
});

describe('errors', () => {
  const fitted = minMax().fit([
    [1, 2],
    [3, 4],
  ]);
  const cases: [string, () => unknown, string][] = [
    ['width', () => fitted.transform([[1, 2], [1]]), 'minMax.transform: row 1 has 1 values, expected 2'],
    ['flat', () => fitted.transform(new Float32Array(3)), 'minMax.transform: expected rows [n, 2], got [3]'],
    ['no width', () => standardise().fit(new Float32Array(3)), 'expected rows [n, width], got [3]; a flat array needs'],
    ['tensor', () => fitted.inverse(tensor([1, 2])), 'minMax.inverse: expected rows [n, 2], got [2]'],
    ['no row', () => fitted.inverse([[1, 2], null] as never), 'minMax.inverse: row 1 has no values, expected 2'],
    ['nothing', () => fitted.inverse(undefined as never), 'minMax.inverse: expected rows [n, 2]'],
    [
      'infinite',
      () => robust().fit([[1], [Infinity]]),
      'robust.fit: expected a finite number > -Infinity, or NaN where one is missing, got Infinity at row 1, column 0',
    ],
    ['null', () => robust().fit([[1, null]] as never), 'got null at row 0, column 1'],
    [
      'log',
      () => log().fit([[1, 0]]),
      'log.fit: expected a finite number > 0, or NaN where one is missing, got 0 at row 0',
    ],
    [
      'log offset',
      () =>
        log({ offset: 1 })
          .fit([[0]])
          .transform([[-1]]),
      'expected a finite number > -1',
    ],
    ['all missing', () => standardise().fit([[1, NaN]]), 'standardise.fit: column 1 has only missing values'],
    ['too large', () => standardise().fit([[1e300], [-1e300]]), 'column 0 needs a finite shift and scale > 0'],
    ['no rows', () => robust().fit([]), 'robust.fit: needs at least one row, got none'],
    ['not fitted', () => robust().transform([[1]]), 'robust.transform: knows no columns yet; call fit(rows) first'],
    ['range', () => minMax({ low: 1, high: 1 }), 'minMax: options must be finite and low below high'],
    [
      'offset',
      () => log({ offset: NaN }),
      'log: options must be finite and low below high, got low 0, high 1, offset NaN',
    ],
  ];
  it.each(cases)('say what is wrong: %s', (_name, run, message) => expect(run).toThrow(message));

  it('refuse a config that is not one', () => {
    const config = fitted.config();
    const load = (change: object) => () => Normaliser.fromConfig({ ...config, ...change } as NormaliserConfig);
    expect(load({})).not.toThrow();
    expect(load({ version: 2 })).toThrow('normaliser: expected a config of version 1, got 2');
    expect(load({ name: 'toString' })).toThrow(
      "normaliser: no normaliser named 'toString'; known are standardise, minMax",
    );
    expect(load({ columns: 'x' })).toThrow('minMax: column 0 needs');
    expect(
      load({
        columns: [
          [0, 1],
          [0, 0],
        ],
      }),
    ).toThrow('minMax: column 1 needs a finite shift and scale > 0');
    expect(load({ columns: [null] })).toThrow('minMax: column 0 needs');
    expect(() => Normaliser.fromConfig(null as never)).toThrow('expected a config of version 1, got undefined');
  });
});

describe('logJacobian', () => {
  it('is the derivative of the transformation, by differences, and 0 for what is missing', () => {
    const rows = [
      [1, 10],
      [2, 40],
      [4, 20],
    ];
    for (const normaliser of [standardise(), minMax({ low: -1, high: 3 }), robust(), log({ offset: 0.5 })]) {
      normaliser.fit(rows);
      const at = (x: number): number => normaliser.transform([[x, 20]])[0][0];
      const slope = (at(2.001) - at(1.999)) / 0.002;
      const [first, missing] = normaliser.logJacobian(Float32Array.from([at(2), Number.NaN]));
      expect(first).toBeCloseTo(Math.log(slope), 4);
      expect(missing).toBe(0);
    }
    expect(() => standardise().logJacobian(new Float32Array(2))).toThrow('call fit(rows) first');
  });
});
