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

const images = tf.sequential({
  layers: [
    tf.layers.zeroPadding2d({ padding: [1, 0], inputShape: [7, 8, 2] }),
    tf.layers.conv2d({ filters: 4, kernelSize: [3, 2], strides: 2, padding: 'same', activation: 'relu' }),
    tf.layers.batchNormalization({ epsilon: 0.01 }),
    tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, padding: 'same' }),
    tf.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
    tf.layers.separableConv2d({ filters: 3, kernelSize: 2, useBias: false, activation: 'tanh' }),
    tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
    tf.layers.averagePooling2d({ poolSize: [2, 1], padding: 'same' }),
    tf.layers.upSampling2d({ size: [2, 3] }),
    tf.layers.cropping2D({
      cropping: [
        [0, 1],
        [1, 0],
      ],
    }),
    dense(4, 'elu', 31),
    tf.layers.globalAveragePooling2d({}),
    dense(2, 'softmax', 32),
  ],
});
const recurrent = { recurrentActivation: 'sigmoid', returnSequences: true, biasInitializer: seed(60) };
const sequences = tf.sequential({
  layers: [
    tf.layers.embedding({ inputDim: 9, outputDim: 3, inputLength: 6 }),
    tf.layers.conv1d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same', activation: 'tanh' }),
    tf.layers.maxPooling1d({ poolSize: 2, strides: 1, padding: 'same' }),
    tf.layers.lstm({ units: 3, ...recurrent }),
    tf.layers.gru({ units: 4, ...recurrent }),
    tf.layers.simpleRNN({ units: 3, activation: 'relu', biasInitializer: seed(61) }),
    tf.layers.repeatVector({ n: 4 }),
    tf.layers.simpleRNN({ units: 2, returnSequences: true }),
    tf.layers.globalMaxPooling1d({}),
  ],
});

// Ones and zeros hide mistakes, and first draws differ from run to run.
let draws = 0;
const everyWeight = (model) => {
  for (const layer of model.layers) {
    layer.setWeights(
      layer.getWeights().map((w, i) => {
        const noise = tf.randomNormal(w.shape, 0, 0.5, 'float32', ++draws);
        return layer.getClassName() === 'BatchNormalization' && i !== 1 ? noise.abs().add(0.5) : noise;
      }),
    );
  }
};
everyWeight(images);
everyWeight(sequences);
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

function computed(model, shape, x = tf.randomNormal([5, ...shape], 0, 1, 'float32', 3)) {
  const y = model.predict(x);
  return { x: { shape: x.shape, data: [...x.dataSync()] }, y: { shape: y.shape, data: [...y.dataSync()] } };
}

const models = {
  sequential: { ...(await saved(sequential)), ...computed(sequential, [4]) },
  functional: { ...(await saved(chain)), ...computed(chain, [2, 3]) },
  branches: await saved(branches),
  images: { ...(await saved(images)), ...computed(images, [7, 8, 2]) },
  sequences: {
    ...(await saved(sequences)),
    ...computed(sequences, [6], tf.randomUniform([5, 6], 0, 9, 'int32', 7).toFloat()),
  },
};
writeFileSync(`${out}/tfjs.json`, `${JSON.stringify(models, null, 1)}\n`);
