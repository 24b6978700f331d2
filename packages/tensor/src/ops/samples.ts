// Test data: how to call each op, where it is defined, and what it must give, written without the engine. One entry for
// every op of the table and every function made of ops; an op without an entry does not compile. Only tests import this.
import { threefry2x32 } from '../kernels/random/threefry.ts';
import type { Shape } from '../shape.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { convolutionSamples } from './convolution-samples.ts';
import * as d from './draw-rows.ts';
import { elementwiseSamples } from './elementwise-samples.ts';
import * as i from './indexing.ts';
import * as l from './layout.ts';
import * as m from './linalg.ts';
import { poolingSamples } from './pooling-samples.ts';
import { recurrentSamples } from './recurrent-samples.ts';
import * as r from './reduce.ts';
import { resampleSamples } from './resample-samples.ts';
import { along, each, type Plain, pick, type Sample } from './sample.ts';
import type { OpName } from './table.ts';

function reduction(
  call: (x: Tensor, options: r.ReduceOptions) => Tensor,
  f: (values: number[]) => number,
  more: Partial<Sample> = {},
): Sample {
  return {
    call: (x) => call(x, { axis: 1 }),
    shapes: [[[2, 3]], [[3, 1, 2]], [[2, 4, 3]], [[1, 5]]],
    expected: along([1], (values) => [f(values)], false),
    smooth: true,
    ...more,
  };
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const logTotal = (values: number[]): number => {
  const largest = Math.max(...values);
  return largest + Math.log(total(values.map((x) => Math.exp(x - largest))));
};
const mean = (values: number[]): number => total(values) / values.length;

function product(transposeA: boolean, transposeB: boolean) {
  return (a: Plain, b: Plain): Plain => {
    const [ra, ca] = a.shape.slice(-2) as [number, number];
    const [rb, cb] = b.shape.slice(-2) as [number, number];
    const [rows, depth] = transposeA ? [ca, ra] : [ra, ca];
    const cols = transposeB ? rb : cb;
    const batch = each((x) => x)({
      data: new Array(sizeOf(a.shape.slice(0, -2))).fill(0),
      shape: a.shape.slice(0, -2),
    }).shape;
    const lead = a.shape.length >= b.shape.length ? batch : b.shape.slice(0, -2);
    const data: number[] = [];
    for (let p = 0; p < sizeOf(lead); p++) {
      const fromA = a.shape.length > 2 ? p * ra * ca : 0;
      const fromB = b.shape.length > 2 ? p * rb * cb : 0;
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          let sum = 0;
          for (let k = 0; k < depth; k++) {
            sum +=
              a.data[fromA + (transposeA ? k * ca + row : row * ca + k)]! *
              b.data[fromB + (transposeB ? col * cb + k : k * cb + col)]!;
          }
          data.push(sum);
        }
      }
    }
    return { data, shape: [...lead, rows, cols] };
  };
}

const reduceSamples = {
  sum: reduction(r.sum, total),
  max: reduction(r.max, (values) => Math.max(...values), { smooth: false }),
  min: reduction(r.min, (values) => Math.min(...values), { smooth: false }),
  argMax: reduction(
    (x) => r.argMax(x, { axis: 1 }),
    (values) => values.indexOf(Math.max(...values)),
    { smooth: false, differentiable: false },
  ),
  mean: reduction(r.mean, mean),
  prod: reduction(r.prod, (values) => values.reduce((a, b) => a * b, 1)),
  variance: reduction(r.variance, (values) => mean(values.map((x) => (x - mean(values)) ** 2))),
  logSumExp: reduction(r.logSumExp, logTotal),
  softmax: {
    ...reduction((x) => r.softmax(x, 1), total),
    expected: along([1], (values) => values.map((x) => Math.exp(x - logTotal(values)))),
  },
  logSoftmax: {
    ...reduction((x) => r.logSoftmax(x, 1), total),
    expected: along([1], (values) => values.map((x) => x - logTotal(values))),
  },
  cumulativeSum: {
    ...reduction((x) => r.cumulativeSum(x, { axis: 1 }), total),
    expected: along([1], (values) => values.map((_, n) => total(values.slice(0, n + 1)))),
  },
  cumulativeSumReversed: {
    ...reduction((x) => r.cumulativeSum(x, { axis: 1, reverse: true }), total),
    expected: along([1], (values) => values.map((_, n) => total(values.slice(n)))),
  },
  sumOfScatteredAxes: {
    call: (x) => r.sum(x, { axis: [0, 2], keepDims: true }),
    shapes: [[[2, 3, 4]], [[3, 1, 2]]],
    expected: along([0, 2], (values) => [total(values)]),
    smooth: true,
  },
  sumOfAll: {
    call: (x) => r.sum(x),
    shapes: [[[2, 3]], [[]]],
    expected: (x) => ({ data: [total([...Array.from(x.data)])], shape: [] }),
    smooth: true,
  },
} satisfies Record<string, Sample>;

