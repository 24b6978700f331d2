import { Rng } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { readRows } from '../encode/row-code.ts';
import { RecordTable } from '../input/table.ts';
import { inferSchema } from '../schema/infer.ts';
import { Neighbours } from './neighbours.ts';

type Row = Record<string, number | string | null>;

/** Rows of one cloud, and a tight group far from it. */
function rows(count: number, odd: number, seed: number): Row[] {
  const draws = new Rng(seed).normal([count, 4]).data;
  return Array.from({ length: count }, (_, r) => {
    const of = (c: number): number => draws[4 * r + c] as number;
    const far = r < odd;
    return { x: of(0), y: far ? 9 + of(1) / 5 : of(1), z: far ? -9 + of(2) / 5 : of(2), kind: of(3) > 0 ? 'a' : 'b' };
  });
}

const schema = inferSchema(rows(200, 0, 1));
const read = (of: readonly Row[]) => readRows('test', schema as never, new RecordTable('test', of as never));
const fitted = (learned: readonly Row[]) => Neighbours.of(schema as never, read(learned), read(rows(20, 0, 9)), 1);

describe('Neighbours', () => {
  it('where rows stand alone, is the mean of the three least distances, one equal row left out', () => {
    const learned = rows(150, 0, 2);
    const near = fitted(learned);
    const { config, tensors } = near.save();
    expect(Array.from(tensors.penalties?.data ?? [1])).toEqual(Array.from({ length: 170 }, () => 0));
    const asked = [...rows(30, 2, 3), ...learned.slice(0, 10)];
    // By hand: numbers over their range, words by place.
    const range = (name: string) => {
      const own = learned.map((row) => row[name] as number);
      return [Math.min(...own), Math.max(...own)] as const;
    };
    const point = (row: Row): number[] => [
      ...['x', 'y', 'z'].map((name) => {
        const [low, high] = range(name);
        return Math.max(-1, Math.min(2, ((row[name] as number) - low) / (high - low)));
      }),
      row.kind === 'a' ? 1 : 0,
      row.kind === 'b' ? 1 : 0,
    ];
    const points = [...learned, ...rows(20, 0, 9)].map(point);
    const expected = asked.map((row) => {
      const own = point(row);
      const all = points
        .map((other) => Math.hypot(...other.map((value, c) => value - (own[c] as number))))
        .sort((a, b) => a - b);
      const from = (all[0] as number) < 1e-9 ? 1 : 0;
      return (all.slice(from, from + 3).reduce((sum, value) => sum + value) / 3 - config.scale[0]) / config.scale[1];
    });
    Array.from(near.scores(read(asked))).forEach((score, r) => {
      expect(score).toBeCloseTo(expected[r] as number, 3);
    });
  });

  it('a group of odd rows among the learned ones vouches neither for its own nor for further ones', () => {
    const learned = rows(300, 24, 4);
    const near = fitted(learned);
    const penalties = near.save().tensors.penalties?.data as Float32Array;
    expect(Math.max(...penalties)).toBeGreaterThan(0);
    const own = near.scores(read(learned));
    const usual = own.slice(24).sort();
    const line = usual[Math.floor(0.95 * usual.length)] as number;
    const caught = (scores: Float64Array): number => scores.filter((score) => score > line).length / scores.length;
    expect(caught(own.slice(0, 24))).toBe(1);
    expect(caught(near.scores(read(rows(10, 10, 5))))).toBe(1);
  });

  it('says the same after a file, and refuses one that was altered', () => {
    const near = fitted(rows(200, 10, 6));
    const { config, tensors } = near.save();
    const fail = (what: string): never => {
      throw new Error(what);
    };
    const columns = schema.columns.length;
    const again = Neighbours.load(JSON.parse(JSON.stringify(config)), tensors, columns, fail);
    const asked = read([...rows(20, 1, 7), { x: null, y: 1, z: 2, kind: 'new' }]);
    expect(again.scores(asked)).toEqual(near.scores(asked));
    expect(near.scores(asked).every(Number.isFinite)).toBe(true);
    const altered = { ...config, scale: [0, 0] };
    expect(() => Neighbours.load(altered, tensors, columns, fail)).toThrow('neighbours');
    expect(() => Neighbours.load(config, { rows: tensors.rows }, columns, fail)).toThrow('neighbours');
  });
});
