import { noGrad } from '@latent/autograd';
import {
  activation,
  activationNames,
  alphaDropout,
  attention,
  avgPool,
  batchNorm,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  crop,
  dense,
  depthwiseConv2d,
  dropout,
  dropout2d,
  embedding,
  flatten,
  globalAvgPool,
  groupNorm,
  gru,
  type Layer,
  type LayerSpec,
  layerNorm,
  lstm,
  type Module,
  maxPool,
  meanSteps,
  minGru,
  network,
  noise,
  pad,
  pixelShuffle,
  pixelUnshuffle,
  positions,
  repeat,
  reshape,
  residual,
  rmsNorm,
  rnn,
  scaleNorm,
  scoring,
  separableConv2d,
  softmax,
  squeezeExcitation,
  transformer,
  upsample,
} from '@latent/nn';
import { overwrite, Rng, type Shape, type Tensor, tensor } from '@latent/tensor';
import { onnxModel } from '../src/index.ts';
import { ACTIVATION, type Case } from './cases.ts';

/** What a layer is tried with. */
interface LayerRow {
  readonly specs: readonly (number | LayerSpec)[];
  readonly input: Shape;
  /** Rows of it; normal numbers by default. */
  readonly rows?: (rng: Rng, shape: Shape) => Tensor;
  /** With an operator over steps, of which ONNX Runtime 1.30 ends the process where there are no rows. */
  readonly recurrent?: true;
}

/** Every two rows of which one is shorter. */
export const lengthsOf = (rows: number, steps: number): Tensor =>
  tensor(Float32Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? steps : 1 + (row % (steps - 1)))));

/** A network with every layer that is registered, by the layer's name. A layer without a row here fails the tests. */
export const LAYERS: Readonly<Record<string, LayerRow>> = {
  dense: {
    specs: [dense(4, { activation: 'tanh' }), dense(3, { bias: false, layerNorm: true, dropout: 0.5 }), 2],
    input: [5],
  },
  activation: { specs: activationNames.map(activation), input: [4] },
  dropout: { specs: [dropout(0.5)], input: [3] },
  alphaDropout: { specs: [alphaDropout(0.5)], input: [3] },
  gaussianNoise: { specs: [noise(2)], input: [3] },
  layerNorm: { specs: [layerNorm({ epsilon: 1e-3 }), layerNorm()], input: [2, 6] },
  reshape: { specs: [reshape([3, 2]), layerNorm(), reshape([6])], input: [6] },
  flatten: { specs: [flatten(), dense(2)], input: [2, 3, 2] },
  softmax: { specs: [3, softmax()], input: [4] },

  conv1d: {
    specs: [conv1d(4, { kernel: 5, stride: 2, padding: 'same' }), conv1d(3, { padding: [[2, 0]], dilation: 2 })],
    input: [9, 2],
  },
  conv2d: {
    specs: [
      conv2d(6, { kernel: [3, 2], stride: [2, 3], padding: [[0, 1], 2], bias: false }),
      conv2d(4, { groups: 2, padding: 'same', norm: groupNorm(2), activation: 'tanh', dropout: 0.1 }),
      conv2d(2, { padding: 1, paddingMode: 'reflect' }),
    ],
    input: [7, 8, 3],
  },
  convTranspose1d: { specs: [convTranspose1d(4, { stride: 3, padding: 1, outputPadding: 1 })], input: [5, 2] },
  convTranspose2d: {
    specs: [
      convTranspose2d(4, { stride: 2, padding: 'same', groups: 2 }),
      convTranspose2d(3, { kernel: 2, stride: [3, 1], padding: 'same' }),
      convTranspose2d(2, { padding: [[1, 0], 2], dilation: 2 }),
    ],
    input: [3, 4, 2],
  },
  depthwiseConv2d: { specs: [depthwiseConv2d({ padding: 1, multiplier: 2 })], input: [5, 4, 3] },
  separableConv2d: { specs: [separableConv2d(5, { stride: 2, multiplier: 2 })], input: [6, 7, 3] },
  maxPool: {
    specs: [maxPool(3, { stride: 2, padding: 1, ceil: true }), maxPool(2, { dilation: 2 })],
    input: [9, 8, 2],
  },
  avgPool: {
    specs: [avgPool(3, { stride: 2, padding: 'same', ceil: true }), avgPool(2, { countPadding: true, padding: 1 })],
    input: [7, 6, 2],
  },
  globalAvgPool: { specs: [globalAvgPool(), 3], input: [4, 5, 3] },
  upsample: { specs: [upsample({ factor: 2 }), upsample({ size: [5, 9], mode: 'bilinear' })], input: [3, 4, 2] },
  pixelShuffle: { specs: [pixelShuffle(2)], input: [2, 3, 8] },
  pixelUnshuffle: { specs: [pixelUnshuffle(2)], input: [4, 6, 2] },
  pad: {
    specs: [
      pad(1, { value: 3 }),
      pad(
        [
          [2, 1],
          [0, 3],
        ],
        { mode: 'circular' },
      ),
    ],
    input: [4, 3, 2],
  },
  crop: {
    specs: [
      crop([
        [1, 0],
        [0, 2],
      ]),
    ],
    input: [4, 3, 2],
  },
  batchNorm: { specs: [batchNorm(), 4, batchNorm({ epsilon: 1e-3 })], input: [3, 2, 4] },
  groupNorm: { specs: [groupNorm(2)], input: [3, 2, 4] },
  rmsNorm: { specs: [rmsNorm()], input: [3, 4] },
  scaleNorm: { specs: [scaleNorm(), scaleNorm({ epsilon: 3 })], input: [3, 4] },
  dropout2d: { specs: [dropout2d(0.3)], input: [3, 2, 4] },
  squeezeExcitation: { specs: [squeezeExcitation({ reduction: 2 })], input: [3, 2, 4] },
  residual: {
    specs: [
      residual([conv2d(4, { kernel: 2, padding: 'same' })], { activation: 'relu' }),
      residual([conv2d(4, { kernel: 2, stride: 2 })], { shortcut: [avgPool(2)] }),
    ],
    input: [4, 4, 3],
  },

  lstm: {
    specs: [lstm(3, { layers: 2, bidirectional: true, returnSequences: true }), lstm(4)],
    input: [6, 2],
    recurrent: true,
  },
  gru: {
    specs: [gru(3, { bidirectional: true, returnSequences: true }), gru(4, { resetAfter: false })],
    input: [5, 2],
    recurrent: true,
  },
  rnn: { specs: [rnn(3, { returnSequences: true }), rnn(4, { activation: 'relu' })], input: [5, 2], recurrent: true },
  minGru: { specs: [minGru(3, { returnSequences: true }), minGru(4)], input: [11, 2] },
  attention: { specs: [attention(2), attention(2, { causal: true })], input: [5, 4] },
  transformer: { specs: [positions(), transformer(2, { causal: true })], input: [5, 4] },
  positions: { specs: [positions(), positions({ kind: 'sinusoid' })], input: [5, 4] },
  embedding: {
    specs: [embedding(7, 3, { padding: 0 }), meanSteps()],
    input: [4],
    rows: (rng, shape) => tensor(rng.uniform(shape, { high: 7 }).data.map(Math.floor), { shape }),
  },
  meanSteps: { specs: [dense(3, { perStep: true }), meanSteps()], input: [5, 2] },
  repeat: {
    specs: [repeat(4, { positions: 2 }), lstm(3, { returnSequences: true }), gru(2)],
    input: [3],
    recurrent: true,
  },
};

