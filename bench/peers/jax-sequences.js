// The LSTM autoencoder of bench/sequences.ts on jax-js, which has no scan: its steps follow one another in one jitted function.
import { nn, numpy as np } from '@jax-js/jax';

/** Parameters of the model and its loss as a function of them and of a batch. */
export function sequenceModel({ steps, units, batch }, waves) {
  const wave = (shape, bound) =>
    np
      .array(
        waves(
          shape.reduce((a, b) => a * b),
          bound,
        ),
      )
      .reshape(shape);
  // PyTorch's layout is [outputs, inputs]; here products take them the other way round.
  const weight = (outputs, inputs) => {
    const values = waves(outputs * inputs, units ** -0.5);
    const turned = Float32Array.from(values, (_, i) => values[(i % outputs) * inputs + Math.floor(i / outputs)]);
    return np.array(turned).reshape([inputs, outputs]);
  };
  const gates = 4 * units;
  const params = [
    ...[weight(gates, 1), weight(gates, units), np.zeros([gates])],
    ...[weight(gates, units), weight(gates, units), np.zeros([gates])],
    ...[weight(1, units), np.zeros([1])],
  ];
  const x = wave([batch, steps], 1);

  /** The states h after each step. */
  const through = (gatesOf, state) => {
    let h = np.zeros([batch, units]);
    let c = np.zeros([batch, units]);
    const states = [];
    for (let t = 0; t < steps; t++) {
      const z = gatesOf(t).add(np.matmul(h, state.ref));
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => z.ref.slice([], [k * units, (k + 1) * units]));
      z.dispose();
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
      states.push(h.ref);
    }
    h.dispose();
    c.dispose();
    return states;
  };

  const loss = (p, data) => {
    const inputs = (t) =>
      data.ref
        .slice([], [t, t + 1])
        .mul(p[0].ref)
        .add(p[2].ref);
    const seen = through(inputs, p[1]);
    const code = seen.pop();
    for (const state of seen) state.dispose();
    // The decoder gets the code at every step, so its gates are those of one.
    const given = np.matmul(code, p[3].ref).add(p[5].ref);
    const made = through(() => given.ref, p[4]).map((h) => np.matmul(h, p[6].ref));
    given.dispose();
    const y = np.concatenate(made, 1).add(p[7].ref);
    return np.sum(np.square(y.sub(data))).mul(1 / batch);
  };
  return { params, shapes: params.map(({ shape }) => shape), loss, x };
}
