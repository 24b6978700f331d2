import { runInNewContext } from 'node:vm';
import { LatentError, tensor } from '@latent/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRows } from './rows.ts';

const parse = (data: unknown, event: readonly number[] = [2], options = {}): number[] =>
  Array.from(parseRows('fit', data, event, options).values);

describe('rows', () => {
  const want = [1, 2, 3, 4];
  const forms: [string, unknown][] = [
    [
      'arrays',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'a tensor',
      tensor([
        [1, 2],
        [3, 4],
      ]),
    ],
    ['a flat Float32Array', Float32Array.from(want)],
    ['a flat Float64Array', Float64Array.from(want)],
    ['a flat Uint8Array', Uint8Array.from(want)],
    ['a flat Uint8ClampedArray', Uint8ClampedArray.from(want)],
    ['a flat Int16Array', Int16Array.from(want)],
    ['typed rows', [Float32Array.of(1, 2), Float32Array.of(3, 4)]],
    ['rows of two kinds', [Float32Array.of(1, 2), [3, 4]]],
    ['rows of integers', [Uint8Array.of(1, 2), Int32Array.of(3, 4)]],
    ['a view into a larger buffer', new Float32Array(Float32Array.of(9, 1, 2, 3, 4, 9).buffer, 4, 4)],
    ['shared memory', new Float32Array(new SharedArrayBuffer(16)).map((_, i) => want[i] ?? 0)],
    ['arrays of another realm', runInNewContext('[[1, 2], [3, 4]]')],
    ['a typed array of another realm', runInNewContext('Float64Array.of(1, 2, 3, 4)')],
    ['typed rows of another realm', runInNewContext('[Float32Array.of(1, 2), Float32Array.of(3, 4)]')],
    [
      'a Proxy of arrays',
      new Proxy(
        [
          [1, 2],
          [3, 4],
        ],
        {},
      ),
    ],
  ];
  it.each(forms)('come as %s', (_name, data) => {
    const { values, count, width } = parseRows('fit', data, [2]);
    expect([Array.from(values), count, width]).toEqual([want, 2, 2]);
  });

  it('of a shape come nested, flat, or as a tensor', () => {
    const nested = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    const flat = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(parse(nested, [2, 2])).toEqual(flat);
    expect(parse([flat.slice(0, 4), Float32Array.from(flat.slice(4))], [2, 2])).toEqual(flat);
    expect(parse([[Float32Array.of(1, 2), [3, 4]]], [2, 2])).toEqual([1, 2, 3, 4]);
    expect(parse(tensor(nested), [2, 2])).toEqual(flat);
    expect(parse(tensor([flat.slice(0, 4)]), [2, 2])).toEqual([1, 2, 3, 4]);
    expect(
      parse(
        [
          [
            [[1], [2]],
            [[3], [4]],
          ],
        ],
        [2, 2, 1],
      ),
    ).toEqual([1, 2, 3, 4]);
    expect(parse([[1, 2, 3, 4]], [2, 2, 1])).toEqual([1, 2, 3, 4]);
  });

  it('keep the precision they came in, and are copies', () => {
    const doubles = [[1700000001, 0.1]];
    expect(parse(doubles)).toEqual([1700000001, 0.1]);
    expect(parseRows('fit', [Float32Array.of(0.1, 2)], [2]).values).toBeInstanceOf(Float32Array);
    for (const mine of [Float32Array.of(1, 2), Float64Array.of(1, 2), Uint8Array.of(1, 2)]) {
      const { values } = parseRows('fit', mine, [2]);
      mine[0] = 9;
      expect(Array.from(values)).toEqual([1, 2]);
    }
    const x = tensor([[1, 2]]);
    const { values } = parseRows('fit', x, [2]);
    values[0] = 9;
    expect(x.toArray()).toEqual([[1, 2]]);
  });

  it('may have holes where they are allowed: NaN and null, and nothing else', () => {
    expect(
      parse(
        [
          [null, 1],
          [Number.NaN, 2],
        ],
        [2],
        { holes: true },
      ),
    ).toEqual([Number.NaN, 1, Number.NaN, 2]);
    expect(
      parse(
        [
          [
            [null, 1],
            [2, 3],
          ],
        ],
        [2, 2],
        { holes: true },
      ),
    ).toEqual([Number.NaN, 1, 2, 3]);
    for (const none of ['n/a', undefined, '', Infinity, -Infinity]) {
      expect(() => parse([[none, 1]], [2], { holes: true })).toThrow('at row 0, column 0');
    }
    expect(() => parse([[null, 1]], [2], { remedy: 'fill it' })).toThrow(
      'fit: expected a finite number, got NaN or null at row 0, column 0; fill it',
    );
  });

  it('may be none where that is allowed', () => {
    for (const none of [[], new Float32Array(0)]) {
      expect(() => parse(none)).toThrow('fit: needs at least one row, got none');
      expect(parse(none, [2], { empty: true })).toEqual([]);
    }
  });
});

