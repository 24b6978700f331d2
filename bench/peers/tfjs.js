// The work on TensorFlow.js, on one of its backends. Results are read back, so that nothing is left undone.

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { imageWork } from './tfjs-images.js';
import { sequenceWork } from './tfjs-sequences.js';

const require = createRequire(import.meta.url);

export async function create(backend, { testData, waves }) {
  if (backend === 'wasm') {
    setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no backend ${backend}`);
  await tf.ready();

  return {
    name: `tfjs-${backend}`,
    version: tf.version.tfjs,
    async matmul({ m, n, k, transA, transB }) {
      const a = tf.tensor2d(testData(m * k), transA ? [k, m] : [m, k]);
      const b = tf.tensor2d(testData(k * n), transB ? [n, k] : [k, n]);
      return () => {
        const c = tf.matMul(a, b, transA, transB);
        c.dispose();
      };
    },
    async elementwise({ name, shape }) {
      const x = tf.tensor2d(testData(shape[0] * shape[1], -3, 3), shape);
      const run = {
        add: () => tf.add(x, x),
        exp: () => tf.exp(x),
        tanh: () => tf.tanh(x),
        sigmoid: () => tf.sigmoid(x),
        softplus: () => tf.softplus(x),
        'sum rows': () => tf.sum(x, 1),
        'sum columns': () => tf.sum(x, 0),
      }[name];
      return () => {
        run().dispose();
      };
    },
    async vaeStep(config) {
      const { loss } = model(config);
      const optimizer = tf.train.adam(1e-3);
      return () => {
        const value = tf.tidy(() => optimizer.minimize(loss, true));
        value.dataSync();
        value.dispose();
      };
    },
    async image(work) {
      const run = imageWork(work, testData);
      return () => {
        const value = run();
        value.dataSync();
        value.dispose();
      };
    },
    async sequence(work) {
      const run = sequenceWork(work, waves);
      return () => {
        const value = run();
        const [number] = value.dataSync();
        value.dispose();
        return number;
      };
    },
    async scoreRow(config) {
      const { loss } = model({ ...config, batch: 1 });
      return () => {
        const value = tf.tidy(loss);
        value.dataSync();
        value.dispose();
      };
    },
  };

  /** The negative bound of a VAE as a function without arguments. */
  function model({ input, hidden, latent, batch }) {
    const layer = (rows, cols) => ({
      w: tf.variable(tf.randomUniform([rows, cols], -1 / Math.sqrt(rows), 1 / Math.sqrt(rows))),
      b: tf.variable(tf.zeros([cols])),
    });
    const stack = (sizes) => sizes.slice(1).map((size, i) => layer(sizes[i], size));
    const encoder = stack([input, ...hidden]);
    const mean = layer(hidden.at(-1), latent);
    const logVariance = layer(hidden.at(-1), latent);
    const decoder = stack([latent, ...hidden.toReversed()]);
    const head = layer(hidden[0], input);
    const x = tf.tensor2d(testData(batch * input, 0, 1), [batch, input]);
    const dense = (h, { w, b }) => tf.add(tf.matMul(h, w), b);
    const loss = () => {
      let h = x;
      for (const part of encoder) h = tf.relu(dense(h, part));
      const mu = dense(h, mean);
      const lv = dense(h, logVariance);
      h = tf.add(mu, tf.mul(tf.exp(tf.mul(lv, 0.5)), tf.randomNormal([batch, latent])));
      for (const part of decoder) h = tf.relu(dense(h, part));
      const logits = dense(h, head);
      const reconstruction = tf.sum(tf.sub(tf.softplus(logits), tf.mul(x, logits)));
      const kl = tf.mul(0.5, tf.sum(tf.sub(tf.add(tf.square(mu), tf.exp(lv)), tf.add(lv, 1))));
      return tf.div(tf.add(reconstruction, kl), batch);
    };
    return { loss };
  }
}
