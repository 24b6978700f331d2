import type { Dim, Graph, Value } from '../graph/graph.ts';
import type { OpRule, StepCall } from './rules.ts';

/** What an op of recurrent layers is told. */
interface Recurrence {
  readonly cell: { readonly states: number };
  readonly steps: Dim;
  readonly steady: boolean;
  readonly reverse: boolean;
  readonly lengths: boolean;
}

/** The operator of a cell, and the places of our gates in its order. */
interface Kind {
  readonly operator: string;
  readonly gates: readonly number[];
  readonly options?: Readonly<Record<string, number | readonly string[]>>;
}

/** The rows of a weight or a bias, in blocks of `units`, in another order. */
function ordered(graph: Graph, weight: Value, gates: readonly number[], units: number): Value {
  if (gates.every((gate, i) => gate === i)) return weight;
  const rows = gates.flatMap((gate) => Array.from({ length: units }, (_, u) => gate * units + u));
  return graph.node('Gather', [weight, graph.whole(rows)], { axis: 0 });
}

/** An operator over all steps. Steps come before rows in ONNX, and a direction is an axis of its own. */
const recurrence =
  ({ operator, gates, options = {} }: Kind): OpRule =>
  (graph, inputs, { params, shapes }: StepCall) => {
    const { cell, steps, steady, reverse, lengths } = params as Recurrence;
    const [x, weightIh, weightHh, biasIh, biasHh] = inputs as [Value, Value, Value, Value, Value];
    const [rows, units] = shapes[5] as readonly [Dim, number];
    const features = (shapes[0] as readonly Dim[]).at(-1) as number;
    if (typeof steps !== 'number') return null;
    const given = inputs.slice(5, 5 + cell.states);
    const own = (weight: Value): Value => ordered(graph, weight, gates, units);
    const block = gates.length * units;
    const states = given.map((state) => graph.reshape(state, [1, rows, units]));
    const number = (value: number): Value => graph.constant('float', [], [value]);
    const ends = lengths ? (inputs.at(-1) as Value) : null;
    const operands = [
      steady
        ? graph.node('Expand', [graph.reshape(x, [1, rows, features]), graph.sizes([steps, rows, features])])
        : graph.transpose(x, [1, 0, 2]),
      graph.reshape(own(weightIh), [1, block, features]),
      graph.reshape(own(weightHh), [1, block, units]),
      graph.reshape(graph.node('Concat', [own(biasIh), own(biasHh)], { axis: 0 }), [1, 2 * block]),
      ends && graph.cast(graph.node('Clip', [ends, number(0), number(steps)]), 'int32'),
      ...states,
    ];
    const attributes = { hidden_size: units, direction: reverse ? 'reverse' : 'forward', ...options };
    const types = Array.from({ length: 1 + cell.states }, () => 'float' as const);
    const [y, ...last] = graph.nodeOf(operator, operands, attributes, types) as [Value, ...Value[]];
    // [steps, 1, rows, units], and states [1, rows, units].
    return [
      graph.transpose(graph.reshape(y, [steps, rows, units]), [1, 0, 2]),
      ...last.map((state, i) => {
        const end = graph.reshape(state, [rows, units]);
        if (ends === null) return end;
        // Runtimes forget the first state of a row without steps.
        const going = graph.node('Less', [number(0), graph.reshape(ends, [rows, 1])], {}, 'bool');
        return graph.node('Where', [going, end, given[i] as Value], {}, 'float');
      }),
    ];
  };

/** x [rows, steps, width] so many steps later (earlier, where they are below 0), with zeros in their place. */
function shifted(graph: Graph, x: Value, steps: number, by: number): Value {
  const [start, end] = by > 0 ? [0, steps - by] : [-by, steps];
  const kept = graph.node('Slice', [x, graph.whole([start]), graph.whole([end]), graph.whole([1]), graph.whole([1])]);
  const pads = graph.whole([0, Math.max(0, by), 0, 0, Math.max(0, -by), 0]);
  return graph.node('Pad', [kept, pads, graph.constant('float', [], [0])]);
}

/** Rules of recurrent layers and linear recurrences. */
export const sequenceRules = (): Readonly<Record<string, OpRule>> => ({
  // Ours are i f g o; theirs i o f c.
  lstm: recurrence({ operator: 'LSTM', gates: [0, 3, 1, 2] }),
  // Ours are r z n; theirs z r h.
  gru: recurrence({ operator: 'GRU', gates: [1, 0, 2], options: { linear_before_reset: 1 } }),
  rnnTanh: recurrence({ operator: 'RNN', gates: [0], options: { activations: ['Tanh'] } }),
  rnnRelu: recurrence({ operator: 'RNN', gates: [0], options: { activations: ['Relu'] } }),

  /**
   * hₜ = aₜ⊙hₜ₋₁ + bₜ in about log₂ of the steps: after each round a and b stand for twice as many steps (Hillis & Steele 1986).
   * Transposed, it goes from the end, with the next step's a.
   */
  linearRecurrence(graph, inputs, { params, shape }) {
    const { transposed } = params as { readonly transposed: boolean };
    const steps = shape[1] as Dim;
    if (typeof steps !== 'number') return null;
    let [a, b] = inputs as [Value, Value];
    if (transposed && steps > 0) a = shifted(graph, a, steps, -1);
    for (let by = 1; by < steps; by *= 2) {
      const way = transposed ? -by : by;
      b = graph.node('Add', [b, graph.node('Mul', [a, shifted(graph, b, steps, way)])]);
      if (2 * by < steps) a = graph.node('Mul', [a, shifted(graph, a, steps, way)]);
    }
    return b;
  },
});
