// Models of images as bench/images.ts describes them, on TensorFlow.js.
import * as tf from '@tensorflow/tfjs';

/** The work as a function that gives back a tensor. */
export function imageWork({ work, model, shape }, testData) {
  if (work === 'maxPool') {
    const x = tf.tensor(testData(shape.reduce((a, b) => a * b)), shape);
    return () => tf.maxPool(x, 2, 2, 'same');
  }
  if (work === 'convolution') throw new Error('single convolutions are not written for tfjs');
  const batch = work === 'step' ? model.batch : 1;
  const { loss, code } = imageModel(model, batch, testData);
  if (work === 'encode') return () => tf.tidy(code);
  const optimizer = tf.train.adam(1e-3);
  return () => tf.tidy(() => optimizer.minimize(loss, true));
}

function imageModel({ encoder, latent, decoder }, batch, testData) {
  const x = tf.tensor(testData(batch * 784, 0, 1), [batch, 28, 28, 1]);
  const weight = (dims, fan) => tf.variable(tf.randomUniform(dims, -1 / Math.sqrt(fan), 1 / Math.sqrt(fan)));
  const bias = (size) => tf.variable(tf.zeros([size]));

  /** The layers as functions, and the shape of what comes out. */
  const network = (layers, given) => {
    let shape = given;
    const made = layers.map((layer) => {
      const { features, stride } = layer;
      const [height, width, channels] = shape;
      if (layer.layer === 'conv') {
        const padding = layer.valid ? 'valid' : 'same';
        const [w, b] = [weight([3, 3, channels, features], 9 * channels), bias(features)];
        const out = (size) => (layer.valid ? Math.floor((size - 3) / stride) + 1 : Math.ceil(size / stride));
        shape = [out(height), out(width), features];
        return { run: (h) => tf.add(tf.conv2d(h, w, stride, padding), b), active: true };
      }
      if (layer.layer === 'transposed') {
        const [w, b] = [weight([3, 3, features, channels], 9 * features), bias(features)];
        shape = [height * stride, width * stride, features];
        const to = [batch, ...shape];
        return { run: (h) => tf.add(tf.conv2dTranspose(h, w, to, stride, 'same'), b), active: true };
      }
      if (layer.layer === 'maxPool') {
        shape = [Math.ceil(height / 2), Math.ceil(width / 2), channels];
        return { run: (h) => tf.maxPool(h, 2, 2, 'same') };
      }
      if (layer.layer === 'image') {
        shape = layer.shape;
        return { run: (h) => tf.reshape(h, [batch, ...layer.shape]) };
      }
      const inputs = shape.reduce((a, b) => a * b);
      const [w, b] = [weight([inputs, layer.units], inputs), bias(layer.units)];
      shape = [layer.units];
      return { run: (h) => tf.add(tf.matMul(tf.reshape(h, [batch, inputs]), w), b), active: true };
    });
    return { made, shape };
  };
  const through = ({ made }, h, linearEnd) =>
    made.reduce((value, { run, active }, i) => {
      const out = run(value);
      return active && !(linearEnd && i === made.length - 1) ? tf.relu(out) : out;
    }, h);

  const down = network(encoder, [28, 28, 1]);
  const inputs = down.shape.reduce((a, b) => a * b);
  const heads = latent === null ? [] : [0, 1].map(() => [weight([inputs, latent], inputs), bias(latent)]);
  const up = network(decoder, latent === null ? down.shape : [latent]);
  const codes = () => {
    const h = through(down, x, false);
    return heads.map(([w, b]) => tf.add(tf.matMul(tf.reshape(h, [batch, inputs]), w), b));
  };
  const crossEntropy = (logits) => tf.sum(tf.sub(tf.softplus(logits), tf.mul(x, logits)));
  const loss = () => {
    if (latent === null) return tf.div(crossEntropy(through(up, through(down, x, false), true)), batch);
    const [mu, lv] = codes();
    const z = tf.add(mu, tf.mul(tf.exp(tf.mul(lv, 0.5)), tf.randomNormal([batch, latent])));
    const kl = tf.mul(0.5, tf.sum(tf.sub(tf.add(tf.square(mu), tf.exp(lv)), tf.add(lv, 1))));
    return tf.div(tf.add(crossEntropy(through(up, z, true)), kl), batch);
  };
  return { loss, code: () => codes()[0] };
}
