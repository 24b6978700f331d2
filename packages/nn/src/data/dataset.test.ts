import { Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { type ArrayDataset, type Batch, type Dataset, dataset, trainTestSplit } from './dataset.ts';

const rows = Array.from({ length: 10 }, (_, i) => [i, i * 10]);

/** The first column of each batch of a walk. */
async function firsts(data: Dataset, batchSize: number, rng: Rng | null = null, skip = 0): Promise<number[][]> {
  const pass = data.pass({ batchSize, rng, skip });
  const seen: number[][] = [];
  for (let batch = await pass.next(); batch !== null; batch = await pass.next()) {
    seen.push(((batch.x as Tensor).toArray() as number[][]).map(([x]) => x!));
  }
  return seen;
}

describe('a data set in memory', () => {
  it('gives every row once per walk, in batches, in order or shuffled', async () => {
    const data = dataset({ x: rows });
    expect(await firsts(data, 4)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const shuffled = await firsts(data, 4, new Rng(3));
    expect(shuffled.flat()).not.toEqual(rows.map(([x]) => x));
    expect(shuffled.flat().sort((a, b) => a - b)).toEqual(rows.map(([x]) => x));
    expect(await firsts(data, 4, new Rng(3))).toEqual(shuffled);
    // Rows that are skipped are those that would have come.
    expect((await firsts(data, 4, new Rng(3), 4)).flat()).toEqual(shuffled.flat().slice(4));
    expect(await firsts(data, 1000)).toEqual([rows.map(([x]) => x)]);
  });

  it('copies the rows, keeps what belongs together together, and reads shapes off the first row', () => {
    const mine = rows.map((row) => [...row]);
    const labels = rows.map((_, i) => i % 3);
    const data = dataset({ x: mine, y: labels, image: rows.map(([a]) => [[a!], [1]]) });
    mine[0]![0] = 99;
    labels[0] = 99;
    expect(data.spec).toEqual({ x: [2], y: [], image: [2, 1] });
    expect(data.length).toBe(10);
    const batch = data.rows([7, 0]);
    expect([batch.x?.toArray(), batch.y?.toArray(), batch.image?.toArray()]).toEqual([
      [
        [7, 70],
        [0, 0],
      ],
      [1, 0],
      [
        [[7], [1]],
        [[0], [1]],
      ],
    ]);
  });

  it('takes tensors, typed arrays with a shape, and holes where they are allowed', () => {
    expect(dataset({ x: tensor([[1, 2]]) }).spec).toEqual({ x: [2] });
    expect(dataset({ y: tensor([1, 2]) }).spec).toEqual({ y: [] });
    const flat = dataset({ x: new Float32Array(8), y: Uint8Array.of(1, 2) }, { shapes: { x: [2, 2], y: [] } });
    expect([flat.length, flat.spec]).toEqual([2, { x: [2, 2], y: [] }]);
    expect(
      dataset({ x: [[1, null]] }, { holes: true })
        .rows([0])
        .x?.toArray(),
    ).toEqual([[1, Number.NaN]]);
  });

  it('maps rows on their way, and scans what is mapped', () => {
    const twice = (of: ArrayDataset): ArrayDataset =>
      of.mapped('x', ({ values }) => Float32Array.from(values, (value) => 2 * value));
    const data = twice(twice(dataset({ x: rows, y: rows })));
    expect(data.rows([1])).toMatchObject({});
    expect([data.rows([1]).x?.toArray(), data.rows([1]).y?.toArray()]).toEqual([[[4, 40]], [[1, 10]]]);
    expect([...data.scan('x')][0]?.values.slice(2, 4)).toEqual(Float32Array.of(4, 40));
  });

  it('tells its rows from others by a fingerprint', () => {
    const of = (x: number[][]): string => dataset({ x }).fingerprint();
    expect(of(rows)).toBe(of(rows.map((row) => [...row])));
    expect(of(rows)).not.toBe(of([...rows].reverse()));
    expect(dataset({ a: rows }).fingerprint()).not.toBe(of(rows));
  });

  it('gives batches that are written over by the next of their size', async () => {
    const pass = dataset({ x: rows }).pass({ batchSize: 5 });
    const first = (await pass.next()) as Batch;
    expect((first.x!.toArray() as number[][])[0]).toEqual([0, 0]);
    const second = (await pass.next()) as Batch;
    expect(second.x).toBe(first.x);
    expect((first.x!.toArray() as number[][])[0]).toEqual([5, 50]);
  });
});

describe('splitting', () => {
  it('is at random, and loses no row', () => {
    const { train: a, test: b } = trainTestSplit(rows, { rng: new Rng(1), testFraction: 0.3 });
    expect([a.length, b.length]).toEqual([7, 3]);
    const all = [a, b].flatMap((part) => Array.from({ length: part.length }, (_, i) => part.rows([i]).x!.data[0]!));
    expect(all.sort((x, y) => x - y)).toEqual(rows.map(([x]) => x));
    expect(all).not.toEqual(rows.map(([x]) => x).reverse());
    const labelled = dataset({ x: rows, y: rows.map(([x]) => x!) }).split({ rng: new Rng(2) }).test;
    expect(labelled.rows([1]).x?.data[0]).toBe(labelled.rows([1]).y?.data[0]);
  });

  it('leaves at least one row on either side', () => {
    const sizes = (n: number, testFraction: number): number[] => {
      const { train, test } = dataset({ x: rows.slice(0, n) }).split({ rng: new Rng(1), testFraction });
      return [train.length, test.length];
    };
    expect([sizes(2, 0.01), sizes(2, 0.99), sizes(10, 0.04)]).toEqual([
      [1, 1],
      [1, 1],
      [9, 1],
    ]);
    expect(() => sizes(1, 0.5)).toThrow('split: needs at least two rows, got 1');
  });
});

describe('what cannot be is refused', () => {
  const data = dataset({ x: rows });
  const cases: [string, () => unknown, string][] = [
    [
      'rows without a name',
      () => dataset(rows as never),
      'dataset: give rows by name, such as { x: rows }, got an array of 10',
    ],
    ['nothing', () => dataset(undefined as never), 'dataset: give rows by name, such as { x: rows }, got undefined'],
    ['no names', () => dataset({}), 'dataset: needs at least one named array of rows'],
    ['an unknown option', () => dataset({ x: rows }, { shape: {} } as never), "did you mean 'shapes'?"],
    [
      'holes that are no flag',
      () => dataset({ x: rows }, { holes: 'yes' as never }),
      'dataset: holes must be true or false, got "yes"',
    ],
    [
      'the shape of nothing',
      () => dataset({ x: rows }, { shapes: { y: [2] } }),
      "dataset: shapes: there is no array of rows 'y'",
    ],
    [
      'a shape that is none',
      () => dataset({ x: rows }, { shapes: { x: 2 as never } }),
      'dataset: shapes.x must be an array, got 2',
    ],
    ['rows of several widths', () => dataset({ x: [[1, 2], [3]] }), 'dataset: x: row 1 has 1 values, expected 2'],
    ['no rows', () => dataset({ x: [] }), 'dataset: x: needs at least one row, got none'],
    [
      'rows of nothing',
      () => dataset({ x: [[], []] }),
      'dataset: x: rows must have at least one value, got rows of [0]',
    ],
    [
      'a flat array without a shape',
      () => dataset({ x: new Float32Array(4) }),
      'dataset: x: give the shape of a row beside a flat array',
    ],
    ['text', () => dataset({ x: ['a'] as never }), 'dataset: x: expected a number, got "a" at row 0'],
    [
      'a mixture of numbers and rows',
      () => dataset({ x: [1, [2]] as never }),
      'dataset: x: expected a number, got an array of 1 at row 1',
    ],
    [
      'holes',
      () => dataset({ x: [[1, null]] }),
      'dataset: x: expected a finite number, got NaN or null at row 0, column 1',
    ],
    ['counts that differ', () => dataset({ x: rows, y: [1] }), 'dataset: y has 1 rows, but x has 10'],
    [
      'a name that is not there',
      () => data.mapped('y', () => new Float32Array()),
      "mapped: there is no array of rows 'y'",
    ],
    [
      'a scan of what is not there',
      () => [...data.scan('X')],
      "scan: there is no array of rows 'X'; did you mean 'x'?",
    ],
    ['row numbers that are none', () => data.rows([10]), 'rows: [0] must be a whole number ≥ 0 and ≤ 9, got 10'],
    [
      'a share of all',
      () => data.split({ rng: new Rng(1), testFraction: 1 }),
      'split: testFraction must be a number > 0 and < 1, got 1',
    ],
    [
      'a split without a generator',
      () => data.split({} as never),
      'split: rng must be a generator: new Rng(seed), got undefined',
    ],
    ...[0, -1, 1.5, Number.NaN, '5', null, undefined].map((batchSize): [string, () => unknown, string] => [
      `a batch size of ${batchSize}`,
      () => data.pass({ batchSize: batchSize as number }),
      'batches: batchSize must be a whole number ≥ 1',
    ]),
  ];
  it.each(cases)('%s', (_name, run, message) => expect(run).toThrow(message));
});
