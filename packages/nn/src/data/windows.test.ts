import { tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { windows } from './windows.ts';

const series = [1, 2, 3, 4, 5, 6];
const list = (cut: { rows: readonly Float64Array[] }) => cut.rows.map((row) => [...row]);

describe('windows', () => {
  it('go over a series by their stride, to its end', () => {
    expect(list(windows(series, { size: 4 }))).toEqual([
      [1, 2, 3, 4],
      [2, 3, 4, 5],
      [3, 4, 5, 6],
    ]);
    expect(list(windows(series, { size: 3, stride: 3 }))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    // The last point would be in none.
    expect(windows(series, { size: 3, stride: 2 }).starts).toEqual([0, 2, 3]);
    expect(list(windows(series, { size: 6, stride: 9 }))).toEqual([series]);
    const forms = [Float32Array.from(series), tensor(series), series.map((x) => [x])];
    for (const form of forms) expect(list(windows(form, { size: 6 }))).toEqual([series]);
    const pairs = windows(
      [
        [1, 10],
        [2, 20],
        [3, 30],
      ],
      { size: 2 },
    );
    expect([list(pairs), pairs.features, pairs.length]).toEqual([
      [
        [1, 10, 2, 20],
        [2, 20, 3, 30],
      ],
      2,
      3,
    ]);
  });

  it('give each point a score from all windows that hold it', () => {
    const cut = windows([1, 2, 3, 4], { size: 2 });
    expect([...cut.perPoint([2, 4, 9])]).toEqual([2, 3, 6.5, 9]);
    expect([...cut.perPoint([2, 4, 9], { combine: 'min' })]).toEqual([2, 2, 4, 9]);
    expect([...cut.perPoint([2, 4, 9], { combine: 'max' })]).toEqual([2, 4, 9, 9]);
    const steps = tensor([
      [1, 2],
      [4, 8],
      [16, 32],
    ]);
    expect([...cut.perPoint(steps)]).toEqual([1, 3, 12, 32]);
    expect([...cut.perPoint(steps, { combine: 'max' })]).toEqual([1, 4, 16, 32]);
    expect([...windows([5, 6], { size: 1 }).perPoint([7, 8])]).toEqual([7, 8]);
  });

  const refused: [string, () => unknown, string][] = [
    [
      'a series that is too short',
      () => windows([1, 2], { size: 3 }),
      "windows: the series has 2 points, fewer than a window's 3",
    ],
    [
      'what is no number',
      () => windows([1, Number.NaN], { size: 1 }),
      'windows: expected a finite number, got NaN at point 1',
    ],
    [
      'points of other widths',
      () => windows([[1, 2], [3]], { size: 1 }),
      'windows: point 1 must be 2 numbers, as the first',
    ],
    ['what is no series', () => windows(3 as never, { size: 1 }), 'windows: expected a series of numbers, got 3'],
    ['an unknown option', () => windows(series, { size: 2, step: 1 } as never), "windows: there is no option 'step'"],
    ['no size', () => windows(series, { size: 0 }), 'windows: size must be a whole number ≥ 1, got 0'],
    [
      'scores of other windows',
      () => windows(series, { size: 4 }).perPoint([1]),
      'windows.perPoint: expected 3 scores, or [3, 4] of steps, got 1',
    ],
    [
      'an unknown way',
      () => windows(series, { size: 4 }).perPoint([1, 2, 3], { combine: 'median' as never }),
      'windows.perPoint: combine must be',
    ],
  ];
  it.each(refused)('refuse %s', (_name, run, message) => {
    expect(run).toThrow(message);
  });
});
