import { LatentError, Rng, type Tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { type Chunk, type StreamDataset, stream } from './stream.ts';

const N = 50;
const all = Array.from({ length: N }, (_, i) => i);

/** Numbers 0 … 49 in chunks of these sizes, again and again. */
function chunks(...sizes: number[]) {
  return async function* (): AsyncGenerator<Chunk> {
    for (let at = 0, i = 0; at < N; i++) {
      const size = Math.min(sizes[i % sizes.length]!, N - at);
      yield { x: Array.from({ length: size }, (_, j) => [at + j, 2 * (at + j)]) };
      at += size;
    }
  };
}
const spec = { x: [2] };

async function walk(
  data: StreamDataset,
  options: Partial<Parameters<StreamDataset['pass']>[0]> = {},
): Promise<number[]> {
  const pass = data.pass({ batchSize: 7, ...options });
  const seen: number[] = [];
  for (let batch = await pass.next(); batch !== null; batch = await pass.next()) {
    for (const [a, b] of (batch.x as Tensor).toArray() as [number, number][]) {
      expect(b).toBe(2 * a);
      seen.push(a);
    }
  }
  await pass.close?.();
  return seen;
}

describe('a stream', () => {
  it('gives its rows in order, and counts them', async () => {
    const data = stream(chunks(3, 11), { spec });
    expect(data.length).toBeNull();
    expect(await walk(data)).toEqual(all);
    expect(data.length).toBe(N);
    expect(stream(chunks(9), { spec, length: N }).length).toBe(N);
  });

  it('is shuffled the same for the same seed, however the source is cut', async () => {
    const order = await walk(stream(chunks(N), { spec, shuffleBuffer: 16 }), { rng: new Rng(5) });
    expect([...order].sort((a, b) => a - b)).toEqual(all);
    expect(order).not.toEqual(all);
    for (const sizes of [[1], [3, 11], [49]]) {
      expect(await walk(stream(chunks(...sizes), { spec, shuffleBuffer: 16 }), { rng: new Rng(5) })).toEqual(order);
    }
    expect(await walk(stream(chunks(7), { spec, shuffleBuffer: 16 }), { rng: new Rng(6) })).not.toEqual(order);
    // However many rows there are, the generator moves on by as much.
    const [a, b] = [new Rng(5), new Rng(5)];
    await walk(stream(chunks(7), { spec }), { rng: a });
    await walk(
      stream(() => [{ x: [[0, 0]] }], { spec }),
      { rng: b },
    );
    expect(a.state).toEqual(b.state);
  });

  it('goes on after rows that were dealt with, in the order they had', async () => {
    const data = stream(chunks(4), { spec, shuffleBuffer: 20 });
    const order = await walk(data, { rng: new Rng(1) });
    expect(await walk(data, { rng: new Rng(1), skip: 14 })).toEqual(order.slice(14));
    expect(await walk(data, { skip: N })).toEqual([]);
  });

  it('mixes well: rows come from all over the buffer, each place as often', async () => {
    const data = stream(chunks(N), { spec, shuffleBuffer: N });
    const places = new Float64Array(N);
    for (let seed = 0; seed < 200; seed++) {
      (await walk(data, { rng: new Rng(seed) })).forEach((value, place) => {
        if (value === 0) places[place]! += 1;
      });
    }
    expect(Math.max(...places)).toBeLessThan(20); // 4 expected
    expect(places.filter((count) => count > 0).length).toBeGreaterThan(40);
  });

  it('maps one step after the other, and scans what is mapped', async () => {
    const times = (k: number) => (rows: { values: ArrayLike<number> }) => Float32Array.from(rows.values, (v) => k * v);
    const data = stream(chunks(9), { spec }).mapped('x', times(2)).mapped('x', times(5));
    expect(await walk(data)).toEqual(all.map((x) => 10 * x));
    const scanned: number[] = [];
    for await (const { values } of data.scan('x')) scanned.push(...values);
    expect(scanned.filter((_, i) => i % 2 === 0)).toEqual(all.map((x) => 10 * x));
  });

  it('may be walked by several at once', async () => {
    const data = stream(chunks(8), { spec, shuffleBuffer: 10 });
    const alone = [await walk(data, { rng: new Rng(1) }), await walk(data, { rng: new Rng(2) })];
    expect(await Promise.all([walk(data, { rng: new Rng(1) }), walk(data, { rng: new Rng(2) })])).toEqual(alone);
  });

  it('closes its source at the end, when it is given up, and when it fails', async () => {
    const closed: string[] = [];
    const source = (name: string, fails = false) =>
      async function* (): AsyncGenerator<Chunk> {
        try {
          for (let i = 0; i < 5; i++) {
            if (fails && i === 2) throw new Error('the disk is gone');
            yield { x: [[i, 2 * i]] };
          }
        } finally {
          closed.push(name);
        }
      };
    await walk(stream(source('end'), { spec }));
    const pass = stream(source('early'), { spec }).pass({ batchSize: 2 });
    await pass.next();
    await pass.close?.();
    expect(await pass.next()).toBeNull();
    await expect(walk(stream(source('failed', true), { spec }))).rejects.toThrow('the disk is gone');
    await expect(walk(stream(source('shuffled', true), { spec }), { rng: new Rng(1) })).rejects.toThrow('the disk');
    expect(closed).toEqual(['end', 'early', 'failed', 'shuffled']);
  });
});

describe('a stream says what is wrong', () => {
  const run = (source: () => unknown): Promise<number[]> => walk(stream(source as never, { spec }));
  const cases: [string, () => unknown, string][] = [
    [
      'a source that gives nothing',
      () => undefined,
      'stream: the source must give chunks one after the other, as a generator does, got undefined',
    ],
    ['a source that gives a number', () => 5, 'as a generator does, got 5'],
    ['a chunk that is none', () => [null], "stream: a chunk after row 0 has no 'x', got null"],
    [
      'a chunk of other names',
      () => [{ x: [[1, 2]] }, { y: [[1]] }],
      "stream: a chunk after row 1 has no 'x', got an object",
    ],
    ['rows that are none', () => [{ x: 'rows' }], 'stream: x after row 0: expected rows of numbers, got "rows"'],
    [
      'a hole',
      () => [{ x: [[1, 2]] }, { x: [[3, null]] }],
      'stream: x after row 1: expected a finite number, got NaN or null at row 0, column 1',
    ],
    ['another width', () => [{ x: [[1]] }], 'stream: x after row 0: row 0 has 1 values, expected 2'],
  ];
  it.each(cases)('%s', async (_name, source, message) => {
    await expect(run(source)).rejects.toThrow(message);
    await expect(run(source)).rejects.toBeInstanceOf(LatentError);
  });

  it('rows that do not belong together', async () => {
    const data = stream(() => [{ x: [[1], [2]], y: [1] }], { spec: { x: [1], y: [] } });
    await expect(walk(data)).rejects.toThrow('rows that do not belong together: 2 of x, 1 of y');
  });

  it('options that cannot be', () => {
    const make = (source: unknown, options: unknown) => () => stream(source as never, options as never);
    expect(make([], { spec })).toThrow('stream: the source must be a function that opens it anew');
    expect(make(chunks(1), undefined)).toThrow(
      'stream: spec must be the shape of a row by name, such as { x: [784] }, got undefined',
    );
    expect(make(chunks(1), { spec: {} })).toThrow('stream: spec must have the shape of at least one array of rows');
    expect(make(chunks(1), { spec: { x: 784 } })).toThrow('stream: spec.x must be an array, got 784');
    expect(make(chunks(1), { spec: { x: [0] } })).toThrow('stream: spec.x[0] must be a whole number ≥ 1, got 0');
    expect(make(chunks(1), { spec, holes: 'no' })).toThrow('stream: holes must be true or false, got "no"');
    expect(make(chunks(1), { spec, shufflebuffer: 5 })).toThrow("did you mean 'shuffleBuffer'?");
    expect(make(chunks(1), { spec, shuffleBuffer: 0 })).toThrow(
      'stream: shuffleBuffer must be a whole number ≥ 1, got 0',
    );
    expect(() => stream(chunks(1), { spec }).mapped('y', () => new Float32Array())).toThrow(
      "there is no array of rows 'y'",
    );
  });

  it('holes are let through where they are allowed', async () => {
    const data = stream(() => [{ x: [[1, null]] }], { spec, holes: true });
    const batch = await data.pass({ batchSize: 1 }).next();
    expect(batch?.x?.toArray()).toEqual([[1, Number.NaN]]);
  });
});
