import { formatShape, type Tensor, tensor, ValueError } from '@latent/tensor';

/** The weights of a Keras LSTM, GRU or SimpleRNN layer, as `layer.get_weights()` gives them. */
export interface KerasRecurrentWeights {
  /** [features, gates·units]. */
  readonly kernel: Tensor;
  /** [units, gates·units]. */
  readonly recurrentKernel: Tensor;
  /** [gates·units], or of a GRU with `reset_after=True` [2, 3·units]. Left out for `use_bias=False`. */
  readonly bias?: Tensor;
}

/** Gates in PyTorch's order, by their place in Keras's. LSTM: both i f c o. GRU: r z n of z r h. */
const ORDER = { lstm: [0, 1, 2, 3], gru: [1, 0, 2], rnn: [0] } as const;

/** Kinds of recurrent layers that Keras has. */
export type KerasRecurrent = keyof typeof ORDER;

/**
 * Weights of a Keras layer as a state for `loadStateDict` of ours with one layer and one direction: `weight_ih_l0` and so on.
 * `suffix` is of another place, such as `l1` or `l0_reverse`. Keras's one bias becomes the first of ours, the second is 0.
 */
export function recurrentFromKeras(
  kind: KerasRecurrent,
  { kernel, recurrentKernel, bias }: KerasRecurrentWeights,
  suffix = 'l0',
): Record<string, Tensor> {
  const order = ORDER[kind];
  const gates = order.length;
  const units = recurrentKernel.shape[0] as number;
  const check = (what: string, x: Tensor, rows: number): void => {
    if (x.shape.length === 2 && x.shape[0] === rows && x.shape[1] === gates * units) return;
    throw new ValueError(
      `recurrentFromKeras: the ${what} of a ${kind} must be ${formatShape([rows, gates * units])}, got ${formatShape(x.shape)}`,
    );
  };
  check('kernel', kernel, kernel.shape[0] as number);
  check('recurrentKernel', recurrentKernel, units);
  const both = kind === 'gru' && bias?.shape.length === 2;
  if (bias !== undefined && bias.size !== (both ? 2 : 1) * gates * units) {
    throw new ValueError(
      `recurrentFromKeras: the bias of a ${kind} must be ${kind === 'gru' ? `${formatShape([2, gates * units])} or ` : ''}${formatShape([gates * units])}, got ${formatShape(bias.shape)}`,
    );
  }
  const biases = (which: 0 | 1): Tensor => {
    const values = new Float32Array(gates * units);
    if (bias !== undefined && (which === 0 || both)) {
      const given = bias.data;
      for (const [to, from] of order.entries()) {
        for (let u = 0; u < units; u++) values[to * units + u] = given[(which * gates + from) * units + u] as number;
      }
    }
    return tensor(values);
  };
  return {
    [`weight_ih_${suffix}`]: turned(kernel, order, units),
    [`weight_hh_${suffix}`]: turned(recurrentKernel, order, units),
    [`bias_ih_${suffix}`]: biases(0),
    [`bias_hh_${suffix}`]: biases(1),
  };
}

/**
 * The weights of one layer and direction for Keras, from a state by our names. `resetAfter` says which GRU they are for: with it
 * (default) both biases are kept, [2, 3·units]; else they are added up, as for an LSTM.
 */
export function recurrentToKeras(
  kind: KerasRecurrent,
  state: Readonly<Record<string, Tensor>>,
  options: { readonly suffix?: string; readonly resetAfter?: boolean } = {},
): Required<KerasRecurrentWeights> {
  const { suffix = 'l0', resetAfter = true } = options;
  const of = (name: string): Tensor => {
    const found = state[`${name}_${suffix}`];
    if (found === undefined) throw new ValueError(`recurrentToKeras: the state has no ${name}_${suffix}`);
    return found;
  };
  const order = ORDER[kind];
  const gates = order.length;
  const weightHh = of('weight_hh');
  const units = weightHh.shape[1] as number;
  // The place in PyTorch's order of each of Keras's gates.
  const back = order.map((_, gate) => (order as readonly number[]).indexOf(gate));
  const matrix = (x: Tensor): Tensor => {
    const [rows, cols] = x.shape as [number, number];
    const values = new Float32Array(rows * cols);
    const given = x.data;
    for (let c = 0; c < cols; c++) {
      for (const [gate, from] of back.entries()) {
        for (let u = 0; u < units; u++) {
          values[c * rows + gate * units + u] = given[(from * units + u) * cols + c] as number;
        }
      }
    }
    return tensor(values, { shape: [cols, rows] });
  };
  const [first, second] = [of('bias_ih').data, of('bias_hh').data];
  const both = kind === 'gru' && resetAfter;
  const bias = new Float32Array((both ? 2 : 1) * gates * units);
  for (const [gate, from] of back.entries()) {
    for (let u = 0; u < units; u++) {
      const [a, b] = [first[from * units + u] as number, second[from * units + u] as number];
      bias[gate * units + u] = both ? a : a + b;
      if (both) bias[(gates + gate) * units + u] = b;
    }
  }
  return {
    kernel: matrix(of('weight_ih')),
    recurrentKernel: matrix(weightHh),
    bias: tensor(bias, { shape: both ? [2, gates * units] : [gates * units] }),
  };
}

/** [in, gates·units] with gates in Keras's order → [gates·units, in] with gates in `order`. */
function turned(x: Tensor, order: readonly number[], units: number): Tensor {
  const [rows, cols] = x.shape as [number, number];
  const values = new Float32Array(rows * cols);
  const given = x.data;
  for (const [gate, from] of order.entries()) {
    for (let u = 0; u < units; u++) {
      for (let i = 0; i < rows; i++) {
        values[(gate * units + u) * rows + i] = given[i * cols + from * units + u] as number;
      }
    }
  }
  return tensor(values, { shape: [cols, rows] });
}