/** Gives every parameter numbers of its own: first values such as ones and zeros hide mistakes. */
export function shaken<M extends Module>(module: M, seed = 1, std = 0.5): M {
  const rng = new Rng(seed);
  for (const [, x] of module.namedTensors()) overwrite(x, x.add(rng.normal(x.shape, { std })));
  return module;
}

/** A network as a graph, and what it makes of rows, which may have lengths. */
export function networkCase(name: string, module: Layer, x: Tensor, lengths?: Tensor): Case {
  const y = noGrad(() => scoring(() => module.forward(x, lengths === undefined ? {} : { lengths })));
  const ends = lengths && { lengths: { type: 'int64' as const, dims: lengths.shape, data: Array.from(lengths.data) } };
  return {
    name,
    model: onnxModel(module, { input: x.shape.slice(1), lengths: lengths !== undefined }),
    inputs: { x: { type: 'float', dims: x.shape, data: Array.from(x.data) }, ...ends },
    expected: { y: { dims: y.shape, data: Array.from(y.data), ...ACTIVATION } },
  };
}

/** Every registered layer, and every activation by itself at small and large values, for no row, one and several. */
export function layerCases(): Case[] {
  const layers = Object.entries(LAYERS).flatMap(([name, { specs, input, rows: draw, recurrent }]) =>
    (recurrent ? [1, 4] : [0, 1, 4]).map((rows) => {
      const shape = [rows, ...input];
      const x = draw?.(new Rng(rows), shape) ?? new Rng(rows).normal(shape);
      return networkCase(`${name}, ${rows} rows`, networkOf(specs, input), x);
    }),
  );
  const shorter = ['lstm', 'gru', 'rnn', 'minGru', 'attention', 'transformer', 'meanSteps'].map((name) => {
    const { specs, input } = LAYERS[name] as LayerRow;
    const x = new Rng(5).normal([4, ...input]);
    return networkCase(`${name} of rows with lengths`, networkOf(specs, input), x, lengthsOf(4, input[0] as number));
  });
  const activations = activationNames.flatMap((name) =>
    [1e-3, 1, 20].map((scale) =>
      networkCase(
        `${name} of values up to ${scale}`,
        network([activation(name)], { input: [16], rng: new Rng(0) }),
        new Rng(8).normal([8, 16], { std: scale }),
      ),
    ),
  );
  return [...layers, ...shorter, ...activations];
}

const networkOf = (specs: LayerRow['specs'], input: Shape): Layer =>
  shaken(network(specs, { input, rng: new Rng(3), activation: 'elu' }));
