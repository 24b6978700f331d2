import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import type { Batch } from './dataset.ts';
import { placeOf, unpadded } from './ragged.ts';
import { parseRows } from './rows.ts';
import { bucketsOf, SequenceDataset } from './sequence-dataset.ts';

const NONE = Number.NaN;
const parse = (rows: unknown, event: readonly number[]) => parseRows('fit', rows, event, { ragged: true });

describe('rows of different lengths', () => {
  it('lie in the room of the longest, whatever they are nested in', () => {
    const wanted = { values: [1, 2, NONE, 3, NONE, NONE], lengths: [2, 1] };
    const forms: [string, unknown, number[]][] = [
      ['numbers', [[1, 2], [3]], [3]],
      ['steps of one number', [[[1], [2]], [[3]]], [3, 1]],
      ['typed arrays', [Float32Array.of(1, 2), Float32Array.of(3)], [3, 1]],
      ['flat, NaN past the ends', Float64Array.of(1, 2, NONE, 3, NONE, NONE), [3, 1]],
      [
        'a tensor',
        tensor([
          [1, 2, NONE],
          [3, NONE, NONE],
        ]),
        [3],
      ],
    ];
    for (const [name, rows, event] of forms) {
      const { values, lengths } = parse(rows, event);
      expect({ values: [...values], lengths: [...lengths!] }, name).toEqual(wanted);
    }
    const { values, lengths } = parse([[[1, 2]], Float32Array.of(3, 4, 5, 6)], [2, 2]);
    expect([[...values], [...lengths!]]).toEqual([
      [1, 2, NONE, NONE, 3, 4, 5, 6],
      [1, 2],
    ]);
  });

  it('does not change or keep what it is given', () => {
    const mine = [Float32Array.of(1, 2)];
    const { values } = parse(mine, [2]);
    values[0] = 9;
    expect(mine[0]![0]).toBe(1);
  });

  const refused: [string, unknown, number[], string][] = [
    ['too many steps', [[1], [1, 2, 3]], [2], 'fit: row 1 has 3 steps, at most 2'],
    ['no steps', [[1], []], [2], 'fit: row 1 has no steps; leave it out'],
    ['a step of another width', [[[1, 2], [3]]], [2, 2], 'fit: row 0, step 1 must be 2 numbers, got 1'],
    ['half a step', [[1, 2, 3]], [2, 2], 'fit: row 0 has 3 numbers, which is no whole number of steps of 2'],
    ['text', [[1, 'a']], [2], 'fit: expected a number, got "a" at row 0, step 1'],
    [
      'a hole',
      [
        [1, 2],
        [1, null, 3],
      ],
      [3],
      'fit: expected a finite number, got NaN or null at row 1, step 1',
    ],
    ['infinity', [[[1, Infinity]]], [3, 2], 'fit: expected a finite number, got Infinity at row 0, step 0, column 1'],
    ['a number for a row', [3], [3], 'fit: row 0 must be a list of up to 3 steps, got 3'],
  ];
  it.each(refused)('refuse %s', (_name, rows, event, message) => {
    expect(() => parse(rows, event)).toThrow(message);
  });

  it('come back as arrays of their own lengths, and can go in again', () => {
    const rows = [
      [[1, 2]],
      [
        [3, 4],
        [5, 6],
      ],
    ];
    const { values } = parse(rows, [3, 2]);
    const x = tensor(values, { shape: [2, 3, 2] });
    expect(unpadded(x).map((row) => [...row])).toEqual([
      [1, 2],
      [3, 4, 5, 6],
    ]);
    expect([...parse(x, [3, 2]).lengths!]).toEqual([1, 2]);
    expect([...parse(x.toArray(), [3, 2]).lengths!]).toEqual([1, 2]);
  });

  it('say where a value is', () => {
    expect(placeOf(7, { width: 2 })).toBe('row 3, column 1');
    expect(placeOf(7, { width: 2, steps: 2 })).toBe('row 1, step 1, column 1');
    expect(placeOf(7, { width: 1, steps: 4 })).toBe('row 1, step 3');
  });
});

