// Makes the small files of TensorFlow.js that its reader is tested with: node golden.js ../../packages/onnx/test/golden
import { mkdirSync, writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';

const out = process.argv[2];
mkdirSync(out, { recursive: true });
await tf.setBackend('cpu');
const seed = (n) => tf.initializers.randomNormal({ stddev: 0.5, seed: n });
const dense = (units, activation, n, more = {}) =>
  tf.layers.dense({ units, activation, kernelInitializer: seed(n), biasInitializer: seed(n + 50), ...more });

const sequential = tf.sequential({
  layers: [
    dense(6, 'relu', 1, { inputShape: [4] }),
    tf.layers.dropout({ rate: 0.4 }),
    tf.layers.layerNormalization(),
    dense(5, 'tanh', 2, { useBias: false }),
    tf.layers.activation({ activation: 'elu' }),
    tf.layers.gaussianNoise({ stddev: 0.1 }),
    dense(5, 'swish', 3),
    dense(3, 'softmax', 4),
  ],
});
const input = tf.input({ shape: [2, 3] });
const flat = tf.layers.flatten().apply(input);
const hidden = dense(4, 'selu', 11).apply(flat);
const shaped = tf.layers.reshape({ targetShape: [2, 2] }).apply(tf.layers.reshape({ targetShape: [-1] }).apply(hidden));
const normal = tf.layers.layerNormalization({ axis: 2, scale: false, epsilon: 0.01 }).apply(shaped);
const chain = tf.model({
  inputs: input,
  outputs: dense(2, 'sigmoid', 13).apply(tf.layers.flatten().apply(tf.layers.reLU().apply(normal))),
});
const branches = tf.model({
  inputs: input,
  outputs: tf.layers.add().apply([dense(2, 'relu', 21).apply(flat), dense(2, 'relu', 22).apply(flat)]),
});

// Ones and zeros hide mistakes.
for (const model of [sequential, chain]) {
  for (const layer of model.layers.filter((each) => each.getClassName() === 'LayerNormalization')) {
    layer.setWeights(layer.getWeights().map((w, i) => w.add(tf.randomNormal(w.shape, 0, 0.5, 'float32', i + 1))));
  }
}

async function saved(model) {
  let artifacts;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artifacts;
  const bytes = new Uint8Array(Array.isArray(weightData) ? await new Blob(weightData).arrayBuffer() : weightData);
  // In two files, as a converter splits large ones.
  const cut = Math.floor(bytes.length / 2) + 1;
  const json = {
    format: 'layers-model',
    modelTopology,
    weightsManifest: [{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: weightSpecs }],
  };
  return { json, shards: [bytes.slice(0, cut), bytes.slice(cut)].map((part) => Buffer.from(part).toString('base64')) };
}

function computed(model, shape) {
  const x = tf.randomNormal([5, ...shape], 0, 1, 'float32', 3);
  const y = model.predict(x);
  return { x: { shape: x.shape, data: [...x.dataSync()] }, y: { shape: y.shape, data: [...y.dataSync()] } };
}

const models = {
  sequential: { ...(await saved(sequential)), ...computed(sequential, [4]) },
  functional: { ...(await saved(chain)), ...computed(chain, [2, 3]) },
  branches: await saved(branches),
};
writeFileSync(`${out}/tfjs.json`, `${JSON.stringify(models, null, 1)}\n`);
