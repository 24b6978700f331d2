import { apply } from '../eager.ts';
import { ShapeError, UsageError, ValueError } from '../errors.ts';
import { applyJoint, isRecorded, type JointCall, type JointOp } from '../joint-op.ts';
import { execute } from '../kernels/execute.ts';
import {
  type Cell,
  gruCell,
  inputColumns,
  lstmCell,
  recurrentColumns,
  reluCell,
  tanhCell,
} from '../kernels/recurrence/cell.ts';
import { type Course, recurrenceCall } from '../kernels/recurrence/recurrence.ts';
import { seenWidth } from '../kernels/recurrence/row-sizes.ts';
import { recurrenceGradientCall } from '../kernels/recurrence-gradient/recurrence-gradient.ts';
import { checkOptions, flag, list, optional, whole } from '../options.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor, tensorCheck } from './argument.ts';
import { equal, less, where } from './elementwise.ts';
import { type ElementwiseOp, symbolicOp } from './elementwise-op.ts';
import { concat, reshape, slice, stack } from './layout.ts';
import { linear, matmul } from './linalg.ts';
import { sum } from './reduce.ts';

const cells = { lstm: lstmCell, gru: gruCell, rnnTanh: tanhCell, rnnRelu: reluCell } as const;

/** An LSTM, a GRU, or Elman's network with tanh or ReLU. */
export type RecurrentCell = keyof typeof cells;

/** The weights of one recurrent layer in PyTorch's layout: gates·units rows, in the order i f g o of an LSTM, r z n of a GRU. */
export interface RecurrentWeights {
  /** Of the input: [gates·units, features]. */
  readonly weightIh: Tensor;
  /** Of the state: [gates·units, units]. */
  readonly weightHh: Tensor;
  /** Both [gates·units]. */
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

/** Of `recurrent`. */
export interface RecurrentOptions {
  /** The first states [rows, units]: h, and c of an LSTM; zeros by default. */
  readonly state?: readonly Tensor[];
  /** Steps of each row, whole numbers [rows]; all by default. What is outside 0 … steps counts as the nearest. */
  readonly lengths?: Tensor;
  /** From each row's last step to its first; false by default. */
  readonly reverse?: boolean;
  /** For an input that is the same at every step, given once: how many steps. */
  readonly steps?: number;
}

interface Recurrence extends Pick<Course, 'cell' | 'steps' | 'steady' | 'reverse' | 'lengths'> {
  /** What the way back reads is kept. */
  readonly keep: boolean;
}

const optionChecks = {
  state: /* @__PURE__ */ optional(/* @__PURE__ */ list(tensorCheck)),
  lengths: /* @__PURE__ */ optional(tensorCheck),
  reverse: /* @__PURE__ */ optional(/* @__PURE__ */ flag(), false),
  steps: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 0 })),
};

/** Positions of the inputs x, W_ih, W_hh, b_ih, b_hh, first states, lengths. */
const [X, WEIGHT_IH, WEIGHT_HH, STATES] = [0, 1, 2, 5];

function courseOf(shapes: readonly Shape[], params: Omit<Recurrence, 'keep'>): Course {
  const [rows = 0, units = 0] = shapes[STATES] as Shape;
  return { ...params, rows, units, features: (shapes[X] as Shape).at(-1) as number };
}