describe('a data set of sequences', () => {
  const rows = Array.from({ length: 50 }, (_, r) =>
    Array.from({ length: 1 + ((r * 7) % 30) }, (_, t) => 100 * r + t + 1),
  );
  const make = (cut: boolean, bucketed?: boolean) =>
    new SequenceDataset(
      parse(rows, [30]),
      { shape: [30], cut, ...(bucketed !== undefined && { bucketed }) },
      {
        y: {
          rows: parseRows(
            'y',
            rows.map((_, r) => [r]),
            [1],
          ),
          shape: [1],
        },
      },
    );
  /** Rows of the batches of a walk, without what is past their ends. */
  const walk = (data: SequenceDataset, rng: Rng | null, skip = 0) => {
    const pass = data.pass({ batchSize: 8, rng, skip });
    const seen: { steps: number; rows: number[][]; y: number[] }[] = [];
    for (let batch = pass.next() as Batch | null; batch !== null; batch = pass.next() as Batch | null) {
      const lengths = [...batch.lengths!.data];
      const x = batch.x!.toArray() as number[][];
      x.forEach((row, i) => {
        expect(row.slice(lengths[i])).toEqual(row.slice(lengths[i]).fill(0));
      });
      seen.push({
        steps: batch.x!.shape[1]!,
        rows: x.map((row, i) => row.slice(0, lengths[i])),
        y: [...batch.y!.data],
      });
    }
    return seen;
  };
  const sorted = (of: number[][]) => [...of].sort((a, b) => a[0]! - b[0]!);

  it.each([true, false])('gives every row once with its length and what is beside it, cut: %s', (cut) => {
    const data = make(cut);
    for (const rng of [null, new Rng(3)]) {
      const seen = walk(data, rng);
      expect(sorted(seen.flatMap((batch) => batch.rows))).toEqual(rows);
      for (const batch of seen) expect(batch.y).toEqual(batch.rows.map((row) => Math.floor(row[0]! / 100)));
      expect(seen.map((batch) => batch.rows.length).sort((a, b) => b - a)).toEqual([8, 8, 8, 8, 8, 8, 2]);
    }
  });

  it('cuts shuffled batches to the next size past their longest row', () => {
    const seen = walk(make(true), new Rng(1));
    for (const { steps, rows: own } of seen) {
      expect(bucketsOf(30)).toContain(steps);
      expect(Math.max(...own.map((row) => row.length))).toBeLessThanOrEqual(steps);
    }
    expect(seen.some(({ steps }) => steps <= 8)).toBe(true);
    expect(walk(make(false), new Rng(1)).every(({ steps }) => steps === 30)).toBe(true);
  });

  it('lets rows of any lengths meet where it is told to, and cuts their batches all the same', () => {
    const seen = walk(make(true, false), new Rng(1));
    expect(sorted(seen.flatMap((batch) => batch.rows))).toEqual(rows);
    // As drawn: the order of a permutation, eight at a time.
    const lengths = (of: typeof seen) => of.map((batch) => Math.max(...batch.rows.map((row) => row.length)));
    expect(Math.min(...lengths(seen))).toBeGreaterThan(Math.min(...lengths(walk(make(true), new Rng(1)))));
    for (const [b, { steps }] of seen.entries()) {
      expect(steps).toBe(bucketsOf(30).find((size) => size >= (lengths(seen)[b] as number)));
    }
  });

  it('mixes anew from walk to walk, the same for the same generator, and goes on where it is told', () => {
    const data = make(true);
    const rng = new Rng(5);
    const [first, second] = [walk(data, rng), walk(data, rng)];
    expect(first).not.toEqual(second);
    expect(walk(data, new Rng(5))).toEqual(first);
    const done = first.slice(0, 3).reduce((sum, batch) => sum + batch.rows.length, 0);
    expect(walk(data, new Rng(5), done)).toEqual(first.slice(3));
  });

  it('tells other rows, and other lengths, by its fingerprint', () => {
    const print = (of: number[][]) => new SequenceDataset(parse(of, [30]), { shape: [30], cut: true }).fingerprint();
    expect(print(rows)).toBe(print(rows));
    expect(print([[1, 0]])).not.toBe(print([[1]]));
  });
});
