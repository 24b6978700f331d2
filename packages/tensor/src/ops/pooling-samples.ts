// Samples of poolings; see samples.ts. Only tests import this.
import { apply } from '../eager.ts';
import type { Tensor } from '../tensor.ts';
import * as p from './pooling.ts';
import type { Plain, Sample } from './sample.ts';
import { Grid, type Index, indices, lifted } from './sample-grid.ts';

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