/** y, the last states, and where they are kept what the products have seen and what the cell keeps. */
const recurrenceOf = (own: Cell): JointOp<Recurrence> => ({
  name: own.name,
  saves: [1 + own.states, 2 + own.states],
  shapes(shapes, params) {
    const course = courseOf(shapes, params);
    const { cell, rows, steps, units } = course;
    const kept: Shape[] = [
      [rows, steps, seenWidth(course)],
      [rows, steps, cell.kept.length * units],
    ];
    return [[rows, steps, units], ...cell.next.map(() => [rows, units]), ...(params.keep ? kept : [])];
  },
  forward({ dtype, outs, inputs, shapes, params }) {
    execute(recurrenceCall(dtype, [...outs, ...inputs], courseOf(shapes, params), params.keep));
  },
  gradients(g, { inputs, outputs, shapes, params }, wanted) {
    const { cell } = params;
    const course = courseOf(shapes, params);
    const [seen, kept] = outputs.slice(1 + cell.states) as [Tensor, Tensor];
    const given = g.slice(0, 1 + cell.states);
    const lengths = params.lengths ? [inputs.at(-1) as Tensor] : [];
    const [columns, ...first] = applyJoint(
      backOp,
      [kept, inputs[WEIGHT_HH] as Tensor, ...given.filter((x) => x !== null), ...lengths],
      { course, given: given.map((x) => x !== null) },
    ) as [Tensor, ...Tensor[]];
    const ofInput = gradientOfInput(columns, inputs, course, wanted[X] === true);
    const weights = gradientsOfWeights(columns, seen, inputs[X] as Tensor, course, ofInput.total);
    return [ofInput.x, ...weights, ...first, ...lengths.map(() => null)];
  },
  composed,
});

/** The gradients to the columns, and those to the first states; see `recurrenceGradientKernel`. */
const backOp: JointOp<{ readonly course: Course; readonly given: readonly boolean[] }> = {
  name: 'recurrentGradient',
  saves: [],
  shapes: (_shapes, { course: { cell, rows, steps, units } }) => [
    [rows, steps, cell.columns.length * units],
    ...cell.next.map(() => [rows, units]),
  ],
  forward({
    dtype,
    outs,
    inputs,
    params: { course, given },
  }: JointCall<{ course: Course; given: readonly boolean[] }>) {
    execute(recurrenceGradientCall(dtype, [...outs, ...inputs], course, given));
  },
  // Gradients of gradients are taken of the composition.
  gradients: neverDifferentiated,
  composed: neverDifferentiated,
};

function neverDifferentiated(): never {
  throw new UsageError('recurrentGradient: this is a gradient itself; differentiate the recurrence');
}

/** The gradient to x, and for an x that is the same at every step the columns' gradients added up over the steps. */
function gradientOfInput(
  columns: Tensor,
  inputs: readonly Tensor[],
  { cell, rows, steps, features, units, steady }: Course,
  wanted: boolean,
): { readonly x: Tensor | null; readonly total: Tensor | null } {
  const width = cell.columns.length * units;
  const total = steady ? sum(columns, { axis: 1 }) : null;
  if (!wanted) return { x: null, total };
  const flat = total ?? reshape(columns, [rows * steps, width]);
  const own = slice(flat, [null, [0, inputColumns(cell).length * units]]);
  const x = matmul(own, inputs[WEIGHT_IH] as Tensor);
  return { x: steady ? x : reshape(x, [rows, steps, features]), total };
}

/** The gradients to W_ih, W_hh, b_ih, b_hh: what the products saw at each step, times the columns' gradients there. */
function gradientsOfWeights(
  columns: Tensor,
  seen: Tensor,
  x: Tensor,
  course: Course,
  total: Tensor | null,
): readonly Tensor[] {
  const { cell, rows, steps, features, units } = course;
  const width = cell.columns.length * units;
  const flat = reshape(columns, [rows * steps, width]);
  const bySteps = matmul(flat, reshape(seen, [rows * steps, seenWidth(course)]), { transposeA: true });
  const byInput =
    total === null
      ? slice(bySteps, [null, [0, features + 1]])
      : matmul(total, concat([x, x.full([rows, 1], 1)], 1), { transposeA: true });
  const byState = total === null ? slice(bySteps, [null, [features + 1, features + 1 + units]]) : bySteps;
  const gates = cell.gates * units;
  const ofInput = slice(byInput, [[0, gates]]);
  const recurrent = recurrentColumns(cell);
  const rowsOf = (table: Tensor): Tensor =>
    recurrent.length === cell.columns.length
      ? table
      : concat(recurrent.map((c) => slice(table, [[c * units, (c + 1) * units]])));
  return [
    slice(ofInput, [null, [0, features]]),
    rowsOf(byState),
    reshape(slice(ofInput, [null, [features, features + 1]]), [gates]),
    reshape(rowsOf(slice(byInput, [null, [features, features + 1]])), [gates]),
  ];
}

