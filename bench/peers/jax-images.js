// Models of images as bench/images.ts describes them, on jax-js: channels come first.
import { lax, nn, numpy as np, random } from '@jax-js/jax';

/** The largest of each 2×2 pixels; sizes are those that come out. */
export function maxPool(x, [images, channels, height, width]) {
  return np.max(x.reshape([images, channels, height, 2, width, 2]), [3, 5]);
}

/** Parameters of a model and its loss as a function of them, of a batch and of a key. */
export function imageModel({ encoder, latent, decoder, batch }, testData) {
  const shapes = [];
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const both = (pair) => [pair, pair];
  const pairs = (stride, valid) => both(valid ? [0, 0] : stride === 1 ? [1, 1] : [0, 1]);

  /** The layers as functions of a value and the weight and bias of theirs, and the shape of what comes out. */
  const network = (layers, given) => {
    let shape = given;
    const made = layers.map((layer) => {
      const [channels, height, width] = shape;
      const { features, stride, valid } = layer;
      const at = shapes.length;
      const bias = (h, b, count) => h.add(b.reshape([1, count, 1, 1]));
      if (layer.layer === 'conv') {
        shapes.push([features, channels, 3, 3], [features]);
        const out = (n) => (valid ? Math.floor((n - 3) / stride) + 1 : Math.ceil(n / stride));
        shape = [features, out(height), out(width)];
        const padding = pairs(stride, valid);
        return {
          run: (h, p) => bias(lax.convGeneralDilated(h, p[at].ref, [stride, stride], padding), p[at + 1].ref, features),
          active: true,
        };
      }
      if (layer.layer === 'transposed') {
        // As a convolution of the image with zeros between its pixels; the weights are stored turned round.
        shapes.push([features, channels, 3, 3], [features]);
        shape = [features, height * stride, width * stride];
        const padding = both(stride === 1 ? [1, 1] : [1, 2]);
        const options = { lhsDilation: [stride, stride] };
        return {
          run: (h, p) => bias(lax.convGeneralDilated(h, p[at].ref, [1, 1], padding, options), p[at + 1].ref, features),
          active: true,
        };
      }
      if (layer.layer === 'image') {
        shape = [layer.shape[2], layer.shape[0], layer.shape[1]];
        const to = [batch, ...shape];
        return { run: (h) => h.reshape(to) };
      }
      if (layer.layer === 'maxPool') {
        shape = [channels, height / 2, width / 2];
        const to = [batch, ...shape];
        return { run: (h) => maxPool(h, to) };
      }
      const inputs = size(shape);
      shapes.push([inputs, layer.units], [layer.units]);
      shape = [layer.units];
      return { run: (h, p) => np.matmul(h.reshape([batch, inputs]), p[at].ref).add(p[at + 1].ref), active: true };
    });
    return { made, shape };
  };
  const through = ({ made }, h, p, linearEnd) =>
    made.reduce((value, { run, active }, i) => {
      const out = run(value, p);
      return active && !(linearEnd && i === made.length - 1) ? nn.relu(out) : out;
    }, h);

  const down = network(encoder, [1, 28, 28]);
  const inputs = size(down.shape);
  const heads = shapes.length;
  if (latent !== null) shapes.push([inputs, latent], [latent], [inputs, latent], [latent]);
  const up = network(decoder, latent === null ? down.shape : [latent]);
  const params = shapes.map((shape) => {
    const bound = 1 / Math.sqrt(size(shape.slice(1)));
    return shape.length === 1 ? np.zeros(shape) : np.array(testData(size(shape), -bound, bound)).reshape(shape);
  });
  const x = np.array(testData(batch * 784, 0, 1)).reshape([batch, 1, 28, 28]);
  const softplus = (l) => np.maximum(l.ref, 0).add(np.log1p(np.exp(np.abs(l).neg())));

  const flatten = (h) => h.reshape([batch, inputs]);
  const mean = (flat, p) => np.matmul(flat, p[heads].ref).add(p[heads + 1].ref);
  const code = (p, data) => mean(flatten(through(down, data, p, false)), p);
  const loss = (p, data, key) => {
    const h = through(down, data.ref, p, false);
    const crossEntropy = (logits) => np.sum(softplus(logits.ref).sub(data.mul(logits)));
    if (latent === null) return crossEntropy(through(up, h, p, true)).mul(1 / batch);
    const flat = flatten(h);
    const mu = mean(flat.ref, p);
    const lv = np.matmul(flat, p[heads + 2].ref).add(p[heads + 3].ref);
    const z = mu.ref.add(np.exp(lv.ref.mul(0.5)).mul(random.normal(key, [batch, latent])));
    const kl = np.sum(np.square(mu).add(np.exp(lv.ref)).sub(lv).sub(1)).mul(0.5);
    return crossEntropy(through(up, z, p, true))
      .add(kl)
      .mul(1 / batch);
  };
  return { params, shapes, loss, code, x };
}
