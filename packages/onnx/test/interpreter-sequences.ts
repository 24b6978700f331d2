// The meaning of the recurrent operators, in plain loops; see interpreter.ts. Gates are in the order of the ONNX specification.
import type { Numbers, Operation } from './interpreter.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What the products with the input and with the state make, with their biases, by gate and unit. */
type Products = (gate: number, unit: number) => readonly [input: number, state: number];
type Step = (products: Products, states: readonly number[][], units: number) => number[][];

const units = (count: number, of: (unit: number) => number): number[] => Array.from({ length: count }, (_, u) => of(u));

/** One direction over all steps: X [steps, rows, features], W [1, gates·units, features], R, B [1, 2·gates·units], lengths, states. */
const recurrent =
  (gates: number, stepOf: (activations: readonly string[]) => Step): Operation =>
  ([x, w, r, b, lengths, ...first], { hidden_size: size, direction, activations, linear_before_reset: after }) => {
    const names = (activations?.strings ?? []).map((name) => new TextDecoder().decode(name));
    const way = new TextDecoder().decode(direction?.s);
    const count = size?.i as number;
    if (gates === 3 && after?.i !== 1) throw new Error('only with linear_before_reset');
    if (way !== 'forward' && way !== 'reverse') throw new Error(`the direction ${way} is not written here`);
    const step = stepOf(names);
    const [steps, rows, features] = (x as Numbers).dims as [number, number, number];
    const y = new Array<number>(steps * rows * count).fill(0);
    const ends: number[][][] = [];
    for (let row = 0; row < rows; row++) {
      let states = first.map((state) => (state as Numbers).data.slice(row * count, (row + 1) * count));
      const end = lengths?.data[row] ?? steps;
      if (end < 0 || end > steps) throw new Error(`the length ${end} of ${steps} steps`);
      for (let s = 0; s < end; s++) {
        const t = way === 'reverse' ? end - 1 - s : s;
        const [h] = states as [number[]];
        const products: Products = (gate, unit) => {
          const at = gate * count + unit;
          const dot = (weights: Numbers, width: number, value: (i: number) => number, bias: number): number =>
            Array.from({ length: width }, (_, i) => (weights.data[at * width + i] as number) * value(i)).reduce(
              (sum, product) => sum + product,
              bias,
            );
          const biases = (b as Numbers).data;
          return [
            dot(
              w as Numbers,
              features,
              (i) => (x as Numbers).data[(t * rows + row) * features + i] as number,
              biases[at] as number,
            ),
            dot(r as Numbers, count, (i) => h[i] as number, biases[gates * count + at] as number),
          ];
        };
        states = step(products, states, count);
        states[0]?.forEach((value, unit) => {
          y[(t * rows + row) * count + unit] = value;
        });
      }
      ends.push(states);
    }
    return [
      { dims: [steps, 1, rows, count], data: y },
      ...first.map((_, j) => ({ dims: [1, rows, count], data: ends.flatMap((states) => states[j] as number[]) })),
    ];
  };

const both = ([input, state]: readonly [number, number]): number => input + state;

export const sequenceOperators: Readonly<Record<string, Operation>> = {
  // i o f c
  LSTM: recurrent(4, () => (of, [, c], count) => {
    const cell = units(
      count,
      (u) => sigmoid(both(of(2, u))) * (c?.[u] as number) + sigmoid(both(of(0, u))) * Math.tanh(both(of(3, u))),
    );
    return [units(count, (u) => sigmoid(both(of(1, u))) * Math.tanh(cell[u] as number)), cell];
  }),
  // z r h
  GRU: recurrent(3, () => (of, [h], count) => [
    units(count, (u) => {
      const [z, r, [input, state]] = [sigmoid(both(of(0, u))), sigmoid(both(of(1, u))), of(2, u)];
      return (1 - z) * Math.tanh(input + r * state) + z * (h?.[u] as number);
    }),
  ]),
  RNN: recurrent(1, ([name]) => (of, _states, count) => [
    units(count, (u) => (name === 'Relu' ? Math.max(0, both(of(0, u))) : Math.tanh(both(of(0, u))))),
  ]),
};