const stepOps = /* @__PURE__ */ new WeakMap<Cell, readonly ElementwiseOp[]>();

/** A cell's new states as ops of its columns and old states. */
function stepOpsOf(cell: Cell): readonly ElementwiseOp[] {
  let ops = stepOps.get(cell);
  if (ops === undefined) {
    const count = cell.columns.length + cell.states;
    ops = cell.next.map((next, j) => symbolicOp(`${cell.name}State${j}`, next, count));
    stepOps.set(cell, ops);
  }
  return ops;
}

/** The recurrence step by step: some ten ops for each, so that it can be differentiated any number of times. */
function composed(inputs: readonly Tensor[], params: Recurrence): readonly (Tensor | null)[] {
  const { cell, steps, steady, reverse } = params;
  const [given, weightIh, weightHh, biasIh, biasHh] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const lengths = params.lengths ? reshape(inputs.at(-1) as Tensor, [-1, 1]) : null;
  const [rows, units] = (inputs[STATES] as Tensor).shape as [number, number];
  const order = reverse && lengths !== null ? reversal(lengths, steps) : null;
  const x = order !== null && !steady ? matmul(order, given) : given;
  let states = inputs.slice(STATES, STATES + cell.states);
  const outputs: Tensor[] = [];
  for (let s = 0; s < steps; s++) {
    const t = reverse && lengths === null ? steps - 1 - s : s;
    const input = steady ? x : reshape(slice(x, [null, [t, t + 1]]), [rows, x.shape[2] as number]);
    const ofInput = linear(input, weightIh, biasIh);
    const ofState = linear(states[0] as Tensor, weightHh, biasHh);
    const columns = cell.columns.map(({ gate, part }) => {
      const own = (of: Tensor): Tensor => slice(of, [null, [gate * units, (gate + 1) * units]]);
      if (part !== 'all') return own(part === 'input' ? ofInput : ofState);
      return own(ofInput).add(own(ofState));
    });
    const next = stepOpsOf(cell).map((op) => apply(op, [...columns, ...states], undefined));
    const going = lengths === null ? null : less(s, lengths);
    states = going === null ? next : next.map((state, j) => where(going, state, states[j] as Tensor));
    const output = going === null ? (next[0] as Tensor) : where(going, next[0] as Tensor, 0);
    outputs.push(output);
  }
  if (reverse && lengths === null) outputs.reverse();
  const y = steps === 0 ? given.full([rows, 0, units], 0) : stack(outputs, 1);
  return [order === null ? y : matmul(order, y), ...states, null, null];
}

/** For each row the matrix that turns its first `length` of `steps` around, and gives zeros after: its own inverse. */
function reversal(lengths: Tensor, steps: number): Tensor {
  const positions = lengths.from(
    Array.from({ length: steps }, (_, t) => t),
    [steps],
  );
  const bounded = lengths.clamp(0, steps).sub(1).sub(positions); // where step t goes
  return equal(reshape(bounded, [-1, steps, 1]), positions).mul(reshape(less(positions, lengths), [-1, steps, 1]));
}

export const recurrentOps = {
  lstm: /* @__PURE__ */ recurrenceOf(lstmCell),
  gru: /* @__PURE__ */ recurrenceOf(gruCell),
  rnnTanh: /* @__PURE__ */ recurrenceOf(tanhCell),
  rnnRelu: /* @__PURE__ */ recurrenceOf(reluCell),
} as const;