describe('what is no number is refused by row, column and what it was', () => {
  const values: [unknown, string][] = [
    ['5', '"5"'],
    ['', '""'],
    [true, 'true'],
    [undefined, 'undefined'],
    [new Date(0), 'a Date'],
    [[5], 'an array of 1'],
    [{}, 'an object'],
    [5n, '5n'],
    [Symbol('s'), 'a symbol'],
    [() => 5, 'a function'],
    [new Number(5), 'a Number'],
  ];
  it.each(values)('%s', (value, said) => {
    expect(() =>
      parse([
        [1, 2],
        [3, value],
      ]),
    ).toThrow(`fit: expected a number, got ${said} at row 1, column 1`);
    expect(() =>
      parse(
        [
          [
            [1, 2],
            [3, value],
          ],
        ],
        [2, 2],
      ),
    ).toThrow(`got ${said} at row 0, position [1, 1]`);
    expect(() => parse([[1, 2, 3, value]], [2, 2])).toThrow(/got .* at row 0, position \[1, 1\]/);
  });

  const rows: [unknown, string][] = [
    ['123', '"123"'],
    [null, 'null'],
    [5, '5'],
    [{ 0: 1, 1: 2, length: 2 }, 'an object'],
    [new Set([1, 2]), 'a Set'],
    [BigInt64Array.of(1n, 2n), 'BigInt64Array of 2'],
    [new ArrayBuffer(8), 'an ArrayBuffer'],
    [tensor([1, 2]), 'a Tensor'],
  ];
  it.each(rows)('the row %s', (row, said) => {
    expect(() => parse([[1, 2], row])).toThrow(`fit: row 1 must be an array of 2 numbers, got ${said}`);
    expect(() =>
      parse(
        [
          [
            [1, 2],
            [3, 4],
          ],
          row,
        ],
        [2, 2],
      ),
    ).toThrow(`fit: row 1 must be arrays nested as [2, 2], got ${said}`);
  });

  it('holes of the arrays themselves', () => {
    const outer: unknown[] = [[1, 2]];
    outer[2] = [3, 4];
    expect(() => parse(outer)).toThrow('fit: row 1 must be an array of 2 numbers, got undefined');
    const inner: unknown[] = new Array(2);
    inner[1] = 4;
    expect(() => parse([[1, 2], inner])).toThrow('fit: expected a number, got undefined at row 1, column 0');
  });

  const whole: [unknown, string][] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, '5'],
    ['rows', '"rows"'],
    [{}, 'an object'],
    [new Map(), 'a Map'],
    [() => [], 'a function'],
    [new ArrayBuffer(16), 'an ArrayBuffer'],
    [new DataView(new ArrayBuffer(16)), 'DataView of 0'],
    [BigInt64Array.of(1n, 2n), 'BigInt64Array of 2'],
  ];
  it.each(whole)('rows that are none: %s', (data, said) => {
    expect(() => parse(data)).toThrow(`fit: expected rows of numbers, got ${said}`);
  });

  it('infinite and missing ones in typed arrays and tensors', () => {
    expect(() => parse(Float32Array.of(1, 2, Infinity, 4))).toThrow(
      'fit: expected a finite number, got Infinity at row 1, column 0',
    );
    expect(() => parse(tensor([[1, Number.NaN]]))).toThrow('got NaN or null at row 0, column 1');
    expect(() => parse([Float64Array.of(1, -Infinity)])).toThrow('got -Infinity at row 0, column 1');
  });
});

describe('rows of another width or shape are refused', () => {
  const cases: [string, () => unknown, string][] = [
    ['by row', () => parse([[1, 2], [3]]), 'fit: row 1 has 1 values, expected 2 values'],
    ['typed', () => parse([Float32Array.of(1, 2, 3)]), 'fit: row 0 has 3 values, expected 2 values'],
    ['flat', () => parse(new Float32Array(3)), 'expected rows of 2 values end to end, but 3 is not a multiple of 2'],
    [
      'a tensor of rank 1',
      () => parse(tensor([1, 2])),
      'fit: expected rows of 2 values, got [2]; reshape to [n, 2] first',
    ],
    ['a tensor', () => parse(tensor([[1, 2, 3]])), 'fit: expected rows of 2 values, got [1, 3]'],
    [
      'nested too little',
      () => parse([[1, 2]], [2, 2]),
      'fit: row 0, position [0] must be an array of 2 numbers, got 1',
    ],
    ['nested too deep', () => parse([[[1], [2]]]), 'fit: expected a number, got an array of 1 at row 0, column 0'],
    [
      'of other sizes',
      () => parse([[[1, 2], [3]]], [2, 2]),
      'fit: row 0, position [1] has 1 parts, expected 2: rows are nested as [2, 2]',
    ],
    ['of no values', () => parse([[], []], [0]), 'fit: rows must have at least one value, got rows of [0]'],
  ];
  it.each(cases)('%s', (_name, run, message) => expect(run).toThrow(message));

  it('a tensor of another copy of the package', () => {
    expect(() => parse({ storage: {}, dtype: 'f32', shape: [1, 2] })).toThrow('made by another copy of @latent/tensor');
  });
});

it('whatever comes, rows come out whole or a LatentError does', () => {
  const cell = fc.oneof(fc.double(), fc.constantFrom(null, undefined, '1', true), fc.integer());
  const part: fc.Arbitrary<unknown> = fc.oneof(
    cell,
    fc.array(cell, { maxLength: 3 }),
    fc.array(fc.array(cell), { maxLength: 3 }),
  );
  const data = fc.oneof(part, fc.array(part, { maxLength: 4 }), fc.float32Array(), fc.anything());
  const event = fc.constantFrom([1], [2], [3], [1, 2], [2, 1, 1]);
  fc.assert(
    fc.property(data, event, fc.boolean(), (rows, shape, holes) => {
      try {
        const { values, count, width } = parseRows('fit', rows, shape, { holes });
        expect(values.length).toBe(count * width);
        for (const value of values) expect(Number.isFinite(value) || (holes && Number.isNaN(value))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(LatentError);
        expect((error as Error).message).toMatch(/^fit: /);
      }
    }),
    { numRuns: 1000, seed: 4 },
  );
});
