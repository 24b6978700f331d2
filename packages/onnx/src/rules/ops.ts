import { type Dim, type Dims, float, type Graph, type Value } from '../graph/graph.ts';
import type { OpRule } from './rules.ts';

/** An operator with the same operands. */
const same =
  (operator: string, attributes = {}): OpRule =>
  (graph, inputs) =>
    graph.node(operator, inputs, attributes);

/** An operator whose second operand, a number, is an attribute of it. */
const withSlope =
  (operator: string): OpRule =>
  (graph, [x, slope]) => {
    const alpha = graph.numberOf(slope as Value);
    return alpha === null ? null : graph.node(operator, [x as Value], { alpha: float(alpha) });
  };

/** An operator over axes, which stay with size 1. */
const reduced =
  (operator: string): OpRule =>
  (graph, inputs, { params }) =>
    graph.node(operator, inputs, { axes: params as number[], keepdims: 1 });

/** The first operand, whole numbers, in the type that positions have. */
const positions = (graph: Graph, x: Value): Value => graph.cast(x, 'int64');

/** The matrix with its last two axes swapped. */
function swapped(graph: Graph, x: Value, { length }: Dims): Value {
  const perm = [...Array(length).keys()];
  return graph.transpose(x, [...perm.slice(0, -2), length - 1, length - 2]);
}

interface Box {
  readonly shape: Dims;
  readonly start: readonly Dim[];
  readonly step: readonly number[];
}

/** Largest position that an operator takes for "to the end". */
const END = 2 ** 31 - 1;

/** Rules of the engine's ops that are not formulas, and of formulas that are one operator. */
export const STANDARD_OPS = {
  relu: same('Relu'),
  selu: same('Selu'),
  sigmoid: same('Sigmoid'),
  softplus: same('Softplus'),
  hardSigmoid: same('HardSigmoid', { alpha: float(1 / 6), beta: float(0.5) }),
  leakyRelu: withSlope('LeakyRelu'),
  elu: withSlope('Elu'),

  sum: (graph, [x], { params }) =>
    graph.node('ReduceSum', [x as Value, graph.whole(params as number[])], { keepdims: 1 }),
  max: reduced('ReduceMax'),
  min: reduced('ReduceMin'),
  argMax: (graph, inputs, { params }) =>
    graph.cast(
      graph.node('ArgMax', inputs, { axis: (params as number[])[0] as number, keepdims: 1 }, 'int64'),
      'float',
    ),
  // Axes are counted from the first: of no rows ONNX Runtime 1.30 reduces none that is counted from the last.
  logSumExp: (graph, inputs, { shape }) =>
    graph.node('ReduceLogSumExp', inputs, { axes: [shape.length - 1], keepdims: 1 }),
  softmax: same('Softmax', { axis: -1 }),
  logSoftmax: same('LogSoftmax', { axis: -1 }),
  cumulativeSum: (graph, [x], { params }) =>
    graph.node('CumSum', [x as Value, graph.constant('int64', [], [-1])], { reverse: params ? 1 : 0 }),

  // Our weights are [out, in], as Gemm takes them with its second operand transposed.
  linear: same('Gemm', { transB: 1 }),
  matmul(graph, [a, b], { params, shapes }) {
    const { transposeA, transposeB } = params as { readonly transposeA: boolean; readonly transposeB: boolean };
    const [left, right] = shapes as readonly [Dims, Dims];
    return graph.node('MatMul', [
      transposeA ? swapped(graph, a as Value, left) : (a as Value),
      transposeB ? swapped(graph, b as Value, right) : (b as Value),
    ]);
  },

  reshape: (graph, [x], { shape, shapes }) =>
    JSON.stringify(shape) === JSON.stringify(shapes[0]) ? (x as Value) : graph.reshape(x as Value, shape),
  transpose: (graph, [x], { params }) => graph.transpose(x as Value, params as number[]),
  broadcastTo: (graph, [x], { shape }) => graph.node('Expand', [x as Value, graph.sizes(shape)]),
  concat: (graph, inputs, { params }) => graph.node('Concat', inputs, { axis: params as number }),
  slice(graph, [x], { params, shapes }) {
    const { shape, start, step } = params as Box;
    const [whole] = shapes as readonly [Dims];
    const kept = (axis: number): boolean =>
      start[axis] === 0 && step[axis] === 1 && JSON.stringify(shape[axis]) === JSON.stringify(whole[axis]);
    const axes = [...whole.keys()].filter((axis) => !kept(axis));
    const ends = axes.map((axis) => {
      const [first, size, by] = [start[axis], shape[axis], step[axis] as number];
      if (typeof first !== 'number' || typeof size !== 'number') return null;
      return by < 0 ? -END : first + (size - 1) * by + 1;
    });
    if (ends.includes(null)) return null;
    const numbers = (values: readonly unknown[]): Value => graph.whole(values as number[]);
    return graph.node('Slice', [
      x as Value,
      numbers(axes.map((axis) => start[axis])),
      numbers(ends),
      numbers(axes),
      numbers(axes.map((axis) => step[axis])),
    ]);
  },
  place(graph, [x], { params }) {
    const { box, whole, value } = params as { readonly box: Box; readonly whole: Dims; readonly value: number };
    const fixed = (dim: Dim | undefined): number | null => (typeof dim === 'number' ? dim : null);
    const before = box.start.map((start, axis) => (fixed(whole[axis]) === null && start !== 0 ? null : fixed(start)));
    const after = whole.map((size, axis) => {
      const inside = box.shape[axis];
      if (fixed(size) === null) return JSON.stringify(size) === JSON.stringify(inside) ? 0 : null;
      return fixed(inside) === null ? null : (size as number) - (before[axis] as number) - (inside as number);
    });
    const plain = box.step.every((step) => step === 1) && ![...before, ...after].includes(null);
    return plain
      ? graph.node('Pad', [
          x as Value,
          graph.whole([...before, ...after] as number[]),
          graph.constant('float', [], [value]),
        ])
      : null;
  },

  gather: (graph, [table, indices]) =>
    graph.node('Gather', [table as Value, positions(graph, indices as Value)], { axis: 0 }),
  scatterAdd(graph, [base, indices, rows], { shapes: [, at = []] }) {
    const places = graph.reshape(positions(graph, indices as Value), [...at, 1]);
    return graph.node('ScatterND', [base as Value, places, rows as Value], { reduction: 'add' });
  },
} satisfies Record<string, OpRule>;