/**
 * A recurrent layer over all its steps: x [rows, steps, features] → output [rows, steps, units], and the states after each
 * row's last step [rows, units]. Equations, gate order and weights are PyTorch's:
 *
 *     lstm      i, f, o = σ(…), g = tanh(…); c′ = f⊙c + i⊙g; h′ = o⊙tanh c′
 *     gru       r, z = σ(…); n = tanh(W_in·x + b_in + r⊙(W_hn·h + b_hn)); h′ = (1 − z)⊙n + z⊙h
 *     rnnTanh   h′ = tanh(…), rnnRelu   h′ = max(…, 0), with … = W_ih·x + b_ih + W_hh·h + b_hh
 *
 * Rows may have `lengths` of their own: past its end a row's states stay as they are, its output is 0, and no gradient comes
 * from there; `reverse` begins at each row's own end. An input that is the same at every step may be given once, as [rows,
 * features] with `steps`: it is multiplied once. One kernel does all steps; gradients of gradients are computed step by step.
 */
export function recurrent(
  cell: RecurrentCell,
  x: Tensor,
  weights: RecurrentWeights,
  options: RecurrentOptions = {},
): { readonly output: Tensor; readonly state: readonly Tensor[] } {
  if (!Object.hasOwn(cells, cell)) {
    throw new ValueError(`recurrent: the cell must be one of ${Object.keys(cells).join(', ')}, got ${String(cell)}`);
  }
  const formulas = cells[cell];
  const { reverse, lengths, state: given, steps: times } = checkOptions('recurrent', options, optionChecks);
  const steady = times !== undefined;
  checkTensor('recurrent', x);
  if (x.shape.length !== (steady ? 2 : 3)) {
    const shape = steady ? '[rows, features] with steps given' : '[rows, steps, features]';
    throw new ShapeError(`recurrent: x must be ${shape}, got ${formatShape(x.shape)}`);
  }
  const rows = x.shape[0] as number;
  const steps = times ?? (x.shape[1] as number);
  const features = x.shape.at(-1) as number;
  const units = checkWeights(formulas, weights, features);
  const zero = (): Tensor => x.full([rows, units], 0);
  const state = given ?? formulas.next.map(zero);
  if (state.length !== formulas.states) {
    throw new ValueError(`recurrent: ${cell} has ${formulas.states} states, got ${state.length}`);
  }
  for (const of of state) checkShape('a state', of, [rows, units]);
  if (lengths !== undefined) checkShape('lengths', lengths, [rows]);
  const inputs = [
    x,
    weights.weightIh,
    weights.weightHh,
    weights.biasIh,
    weights.biasHh,
    ...state,
    ...(lengths === undefined ? [] : [lengths]),
  ];
  const params: Recurrence = {
    cell: formulas,
    steps,
    steady,
    reverse,
    lengths: lengths !== undefined,
    keep: isRecorded(inputs),
  };
  const [output, ...others] = applyJoint(recurrentOps[cell], inputs, params) as [Tensor, ...Tensor[]];
  return { output, state: others.slice(0, formulas.states) };
}

function checkShape(what: string, x: Tensor, shape: Shape): void {
  if (!sameShape(checkTensor('recurrent', x).shape, shape)) {
    throw new ShapeError(`recurrent: ${what} must be ${formatShape(shape)}, got ${formatShape(x.shape)}`);
  }
}

/** Throws unless the weights go together and with the input; returns the units. */
function checkWeights(cell: Cell, weights: RecurrentWeights, features: number): number {
  const [gates = 0, units = 0] = checkTensor('recurrent', weights.weightHh).shape;
  if (weights.weightHh.shape.length !== 2 || units < 1 || gates !== cell.gates * units) {
    throw new ShapeError(
      `recurrent: weightHh of a ${cell.name} must be [${cell.gates}·units, units], got ${formatShape(weights.weightHh.shape)}`,
    );
  }
  checkShape(`weightIh for inputs of ${features} numbers`, weights.weightIh, [gates, features]);
  checkShape('biasIh', weights.biasIh, [gates]);
  checkShape('biasHh', weights.biasHh, [gates]);
  return units;
}
