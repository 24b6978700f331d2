// Samples of convolutions; see samples.ts. Only tests import this.
import { apply } from '../eager.ts';
import type { Shape } from '../shape.ts';
import * as c from './convolution.ts';
import type { Plain, Sample } from './sample.ts';
import { Grid, type Index, indices, lifted } from './sample-grid.ts';

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

/** The same along one axis. */
const alongLine =
  (of: (x: Plain, w: Plain, b?: Plain) => Plain) =>
  (x: Plain, w: Plain, b?: Plain): Plain => {
    const wide = { data: w.data, shape: [w.shape[0]!, w.shape[1]!, 1, w.shape[2]!] };
    const { data, shape } = of(lifted(x), wide, b);
    return { data, shape: [shape[0]!, ...shape.slice(2)] };
  };

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