const matmulShapes: Sample['shapes'] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [5, 2],
    [2, 9],
  ],
  [
    [2, 3, 4],
    [2, 4, 2],
  ],
  [
    [2, 3, 4],
    [4, 2],
  ],
  [
    [3, 2],
    [2, 2, 3],
  ],
];
const swap = (shape: Shape): Shape => [...shape.slice(0, -2), shape[shape.length - 1]!, shape[shape.length - 2]!];

const linalgSamples = {
  matmul: { call: (a, b) => m.matmul(a, b), shapes: matmulShapes, expected: product(false, false), smooth: true },
  matmulTransposedA: {
    call: (a, b) => m.matmul(a, b, { transposeA: true }),
    shapes: matmulShapes.map(([a, b]) => [swap(a!), b!]),
    expected: product(true, false),
    smooth: true,
  },
  matmulTransposedB: {
    call: (a, b) => m.matmul(a, b, { transposeB: true }),
    shapes: matmulShapes.map(([a, b]) => [a!, swap(b!)]),
    expected: product(false, true),
    smooth: true,
  },
  matmulTransposedBoth: {
    call: (a, b) => m.matmul(a, b, { transposeA: true, transposeB: true }),
    shapes: matmulShapes.map(([a, b]) => [swap(a!), swap(b!)]),
    expected: product(true, true),
    smooth: true,
  },
  linear: {
    call: (x, w, b) => m.linear(x, w, b),
    shapes: [
      [[2, 3], [4, 3], [4]],
      [[1, 1], [1, 1], [1]],
      [[2, 2, 3], [2, 3], [2]],
    ],
    expected(x, w, b) {
      const flat = {
        data: x.data,
        shape: [x.shape.slice(0, -1).reduce((n, s) => n * s, 1), x.shape[x.shape.length - 1]!],
      };
      const y = product(false, true)(flat, w);
      return {
        data: Array.from(y.data, (value, at) => value + b.data[at % b.shape[0]!]!),
        shape: [...x.shape.slice(0, -1), w.shape[0]!],
      };
    },
    smooth: true,
  },
} satisfies Record<string, Sample>;

const layoutSamples = {
  reshape: {
    call: (x) => l.reshape(x, [3, -1]),
    shapes: [[[2, 3]], [[6]]],
    expected: (x) => ({ data: x.data, shape: [3, 2] }),
    smooth: true,
  },
  transpose: {
    call: (x) => l.transpose(x, [2, 0, 1]),
    shapes: [[[2, 3, 4]]],
    expected: pick([4, 2, 3], ([a, b, c]) => ({ index: [b, c, a] })),
    smooth: true,
  },
  transposeMatrix: {
    call: (x) => l.transpose(x),
    shapes: [[[9, 5]]],
    expected: pick([5, 9], ([a, b]) => ({ index: [b, a] })),
    smooth: true,
  },
  broadcastTo: {
    call: (x) => l.broadcastTo(x, [2, 3, 4]),
    shapes: [[[3, 1]], [[4]], [[2, 1, 1]], [[]]],
    expected: (x) => each((a) => a)(x, { data: new Array(24).fill(0), shape: [2, 3, 4] }),
    smooth: true,
  },
  slice: {
    call: (x) => l.slice(x, [[1, 3], null, [0, 5, 2]]),
    shapes: [[[4, 2, 5]]],
    expected: pick([2, 2, 3], ([a, b, c]) => ({ index: [a + 1, b, 2 * c] })),
    smooth: true,
  },
  place: {
    call: (x) =>
      l.pad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        7,
      ),
    shapes: [[[2, 3]]],
    expected: pick([3, 6], ([a, b]) => (a < 1 || b < 2 || b > 4 ? 7 : { index: [a - 1, b - 2] })),
    smooth: true,
  },
  flip: {
    call: (x) => l.flip(x, 1),
    shapes: [[[2, 5]]],
    expected: pick([2, 5], ([a, b]) => ({ index: [a, 4 - b] })),
    smooth: true,
  },
  concat: {
    call: (a, b) => l.concat([a, b], 1),
    shapes: [
      [
        [2, 3],
        [2, 2],
      ],
    ],
    expected: pick([2, 5], ([a, b]) => (b < 3 ? { index: [a, b] } : { input: 1, index: [a, b - 3] })),
    smooth: true,
  },
  stack: {
    call: (a, b) => l.stack([a, b], 1),
    shapes: [
      [
        [2, 3],
        [2, 3],
      ],
    ],
    expected: pick([2, 2, 3], ([a, n, b]) => ({ input: n, index: [a, b] })),
    smooth: true,
  },
  split: {
    call: (x) => l.split(x, [1, 3], 1)[1]!,
    shapes: [[[2, 4]]],
    expected: pick([2, 3], ([a, b]) => ({ index: [a, b + 1] })),
    smooth: true,
  },
  expandDims: {
    call: (x) => l.expandDims(x, -1),
    shapes: [[[2, 3]]],
    expected: (x) => ({ data: x.data, shape: [2, 3, 1] }),
    smooth: true,
  },
  squeeze: {
    call: (x) => l.squeeze(x),
    shapes: [[[2, 1, 3]]],
    expected: (x) => ({ data: x.data, shape: [2, 3] }),
    smooth: true,
  },
} satisfies Record<string, Sample>;

