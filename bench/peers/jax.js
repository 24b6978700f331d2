// The work on jax-js, on its WebAssembly device: each step is one jitted function, optimizer included.
import { readFileSync } from 'node:fs';
import { defaultDevice, init, jit, nn, numpy as np, random, valueAndGrad } from '@jax-js/jax';
import { imageModel, maxPool } from './jax-images.js';
import { sequenceModel } from './jax-sequences.js';

export async function create(_backend, { testData, waves }) {
  const { version } = JSON.parse(
    readFileSync(new URL('./node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8'),
  );
  await init('wasm');
  defaultDevice('wasm');
  const array = (data, shape) => np.array(data).reshape(shape);
  // Waits for the result by reading it; a sum is read where the result is large, so that copying it out is not timed.
  const finish = async (x) => {
    await x.blockUntilReady();
    x.dispose();
  };
  const softplus = (l) => np.maximum(l.ref, 0).add(np.log1p(np.exp(np.abs(l).neg())));

  return {
    name: 'jax-js',
    version,
    async matmul({ m, n, k, transA, transB }) {
      const a = array(testData(m * k), transA ? [k, m] : [m, k]);
      const b = array(testData(k * n), transB ? [n, k] : [k, n]);
      const run = jit((x, y) => np.matmul(transA ? x.transpose() : x, transB ? y.transpose() : y));
      return () => finish(run(a.ref, b.ref));
    },
    async elementwise({ name, shape }) {
      const x = array(testData(shape[0] * shape[1], -3, 3), shape);
      const run = jit(
        {
          add: (v) => v.ref.add(v),
          exp: (v) => np.exp(v),
          tanh: (v) => np.tanh(v),
          sigmoid: (v) => nn.sigmoid(v),
          softplus,
          'sum rows': (v) => np.sum(v, 1),
          'sum columns': (v) => np.sum(v, 0),
        }[name],
      );
      return () => finish(run(x.ref));
    },
    vaeStep: async (config) => trainStep(model(config)),
    async image({ work, model: config, shape }) {
      if (work === 'step') return trainStep(imageModel(config, testData));
      if (work === 'encode') {
        const { params, code, x } = imageModel({ ...config, batch: 1 }, testData);
        const run = jit(code);
        return async () => {
          await run(
            params.map((w) => w.ref),
            x.ref,
          ).data();
        };
      }
      if (work !== 'maxPool') throw new Error('single convolutions are not written for jax-js');
      const [images, height, width, channels] = shape;
      const x = array(testData(images * height * width * channels), [images, channels, height, width]);
      const run = jit((v) => maxPool(v, [images, channels, height / 2, width / 2]));
      return () => finish(run(x.ref));
    },
    async sequence({ work, ...config }) {
      const { loss, ...model } = sequenceModel(config, waves);
      if (work === 'lstmStep') {
        return trainStep({
          ...model,
          loss: (p, data, key) => {
            key.dispose();
            return loss(p, data);
          },
        });
      }
      const run = jit(loss);
      return async () =>
        (
          await run(
            model.params.map((w) => w.ref),
            model.x.ref,
          ).data()
        )[0];
    },
    async scoreRow(config) {
      const { params, loss, x } = model({ ...config, batch: 1 });
      const run = jit(loss);
      const key = random.key(0);
      return async () => {
        const value = run(
          params.map((w) => w.ref),
          x.ref,
          key.ref,
        );
        await value.data();
      };
    },
  };

  /** Parameters of a VAE and its negative bound. */
  function model({ input, hidden, latent, batch }) {
    const sizes = [];
    const stack = (widths) => sizes.push(...widths.slice(1).map((size, i) => [widths[i], size]));
    stack([input, ...hidden]);
    const encoders = sizes.length;
    sizes.push([hidden.at(-1), latent], [hidden.at(-1), latent]);
    stack([latent, ...hidden.toReversed()]);
    sizes.push([hidden[0], input]);
    const shapes = sizes.flatMap(([rows, cols]) => [[rows, cols], [cols]]);
    const params = shapes.map((shape) =>
      shape.length === 2
        ? array(testData(shape[0] * shape[1], -1 / Math.sqrt(shape[0]), 1 / Math.sqrt(shape[0])), shape)
        : np.zeros(shape),
    );
    const x = array(testData(batch * input, 0, 1), [batch, input]);

    const loss = (p, data, key) => {
      const dense = (h, i) => np.matmul(h, p[2 * i]).add(p[2 * i + 1]);
      let h = data.ref;
      for (let i = 0; i < encoders; i++) h = nn.relu(dense(h, i));
      const mu = dense(h.ref, encoders);
      const lv = dense(h, encoders + 1);
      const noise = random.normal(key, [batch, latent]);
      h = mu.ref.add(np.exp(lv.ref.mul(0.5)).mul(noise));
      for (let i = encoders + 2; i < sizes.length - 1; i++) h = nn.relu(dense(h, i));
      const logits = dense(h, sizes.length - 1);
      const reconstruction = np.sum(softplus(logits.ref).sub(data.mul(logits)));
      const kl = np.sum(np.square(mu).add(np.exp(lv.ref)).sub(lv).sub(1)).mul(0.5);
      return reconstruction.add(kl).mul(1 / batch);
    };
    return { params, shapes, loss, x };
  }
}

/** A training step with Adam. */
function trainStep({ params: initial, shapes, loss, x }) {
  let params = initial;
  let first = shapes.map((shape) => np.zeros(shape));
  let second = shapes.map((shape) => np.zeros(shape));
  const update = jit((p, m, v, data, key, rate, root) => {
    const [value, grads] = valueAndGrad(loss)(
      p.map((w) => w.ref),
      data,
      key,
    );
    const m2 = m.map((mi, i) => mi.mul(0.9).add(grads[i].ref.mul(0.1)));
    const v2 = v.map((vi, i) => vi.mul(0.999).add(np.square(grads[i]).mul(0.001)));
    const p2 = p.map((w, i) => w.sub(rate.ref.mul(m2[i].ref).div(np.sqrt(v2[i].ref).mul(root.ref).add(1e-8))));
    rate.dispose();
    root.dispose();
    return [value, p2, m2, v2];
  });
  let key = random.key(0);
  let t = 0;
  return async () => {
    t++;
    const keys = random.split(key, 2);
    key = keys.ref.slice(0);
    const sub = keys.slice(1);
    const rate = np.array(1e-3 / (1 - 0.9 ** t));
    const root = np.array(1 / Math.sqrt(1 - 0.999 ** t));
    let value;
    [value, params, first, second] = update(params, first, second, x.ref, sub, rate, root);
    return (await value.data())[0];
  };
}
