// Samples of recurrent ops; see samples.ts. Only tests import this.
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { concat } from './layout.ts';
import { linearRecurrence } from './linear-recurrence.ts';
import { type RecurrentCell, type RecurrentOptions, recurrent } from './recurrent.ts';
import type { Plain, Sample } from './sample.ts';

interface Flags {
  readonly reverse?: boolean;
  readonly steady?: boolean;
  readonly lengths?: boolean;
}

const GATES: Record<RecurrentCell, number> = { lstm: 4, gru: 3, rnnTanh: 1, rnnRelu: 1 };
/** Of an input given once. */
const STEPS = 4;

/** Lengths from all steps to none and past the end, over and over. */
function lengthsOf(rows: number, steps: number): number[] {
  return Array.from({ length: rows }, (_, r) => [steps, 0, steps - 1, 1, steps + 2][r % 5] as number);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One step of one row, from PyTorch's equations: `a` of the input, `b` of the state, by gate and unit. */
function stepOf(
  cell: RecurrentCell,
  a: (gate: number, unit: number) => number,
  b: typeof a,
  [h, c]: number[][],
): number[][] {
  const units = (h as number[]).map((_, u) => u);
  const both = (gate: number, u: number): number => a(gate, u) + b(gate, u);
  if (cell === 'rnnTanh') return [units.map((u) => Math.tanh(both(0, u)))];
  if (cell === 'rnnRelu') return [units.map((u) => Math.max(0, both(0, u)))];
  if (cell === 'gru') {
    return [
      units.map((u) => {
        const [r, z] = [sigmoid(both(0, u)), sigmoid(both(1, u))];
        const n = Math.tanh(a(2, u) + r * b(2, u));
        return (1 - z) * n + z * h![u]!;
      }),
    ];
  }
  const next = units.map((u) => sigmoid(both(1, u)) * c![u]! + sigmoid(both(0, u)) * Math.tanh(both(2, u)));
  return [units.map((u) => sigmoid(both(3, u)) * Math.tanh(next[u]!)), next];
}

function expected(cell: RecurrentCell, { reverse = false, steady = false, lengths = false }: Flags) {
  return (x: Plain, wIh: Plain, wHh: Plain, bIh: Plain, bHh: Plain, ...first: Plain[]): Plain => {
    const [rows, units] = first[0]!.shape as [number, number];
    const steps = steady ? STEPS : x.shape[1]!;
    const features = x.shape.at(-1)!;
    const y: number[] = new Array(rows * steps * units).fill(0);
    const ends: number[][][] = [];
    for (let r = 0; r < rows; r++) {
      let states = first.map(({ data }) => Array.from({ length: units }, (_, u) => data[r * units + u]!));
      const end = lengths ? Math.min(steps, lengthsOf(rows, steps)[r]!) : steps;
      for (let s = 0; s < end; s++) {
        const t = reverse ? end - 1 - s : s;
        const from = (steady ? r : r * steps + t) * features;
        const dot = (w: Plain, bias: Plain, width: number, value: (i: number) => number) => (gate: number, u: number) =>
          Array.from({ length: width }, (_, i) => w.data[(gate * units + u) * width + i]! * value(i)).reduce(
            (sum, product) => sum + product,
            bias.data[gate * units + u]!,
          );
        const h = states[0]!;
        states = stepOf(
          cell,
          dot(wIh, bIh, features, (i) => x.data[from + i]!),
          dot(wHh, bHh, units, (i) => h[i]!),
          states,
        );
        for (let u = 0; u < units; u++) y[(r * steps + t) * units + u] = states[0]![u]!;
      }
      ends.push(states);
    }
    const data = [...y, ...first.flatMap((_, j) => ends.flatMap((states) => states[j]!))];
    return { data, shape: [data.length] };
  };
}

function recurrentSample(cell: RecurrentCell, flags: Flags = {}): Sample {
  const states = cell === 'lstm' ? 2 : 1;
  const gates = GATES[cell];
  const sizes = [
    [1, 1, 1, 1],
    [3, 3, 2, 3],
    [5, 2, 1, 5],
  ] as const;
  return {
    call(x, weightIh, weightHh, biasIh, biasHh, ...state) {
      const rows = x.shape[0]!;
      const options: RecurrentOptions = {
        state,
        ...(flags.reverse && { reverse: true }),
        ...(flags.steady && { steps: STEPS }),
        ...(flags.lengths && { lengths: x.from(lengthsOf(rows, flags.steady ? STEPS : x.shape[1]!), [rows]) }),
      };
      const { output, state: last } = recurrent(cell, x, { weightIh, weightHh, biasIh, biasHh }, options);
      return concat([output, ...last].map((part: Tensor) => part.reshape([-1])));
    },
    shapes: sizes.map(([rows, steps, features, units]): Shape[] => [
      flags.steady ? [rows, features] : [rows, steps, features],
      [gates * units, features],
      [gates * units, units],
      [gates * units],
      [gates * units],
      ...new Array<Shape>(states).fill([rows, units]),
    ]),
    domain: [{ low: -1, high: 1 }],
    expected: expected(cell, flags),
    smooth: cell !== 'rnnRelu',
    tolerance: 1e-5,
  };
}

/** hₜ = aₜ·hₜ₋₁ + bₜ. */
function linearExpected(a: Plain, b: Plain, initial?: Plain): Plain {
  const [rows, steps, width] = b.shape as [number, number, number];
  const h = new Array<number>(rows * steps * width);
  for (let r = 0; r < rows; r++) {
    for (let u = 0; u < width; u++) {
      let state = initial?.data[r * width + u] ?? 0;
      for (let t = 0; t < steps; t++) {
        const at = (r * steps + t) * width + u;
        state = a.data[at]! * state + b.data[at]!;
        h[at] = state;
      }
    }
  }
  return { data: h, shape: b.shape };
}

const LINEAR_SHAPES = [
  [1, 1, 1],
  [2, 3, 5],
  [3, 4, 2],
] as const;

export const recurrentSamples = {
  linearRecurrence: {
    call: (a, b) => linearRecurrence(a, b),
    shapes: LINEAR_SHAPES.map((shape) => [shape, shape]),
    domain: [{ low: -1, high: 1 }],
    expected: linearExpected,
    smooth: true,
  },
  linearRecurrenceFrom: {
    call: (a, b, initial) => linearRecurrence(a, b, { initial }),
    shapes: LINEAR_SHAPES.map((shape) => [shape, shape, [shape[0], shape[2]]]),
    domain: [{ low: -1, high: 1 }],
    expected: linearExpected,
    smooth: true,
  },
  lstm: recurrentSample('lstm'),
  lstmReverse: recurrentSample('lstm', { reverse: true }),
  lstmLengths: recurrentSample('lstm', { lengths: true }),
  lstmReverseLengths: recurrentSample('lstm', { lengths: true, reverse: true }),
  lstmSteady: recurrentSample('lstm', { steady: true }),
  lstmSteadyReverseLengths: recurrentSample('lstm', { steady: true, lengths: true, reverse: true }),
  gru: recurrentSample('gru'),
  gruReverseLengths: recurrentSample('gru', { lengths: true, reverse: true }),
  gruSteady: recurrentSample('gru', { steady: true }),
  rnnTanh: recurrentSample('rnnTanh'),
  rnnTanhSteadyLengths: recurrentSample('rnnTanh', { steady: true, lengths: true }),
  rnnRelu: recurrentSample('rnnRelu'),
  rnnReluReverseLengths: recurrentSample('rnnRelu', { lengths: true, reverse: true }),
} satisfies Record<string, Sample>;
