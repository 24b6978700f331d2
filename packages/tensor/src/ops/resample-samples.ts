// Samples of resizing, padding by other pixels and shuffling; see samples.ts. Only tests import this.
import type { Shape } from '../shape.ts';
import { pad, pixelShuffle, pixelUnshuffle } from './layout.ts';
import { interpolate } from './resample.ts';
import type { Plain, Sample } from './sample.ts';
import { Grid, type Index, indices } from './sample-grid.ts';

/** Each element of the result is one of x's. */
const picked =
  (shape: Shape, from: (index: Index) => Index) =>
  (x: Plain): Plain => {
    const a = new Grid(x.shape, x.data);
    return { data: [...indices(shape)].map((index) => a.get(from(index))), shape };
  };

export const resampleSamples = {
  resample: {
    call: (x) => interpolate(x, [4, 5]),
    shapes: [[[2, 2, 3, 2]], [[1, 6, 5, 1]]],
    expected: (x) => {
      const [n, h, w, channels] = x.shape as [number, number, number, number];
      return picked([n, 4, 5, channels], ([a, i, j, ch]) => [
        a!,
        Math.floor((i! * h) / 4),
        Math.floor((j! * w) / 5),
        ch!,
      ])(x);
    },
    smooth: true,
  },
  interpolateBilinear: {
    call: (x) => interpolate(x, [3, 2], { mode: 'bilinear' }),
    shapes: [[[1, 2, 4, 2]]],
    // Rows at 0, ½ and 1 of two; columns between the first two of four and between the last two.
    expected(x) {
      const a = new Grid(x.shape, x.data);
      const y = new Grid([1, 3, 2, 2]);
      for (const [, i, j, ch] of indices(y.shape) as Iterable<[number, number, number, number]>) {
        for (const [row, share] of [
          [0, 1 - i / 2],
          [1, i / 2],
        ] as const) {
          for (const column of [2 * j, 2 * j + 1]) y.add([0, i, j, ch], (share / 2) * a.get([0, row, column, ch]));
        }
      }
      return y;
    },
    smooth: true,
  },
  padReflect: {
    call: (x) =>
      pad(
        x,
        [
          [0, 0],
          [2, 1],
          [0, 2],
        ],
        'reflect',
      ),
    shapes: [[[2, 3, 3]]],
    expected: picked([2, 6, 5], ([a, i, j]) => [a!, [2, 1, 0, 1, 2, 1][i!]!, [0, 1, 2, 1, 0][j!]!]),
    smooth: true,
  },
  padReplicate: {
    call: (x) =>
      pad(
        x,
        [
          [0, 0],
          [2, 1],
        ],
        'replicate',
      ),
    shapes: [[[2, 3]]],
    expected: picked([2, 6], ([a, i]) => [a!, [0, 0, 0, 1, 2, 2][i!]!]),
    smooth: true,
  },
  padCircular: {
    call: (x) =>
      pad(
        x,
        [
          [0, 0],
          [2, 1],
        ],
        'circular',
      ),
    shapes: [[[2, 3]]],
    expected: picked([2, 6], ([a, i]) => [a!, [1, 2, 0, 1, 2, 0][i!]!]),
    smooth: true,
  },
  pixelShuffle: {
    call: (x) => pixelShuffle(x, 2),
    shapes: [[[2, 2, 1, 8]]],
    expected: picked([2, 4, 2, 2], ([a, i, j, ch]) => [
      a!,
      Math.floor(i! / 2),
      Math.floor(j! / 2),
      4 * ch! + 2 * (i! % 2) + (j! % 2),
    ]),
    smooth: true,
  },
  pixelUnshuffle: {
    call: (x) => pixelUnshuffle(x, 2),
    shapes: [[[2, 4, 2, 2]]],
    expected: picked([2, 2, 1, 8], ([a, i, j, ch]) => [
      a!,
      2 * i! + (Math.floor(ch! / 2) % 2),
      2 * j! + (ch! % 2),
      Math.floor(ch! / 4),
    ]),
    smooth: true,
  },
} satisfies Record<string, Sample>;
