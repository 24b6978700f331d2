// Test data of convolutions, poolings and resampling, as in samples.ts.
import { apply } from '../eager.ts';
import type { Shape } from '../shape.ts';
import { sizeOf, stridesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import * as c from './convolution.ts';
import { pad, pixelShuffle, pixelUnshuffle } from './layout.ts';
import * as p from './pooling.ts';
import { interpolate } from './resample.ts';
import type { Plain, Sample } from './samples.ts';

type Index = readonly number[];

/** A tensor of zeros with its index arithmetic. */
class Grid implements Plain {
  readonly data: number[];
  readonly shape: Shape;
  readonly #strides: readonly number[];

  constructor(shape: Shape, data?: ArrayLike<number>) {
    this.shape = shape;
    this.data = data === undefined ? new Array<number>(sizeOf(shape)).fill(0) : Array.from(data);
    this.#strides = stridesOf(shape);
  }
  #at(index: Index): number {
    return index.reduce((sum, n, d) => sum + n * this.#strides[d]!, 0);
  }
  has(index: Index): boolean {
    return index.every((n, d) => n >= 0 && n < this.shape[d]!);
  }
  get(index: Index): number {
    return this.has(index) ? this.data[this.#at(index)]! : 0;
  }
  add(index: Index, value: number): void {
    if (this.has(index)) this.data[this.#at(index)] = this.data[this.#at(index)]! + value;
  }
}

/** Every index below a shape. */
function* indices(shape: Shape): Generator<Index> {
  const strides = stridesOf(shape);
  for (let at = 0; at < sizeOf(shape); at++) yield strides.map((stride, d) => Math.floor(at / stride) % shape[d]!);
}

interface Setting {
  readonly stride?: Index;
  readonly dilation?: Index;
  readonly before?: Index;
  readonly groups?: number;
}

/**
 * Every product of a convolution with 2-D sizes: the places in x [n, h, w, c], in y [n, h, w, o] and in PyTorch's weight [o, c
 * / groups, kh, kw] that meet.
 */
function* meetings(
  y: Shape,
  weight: Shape,
  { stride = [1, 1], dilation = [1, 1], before = [0, 0], groups = 1 }: Setting,
): Generator<readonly [x: Index, y: Index, w: Index]> {
  const perGroup = weight[0]! / groups;
  for (const [n, i, j] of indices(y.slice(0, 3)) as Iterable<[number, number, number]>) {
    for (const w of indices(weight)) {
      const [o, channel, r, q] = w as [number, number, number, number];
      const group = Math.floor(o / perGroup);
      const h = i * stride[0]! + r * dilation[0]! - before[0]!;
      const v = j * stride[1]! + q * dilation[1]! - before[1]!;
      yield [[n, h, v, group * weight[1]! + channel], [n, i, j, o], w];
    }
  }
}

function withBias(grid: Grid, bias: Plain | undefined): Plain {
  const { length } = bias?.data ?? [0];
  return { data: grid.data.map((value, at) => value + (bias?.data[at % length] ?? 0)), shape: grid.shape };
}

/** y, of these sizes, from x, a weight and a bias. */
const forward =
  (output: Index, setting: Setting = {}) =>
  (x: Plain, weight: Plain, bias?: Plain): Plain => {
    const y = new Grid([x.shape[0]!, ...output, weight.shape[0]!]);
    const [a, w] = [new Grid(x.shape, x.data), new Grid(weight.shape, weight.data)];
    for (const [at, to, tap] of meetings(y.shape, w.shape, setting)) y.add(to, a.get(at) * w.get(tap));
    return withBias(y, bias);
  };

/** x, of these sizes, from y, a weight and a bias. */
const backward =
  (input: Index, setting: Setting = {}) =>
  (y: Plain, weight: Plain, bias?: Plain): Plain => {
    const x = new Grid([y.shape[0]!, ...input, weight.shape[1]! * (setting.groups ?? 1)]);
    const [b, w] = [new Grid(y.shape, y.data), new Grid(weight.shape, weight.data)];
    for (const [to, at, tap] of meetings(b.shape, w.shape, setting)) x.add(to, b.get(at) * w.get(tap));
    return withBias(x, bias);
  };

/** With an axis of height 1 put in or taken out, for sizes along one axis. */
function lifted({ data, shape }: Plain): Plain {
  return { data, shape: [...shape.slice(0, -2), 1, ...shape.slice(-2)] };
}
const alongLine =
  (of: (x: Plain, w: Plain, b?: Plain) => Plain) =>
  (x: Plain, w: Plain, b?: Plain): Plain => {
    const wide = { data: w.data, shape: [w.shape[0]!, w.shape[1]!, 1, w.shape[2]!] };
    const { data, shape } = of(lifted(x), wide, b);
    return { data, shape: [shape[0]!, ...shape.slice(2)] };
  };

interface PoolSetting {
  readonly kernel: Index;
  readonly stride: Index;
  readonly before?: Index;
  readonly dilation?: Index;
}

/** The values of each window of x that are inside, and where they are, reduced by `f`. */
const pooled =
  (
    output: Index,
    { kernel, stride, before = [0, 0], dilation = [1, 1] }: PoolSetting,
    f: (values: number[]) => number,
  ) =>
  (x: Plain): Plain => {
    const [a, y] = [new Grid(x.shape, x.data), new Grid([x.shape[0]!, ...output, x.shape[3]!])];
    for (const to of indices(y.shape)) {
      const [n, i, j, channel] = to as [number, number, number, number];
      const places = [...indices(kernel)]
        .map(([r, q]) => [
          n,
          i * stride[0]! + r! * dilation[0]! - before[0]!,
          j * stride[1]! + q! * dilation[1]! - before[1]!,
          channel,
        ])
        .filter((place) => a.has(place));
      y.add(to, f(places.map((place) => a.get(place))));
    }
    return y;
  };

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const most = (values: number[]): number => Math.max(...values);

/** Each element of the result is one of x's. */
const picked =
  (shape: Shape, from: (index: Index) => Index) =>
  (x: Plain): Plain => {
    const a = new Grid(x.shape, x.data);
    return { data: [...indices(shape)].map((index) => a.get(from(index))), shape };
  };

/** Where x is largest in each window [2×2, stride 2] of [n, h, w, c], visited by windows. */
function* largest(x: Plain): Generator<readonly [place: Index, window: Index]> {
  const a = new Grid(x.shape, x.data);
  const [n, h, w, channels] = x.shape as [number, number, number, number];
  for (const window of indices([n, h / 2, w / 2, channels])) {
    const [image, i, j, channel] = window as [number, number, number, number];
    const places = [...indices([2, 2])].map(([r, q]): Index => [image, 2 * i + r!, 2 * j + q!, channel]);
    const best = Math.max(...places.map((place) => a.get(place)));
    yield [places.find((place) => a.get(place) === best)!, window];
  }
}
const twos = (x: Tensor) => ({
  input: [x.shape[1]!, x.shape[2]!] as const,
  output: [x.shape[1]! / 2, x.shape[2]! / 2] as const,
  kernel: [2, 2] as const,
  stride: [2, 2] as const,
  dilation: [1, 1] as const,
  padding: [0, 0] as const,
});

export const convolutionSamples = {
  convolution: {
    call: (x, w, b) => c.conv2d(x, w, b),
    shapes: [
      [[2, 4, 3, 2], [3, 2, 2, 3], [3]],
      [[1, 3, 3, 1], [1, 1, 1, 3], [1]],
    ],
    expected: (x, w, b) => forward([x.shape[1]! - w.shape[2]! + 1, x.shape[2]! - w.shape[3]! + 1])(x, w, b),
    smooth: true,
  },
  convolutionSame: {
    call: (x, w) => c.conv2d(x, w, null, { stride: 2, padding: 'same' }),
    shapes: [
      [
        [2, 4, 5, 2],
        [3, 2, 3, 3],
      ],
    ],
    // 4 at stride 2 lacks 1, which goes behind; 5 lacks 2, of which one goes before.
    expected: forward([2, 3], { stride: [2, 2], before: [0, 1] }),
    smooth: true,
  },
  convolutionOneSided: {
    call: (x, w) => c.conv2d(x, w, null, { stride: [3, 1], padding: [[2, 0], 1], dilation: [1, 2] }),
    shapes: [
      [
        [1, 5, 4, 1],
        [2, 1, 2, 2],
      ],
    ],
    expected: forward([2, 4], { stride: [3, 1], before: [2, 1], dilation: [1, 2] }),
    smooth: true,
  },
  convolutionInGroups: {
    call: (x, w) => c.conv2d(x, w, null, { groups: 2, padding: 1 }),
    shapes: [
      [
        [1, 2, 3, 4],
        [6, 2, 3, 3],
      ],
    ],
    expected: forward([2, 3], { groups: 2, before: [1, 1] }),
    smooth: true,
  },
  convolutionDepthwise: {
    call: (x, w) => c.conv2d(x, w, null, { groups: 3, padding: [1, 0], stride: [1, 2] }),
    shapes: [
      [
        [2, 2, 3, 3],
        [3, 1, 3, 2],
      ],
      [
        [1, 2, 4, 3],
        [6, 1, 3, 2],
      ],
    ],
    expected: (x, w) =>
      forward([2, Math.floor((x.shape[2]! - 2) / 2) + 1], { groups: 3, before: [1, 0], stride: [1, 2] })(x, w),
    smooth: true,
  },
  conv1d: {
    call: (x, w, b) => c.conv1d(x, w, b, { stride: 2, padding: [[2, 1]], dilation: 2 }),
    shapes: [[[2, 6, 2], [3, 2, 3], [3]]],
    expected: alongLine(forward([1, 3], { stride: [1, 2], before: [0, 2], dilation: [1, 2] })),
    smooth: true,
  },
  convolutionTransposed: {
    call: (y, w, b) => c.convTranspose2d(y, w, b, { stride: 2, padding: 1, outputPadding: [1, 0] }),
    shapes: [
      [[2, 2, 3, 2], [2, 3, 3, 3], [3]],
      [[1, 1, 2, 1], [1, 1, 3, 4], [1]],
    ],
    expected: (y, w, b) =>
      backward([2 * y.shape[1]!, 2 * y.shape[2]! + w.shape[3]! - 4], { stride: [2, 2], before: [1, 1] })(y, w, b),
    smooth: true,
  },
  convolutionTransposedSame: {
    call: (y, w) => c.convTranspose2d(y, w, null, { stride: [2, 3], padding: 'same' }),
    shapes: [
      [
        [1, 2, 3, 2],
        [2, 2, 3, 2],
      ],
    ],
    // 2·2 from 1·2 + 3 drops one behind; 3·3 from 2·3 + 2 leaves one that nothing reaches.
    expected: backward([4, 9], { stride: [2, 3], before: [0, 0] }),
    smooth: true,
  },
  convolutionTransposedInGroups: {
    call: (y, w) => c.convTranspose2d(y, w, null, { groups: 2, dilation: [2, 1] }),
    shapes: [
      [
        [1, 2, 2, 4],
        [4, 1, 2, 2],
      ],
    ],
    expected: backward([4, 3], { groups: 2, dilation: [2, 1] }),
    smooth: true,
  },
  convTranspose1d: {
    call: (y, w, b) => c.convTranspose1d(y, w, b, { stride: 3, padding: 1 }),
    shapes: [[[2, 3, 2], [2, 3, 4], [3]]],
    expected: alongLine(backward([1, 8], { stride: [1, 3], before: [0, 1] })),
    smooth: true,
  },
  convolutionWeights: {
    call: (x, y) =>
      apply(c.convolutionOps.convolutionWeights, [x, y], {
        input: [4, 5],
        output: [2, 3],
        kernel: [3, 2],
        stride: [2, 2],
        dilation: [1, 1],
        padding: [1, 1],
        groups: 1,
      }),
    shapes: [
      [
        [2, 4, 5, 2],
        [2, 2, 3, 3],
      ],
    ],
    expected(x, y) {
      const [a, b, w] = [new Grid(x.shape, x.data), new Grid(y.shape, y.data), new Grid([3, 2, 2, 3])];
      for (const [at, seen, [o, channel, r, q]] of meetings(y.shape, [3, 2, 3, 2], {
        stride: [2, 2],
        before: [1, 1],
      })) {
        w.add([r!, q!, channel!, o!], a.get(at) * b.get(seen));
      }
      return w;
    },
    smooth: true,
  },
} satisfies Record<string, Sample>;

const POOLED: Sample['domain'] = [{ low: -2, high: 2 }];

export const poolingSamples = {
  maxPool: {
    call: (x) => p.maxPool2d(x, 2),
    shapes: [[[2, 5, 4, 3]], [[1, 2, 2, 1]]],
    domain: POOLED,
    expected: (x) =>
      pooled([Math.floor(x.shape[1]! / 2), Math.floor(x.shape[2]! / 2)], { kernel: [2, 2], stride: [2, 2] }, most)(x),
    smooth: true,
  },
  maxPoolOverlapping: {
    call: (x) => p.maxPool2d(x, 3, { stride: 2, padding: 1, ceil: true }),
    shapes: [[[1, 6, 5, 2]]],
    domain: POOLED,
    expected: pooled([4, 3], { kernel: [3, 3], stride: [2, 2], before: [1, 1] }, most),
    smooth: true,
  },
  maxPoolDilated: {
    call: (x) => p.maxPool2d(x, 2, { stride: 1, dilation: [2, 1] }),
    shapes: [[[1, 5, 3, 1]]],
    domain: POOLED,
    expected: pooled([3, 2], { kernel: [2, 2], stride: [1, 1], dilation: [2, 1] }, most),
    smooth: true,
  },
  maxPool1d: {
    call: (x) => p.maxPool1d(x, 2, { padding: 'same' }),
    shapes: [[[2, 5, 2]]],
    domain: POOLED,
    expected: (x) => {
      const y = pooled([1, 3], { kernel: [1, 2], stride: [1, 2] }, most)(lifted(x));
      return { data: y.data, shape: [2, 3, 2] };
    },
    smooth: true,
  },
  maxPick: {
    call: (x, from) => apply(p.poolingOps.maxPick, [x, from], twos(x)),
    shapes: [
      [
        [1, 4, 2, 2],
        [1, 4, 2, 2],
      ],
    ],
    domain: POOLED,
    expected(x, from) {
      const [all, chosen] = [new Grid(from.shape, from.data), new Grid([1, 2, 1, 2])];
      for (const [place, window] of largest(x)) chosen.add(window, all.get(place));
      return chosen;
    },
    smooth: true,
  },
  maxSpread: {
    call: (x, from) => apply(p.poolingOps.maxSpread, [x, from], twos(x)),
    shapes: [
      [
        [1, 4, 2, 2],
        [1, 2, 1, 2],
      ],
    ],
    domain: POOLED,
    expected(x, from) {
      const [all, spread] = [new Grid(from.shape, from.data), new Grid(x.shape)];
      for (const [place, window] of largest(x)) spread.add(place, all.get(window));
      return spread;
    },
    smooth: true,
  },
  avgPool: {
    call: (x) => p.avgPool2d(x, [2, 3], { stride: [2, 1], padding: [0, 1] }),
    shapes: [[[2, 4, 3, 2]], [[1, 2, 2, 1]]],
    expected: (x) =>
      pooled([x.shape[1]! / 2, x.shape[2]!], { kernel: [2, 3], stride: [2, 1], before: [0, 1] }, mean)(x),
    smooth: true,
  },
  avgPoolCountingPadding: {
    call: (x) => p.avgPool2d(x, 3, { stride: 2, padding: 1, countPadding: true }),
    shapes: [[[1, 4, 5, 2]]],
    expected: pooled(
      [2, 3],
      { kernel: [3, 3], stride: [2, 2], before: [1, 1] },
      (values) => values.reduce((sum, value) => sum + value, 0) / 9,
    ),
    smooth: true,
  },
  avgPool1d: {
    call: (x) => p.avgPool1d(x, 2),
    shapes: [[[2, 5, 2]]],
    expected: (x) => ({
      data: pooled([1, 2], { kernel: [1, 2], stride: [1, 2] }, mean)(lifted(x)).data,
      shape: [2, 2, 2],
    }),
    smooth: true,
  },
  globalAvgPool: {
    call: (x) => p.globalAvgPool(x),
    shapes: [[[2, 3, 2, 4]]],
    expected: (x) => ({ data: pooled([1, 1], { kernel: [3, 2], stride: [1, 1] }, mean)(x).data, shape: [2, 4] }),
    smooth: true,
  },
} satisfies Record<string, Sample>;

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
