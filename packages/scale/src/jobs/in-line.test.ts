import { expect, it } from 'vitest';
import { inLine } from './in-line.ts';

it('offers shards first to who has waited longest, and last to who is here', () => {
  const done = [
    { worker: 'a', at: 9 },
    { worker: 'b', at: 5 },
    { worker: 'c', at: 7 },
  ];
  expect(inLine(done, 'none', 3)).toEqual([1, 2, 0]);
  expect(inLine(done, 'b', 3)).toEqual([2, 0, 1]);
});

it('offers each worker one of its shards before any has two', () => {
  const done = ['a', 'a', 'b', 'b'].map((worker, at) => ({ worker, at }));
  expect(inLine(done, 'a', 4)).toEqual([2, 0, 3, 1]);
});

it('has each shard once, whatever a queue says', () => {
  for (const done of [[], [{}], [{ worker: 3, at: 'x' }, { at: Number.NaN }, {}, {}, {}]]) {
    expect([...inLine(done, 'a', 4)].sort()).toEqual([0, 1, 2, 3]);
  }
});
