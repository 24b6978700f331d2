// The LSTM autoencoder of bench/sequences.ts on TensorFlow.js: gates of all steps' inputs in one product, and the steps one by one.
import * as tf from '@tensorflow/tfjs';

/** The work as a function that gives back a tensor. */
export function sequenceWork({ work, steps, units, batch }, waves) {
  const loss = autoencoder({ steps, units, batch }, waves);
  if (work === 'lstmScore') return () => tf.tidy(loss);
  const optimizer = tf.train.adam(1e-3);
  return () => tf.tidy(() => optimizer.minimize(loss, true));
}

function autoencoder({ steps, units, batch }, waves) {
  const x = tf.tensor(waves(batch * steps, 1), [batch, steps]);
  // PyTorch's layout is [outputs, inputs].
  const weight = (outputs, inputs) =>
    tf.variable(tf.transpose(tf.tensor(waves(outputs * inputs, units ** -0.5), [outputs, inputs])));
  const layer = (inputs) => ({
    input: weight(4 * units, inputs),
    state: weight(4 * units, units),
    bias: tf.variable(tf.zeros([4 * units])),
  });
  const [encoder, decoder] = [layer(1), layer(units)];
  const head = { w: weight(1, units), b: tf.variable(tf.zeros([1])) };

  /** The states h after each step, from the gates' inputs. */
  const through = (gatesOf, { state }) => {
    let h = null;
    let c = null;
    return Array.from({ length: steps }, (_, t) => {
      const gates = h === null ? gatesOf(t) : tf.add(gatesOf(t), tf.matMul(h, state));
      const [i, f, g, o] = tf.split(gates, 4, 1);
      const fresh = tf.mul(tf.sigmoid(i), tf.tanh(g));
      c = c === null ? fresh : tf.add(tf.mul(tf.sigmoid(f), c), fresh);
      h = tf.mul(tf.sigmoid(o), tf.tanh(c));
      return h;
    });
  };

  return () => {
    const inputs = tf
      .unstack(x, 1)
      .map((column) => tf.add(tf.mul(tf.expandDims(column, 1), encoder.input), encoder.bias));
    const code = through((t) => inputs[t], encoder).at(-1);
    // The decoder gets the code at every step, so its gates are those of one.
    const given = tf.add(tf.matMul(code, decoder.input), decoder.bias);
    const states = tf.concat(
      through(() => given, decoder),
      0,
    );
    const y = tf.add(tf.matMul(states, head.w), head.b);
    return tf.div(tf.sum(tf.square(tf.sub(tf.reshape(y, [steps, batch]), tf.transpose(x)))), batch);
  };
}
