import { afterEach, expect, it, vi } from 'vitest';
import { Slices } from './turn.ts';

afterEach(() => vi.restoreAllMocks());

it.each([
  [0.5, 0.5],
  [9, 36],
  [15, 30],
  [19, 38],
  [45, 45],
  [300, 300],
])('pieces of %d ms are put together to tasks of less than 50 ms, or stand alone', async (piece, longest) => {
  let now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const slices = new Slices();
  let [since, most, tasks] = [now, 0, 0];
  for (let i = 0; i < 200; i++) {
    now += piece;
    const turned = slices.next();
    if (turned === undefined) continue;
    most = Math.max(most, now - since);
    tasks++;
    await turned;
    since = now;
  }
  expect(most).toBeLessThanOrEqual(Math.max(40, piece));
  expect(most).toBeGreaterThanOrEqual(Math.max(longest, piece));
  expect(tasks).toBeGreaterThan(0);
});

it('a piece that is long after short ones is not followed by another', async () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const slices = new Slices();
  now += 5;
  expect(slices.next()).toBeUndefined();
  now += 20;
  // 25 so far, and the next may take 20 again.
  const turned = slices.next();
  expect(turned).toBeInstanceOf(Promise);
  await turned;
  now += 5;
  expect(slices.next()).toBeUndefined();
});