const indexingSamples = {
  gather: {
    call: (x) => i.gather(x, [2, 0, 2]),
    shapes: [[[3, 4]]],
    expected: pick([3, 4], ([a, b]) => ({ index: [[2, 0, 2][a] as number, b] })),
    smooth: true,
  },
  gatherAlongAxis: {
    call: (x) => i.gather(x, [1, 1], 1),
    shapes: [[[2, 3, 2]]],
    expected: pick([2, 2, 2], ([a, , c]) => ({ index: [a, 1, c] })),
    smooth: true,
  },
  scatterAdd: {
    call: (x, rows) => i.scatterAdd(x, [1, 0, 1], rows),
    shapes: [
      [
        [2, 3],
        [3, 3],
      ],
    ],
    expected: (x, rows) => ({
      data: Array.from(x.data, (value, at) => {
        const [row, col] = [Math.floor(at / 3), at % 3];
        return value + [1, 0, 1].reduce((sum, target, n) => sum + (target === row ? rows.data[n * 3 + col]! : 0), 0);
      }),
      shape: [2, 3],
    }),
    smooth: true,
  },
  oneHot: {
    call: (x) => i.oneHot(x, 3),
    shapes: [[[4]], [[2, 2]]],
    domain: [{ low: 0, high: 2, whole: true }],
    expected: (x) => ({
      data: Array.from(x.data).flatMap((n) => [0, 1, 2].map((c) => (c === n ? 1 : 0))),
      shape: [...x.shape, 3],
    }),
    differentiable: false,
  },
} satisfies Record<string, Sample>;

const randomSamples = {
  drawRows: {
    call: (keys) => d.drawRows('exponential', keys, 2, 3),
    shapes: [[[4, 2]], [[1, 2]], [[0, 2]]],
    domain: [{ low: 0, high: 1000, whole: true }],
    expected(keys) {
      const [rows] = keys.shape as [number, number];
      const data = Array.from({ length: 6 * rows }, (_, at) => {
        const [sample, row, column] = [Math.floor(at / (3 * rows)), Math.floor(at / 3) % rows, at % 3];
        const [key0, key1] = [keys.data[2 * row] as number, keys.data[2 * row + 1] as number];
        // Two blocks of two numbers each for a sample, the last number of which is left out.
        const words = threefry2x32(key0, key1, 2 * sample + (column >> 1), 0);
        return -Math.log(((words[column & 1] as number) >>> 8) * 2 ** -24 + 2 ** -24);
      });
      return { data, shape: [2, rows, 3] };
    },
    differentiable: false,
    // The logarithm is in single precision, whatever the dtype.
    exact: 4e-7,
  },
} satisfies Record<string, Sample>;

export type { Domain, Plain, Sample } from './sample.ts';
export { domainOf, sampleInputs } from './sample-inputs.ts';

export const samples = {
  ...elementwiseSamples,
  ...reduceSamples,
  ...linalgSamples,
  ...layoutSamples,
  ...indexingSamples,
  ...convolutionSamples,
  ...poolingSamples,
  ...resampleSamples,
  ...recurrentSamples,
  ...randomSamples,
} satisfies Record<OpName, Sample> & Record<string, Sample>;
