// Every public function with every value that its declared types rule out: it does what its words say, or throws a sentence
// that begins with a name. What is public and what it takes is read off the declarations, so a new function is tried without a
// row here, or fails for want of a good call.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parameter } from '@latent/autograd';
import { Rng, type Tensor, tensor, zeros } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { callablesOf, type Surface, wrongOf } from '../../../scripts/surface/refusals.ts';
import * as nn from './index.ts';

const rng = (): Rng => new Rng(1);
const drawn = () => ({ rng: rng() });
const x = (): Tensor => tensor([[1, 2]]);
const rows = (): number[][] => [
  [1, 2],
  [3, 4],
  [5, 7],
];
const linear = (): nn.Linear => new nn.Linear(2, 1, drawn());
const picture = (): Tensor => zeros([1, 4, 4, 2]);
const series = (): Tensor => zeros([1, 4, 2]);
const kernel = () => ({ ...drawn(), kernel: 2 });
const sides = (): [number, number][] => [
  [0, 1],
  [0, 1],
];
const weights = (): Tensor[] => {
  const w = parameter([1, 2]);
  w.sum().backward();
  return [w];
};
const rate = { rate: 0.1 };
class Sum extends nn.Module {
  readonly w = parameter([1, 2]);
  parts({ x }: nn.Batch): nn.Parts {
    return { loss: (x as Tensor).mul(this.w).sum() };
  }
}

const surface: Surface = {
  folder: 'nn',
  exports: nn,
  values: {
    'readonly string[]': () => ['ab', 'c'],
    'ArrayLike<number> | readonly ArrayLike<number>[] | Tensor': () => [1, 2, 3],
    WindowsOptions: () => ({ size: 2 }),
    Tensor: x,
    number: () => 2,
    string: () => 'x',
    Rng: rng,
    Shape: () => [2],
    Module: linear,
    Layer: linear,
    PerAxis: () => 2,
    '{ readonly rng: Rng; }': drawn,
    'readonly LayerSpec[]': () => [nn.dense(2)],
    'readonly Tensor[]': weights,
    'Readonly<Record<string, Tensor>>': () => linear().stateDict(),
    'Layer & { readonly weight: Tensor; }': linear,
    Transform: () => nn.standardise(),
    Rows: rows,
    TypedArray: () => Float32Array.of(1, 2),
    'Tensor | TensorData': () => [1, 2],
  },
  calls: {
    'Windows.perPoint': () => [[1, 2]],
    normalQuantile: () => [0.5],
    uniformInit: () => [-1, 1],
    crossEntropy: () => [x(), [1]],
    constantSchedule: () => [rate],
    exponentialSchedule: () => [{ ...rate, gamma: 0.5 }],
    stepSchedule: () => [{ ...rate, gamma: 0.5, every: 2 }],
    mapSchedule: () => [{ rates: { 0: 0.1 } }],
    inverseSchedule: () => [{ ...rate, gamma: 0.5 }],
    polynomialSchedule: () => [{ ...rate, steps: 3 }],
    cosineSchedule: () => [{ ...rate, steps: 3 }],
    oneCycleSchedule: () => [{ ...rate, steps: 3 }],
    warmUpSchedule: () => [{ steps: 2, after: nn.constantSchedule(rate) }],
    plateauSchedule: () => [rate],
    'ArrayDataset.split': () => [drawn()],
    dataset: () => [{ x: rows() }],
    trainTestSplit: () => [rows(), drawn()],
    images: () => [new Uint8Array(12), { shape: [2, 2, 3] }],
    pictures: () => [zeros([1, 2, 2, 3])],
    stream: () => [() => [rows()], { spec: { x: [2] } }],
    'new Activation': () => ['relu'],
    activation: () => ['relu'],
    'Activation.loadStateDict': () => [{}],
    'new AlphaDropout': () => [0.1, drawn()],
    alphaDropout: () => [0.1],
    'new Dropout': () => [0.1, drawn()],
    dropout: () => [0.1],
    'new Dropout2d': () => [0.1, drawn()],
    dropout2d: () => [0.1],
    'Dropout2d.forward': () => [picture()],
    'new GaussianNoise': () => [0.1, drawn()],
    noise: () => [0.1],
    'new Conv1d': () => [1, 2, kernel()],
    'new Conv2d': () => [1, 2, kernel()],
    'new ConvTranspose1d': () => [1, 2, kernel()],
    'new ConvTranspose2d': () => [1, 2, kernel()],
    'Conv1d.forward': () => [series()],
    'Conv2d.forward': () => [picture()],
    'ConvTranspose1d.forward': () => [series()],
    'ConvTranspose2d.forward': () => [picture()],
    foldBatchNorm: () => [new nn.Sequential(new nn.Conv2d(2, 1, kernel()))],
    channelsFirst: () => [zeros([2, 12]), [2, 3, 2]],
    channelsLast: () => [zeros([2, 12]), [2, 3, 2]],
    weightFromKeras: () => [linear(), zeros([2, 1])],
    'AvgPool.forward': () => [picture()],
    'MaxPool.forward': () => [picture()],
    'GlobalAvgPool.forward': () => [picture()],
    'new Crop': () => [sides()],
    'new Pad': () => [sides()],
    crop: () => [1],
    pad: () => [1],
    'Crop.forward': () => [picture()],
    'Pad.forward': () => [picture()],
    'PixelShuffle.forward': () => [zeros([1, 2, 2, 4])],
    'new Upsample': () => [{ factor: 2 }],
    'Upsample.forward': () => [picture()],
    'new Residual': () => [new nn.Activation('relu')],
    residual: () => [[nn.activation('relu')]],
    'new SqueezeExcitation': () => [4, drawn()],
    'SqueezeExcitation.forward': () => [zeros([1, 2, 2, 4])],
    'new GroupNorm': () => [1, 2],
    groupNorm: () => [1],
    'BatchNorm.forward': () => [zeros([3, 2])],
    'new Linear': () => [2, 1, drawn()],
    'Gru.run': () => [series()],
    'MinGru.run': () => [series()],
    'Gru.forward': () => [series()],
    'MinGru.forward': () => [series()],
    'MeanSteps.forward': () => [series()],
    'Positions.forward': () => [series()],
    'MultiHeadAttention.forward': () => [series()],
    'TransformerBlock.forward': () => [series()],
    'Embedding.forward': () => [tensor([[0, 1]])],
    parameterOf: () => ['bias', [1, 2]],
    network: () => [[2], { input: [2], ...drawn() }],
    sgd: () => [{ learningRate: 0.1 }],
    nesterov: () => [{ learningRate: 0.1 }],
    weightPenalty: () => [linear(), { l1: 1 }],
    applyConstraints: () => [linear(), []],
    'Optimizer.loadState': () => [nn.adam().create(weights()).state()],
    'Kind.define': () => [`mine ${Math.random()}`, { options: {}, build: () => ({}) }],
    'Kind.known': () => [`mine ${Math.random()}`, { options: {}, build: () => ({}) }],
    'QuantileSketch.add': () => [[1, 2, 3]],
    'Kind.part': () => ['mine', { options: {}, build: () => ({}) }],
    readFileBytes: () => [import.meta.filename],
    readFileIfThere: () => ['no such file'],
    writeFileAtomically: () => [join(tmpdir(), 'latent-surface'), new Uint8Array(2)],
    decodeSafetensors: () => [nn.encodeSafetensors({ x: x() })],
    encodeSafetensors: () => [{ x: x() }],
    fit: () => [new Sum(), nn.dataset({ x: rows() }), { epochs: 1 }],
    'FittedTransform.learned': () => [0],
    perColumn: () => [[{ columns: [0], transform: nn.standardise() }]],
    defineTransform: () => [`mine ${Math.random()}`, {}, () => ({})],
  },
  instances: {
    Windows: () => nn.windows([1, 2, 3], { size: 2 }),
    ArrayDataset: () => nn.dataset({ x: rows() }),
    Activation: () => new nn.Activation('relu'),
    AlphaDropout: () => new nn.AlphaDropout(0.1, drawn()),
    Dropout: () => new nn.Dropout(0.1, drawn()),
    Dropout2d: () => new nn.Dropout2d(0.1, drawn()),
    GaussianNoise: () => new nn.GaussianNoise(0.1, drawn()),
    LayerNorm: () => new nn.LayerNorm(2),
    Linear: linear,
    BatchNorm: () => new nn.BatchNorm(2),
    GroupNorm: () => new nn.GroupNorm(1, 2),
    RmsNorm: () => new nn.RmsNorm(2),
    ScaleNorm: () => new nn.ScaleNorm(2),
    Sequential: () => new nn.Sequential(linear()),
    Reshape: () => new nn.Reshape([2, 1]),
    Softmax: () => new nn.Softmax(),
    Conv1d: () => new nn.Conv1d(2, 2, kernel()),
    Conv2d: () => new nn.Conv2d(2, 2, kernel()),
    ConvTranspose1d: () => new nn.ConvTranspose1d(2, 2, kernel()),
    ConvTranspose2d: () => new nn.ConvTranspose2d(2, 2, kernel()),
    AvgPool: () => new nn.AvgPool(2),
    MaxPool: () => new nn.MaxPool(2),
    GlobalAvgPool: () => new nn.GlobalAvgPool(),
    Residual: () => new nn.Residual(new nn.Activation('relu')),
    Crop: () => new nn.Crop(sides()),
    Pad: () => new nn.Pad(sides()),
    PixelShuffle: () => new nn.PixelShuffle(2),
    Upsample: () => new nn.Upsample({ factor: 2 }),
    SqueezeExcitation: () => new nn.SqueezeExcitation(4, drawn()),
    Gru: () => new nn.Gru(2, 2, drawn()),
    MinGru: () => new nn.MinGru(2, 2, drawn()),
    MultiHeadAttention: () => new nn.MultiHeadAttention(2, 1, drawn()),
    TransformerBlock: () => new nn.TransformerBlock(2, 1, drawn()),
    Positions: () => new nn.Positions(4, 2, drawn()),
    Embedding: () => new nn.Embedding(3, 2, drawn()),
    MeanSteps: () => new nn.MeanSteps(),
    Repeat: () => new nn.Repeat(3, { positions: 2 }),
    Optimizer: () => nn.adam().create(weights()),
    Kind: () => new nn.Kind('kind'),
    QuantileSketch: () => {
      const sketch = new nn.QuantileSketch();
      sketch.add([1, 2, 3]);
      return sketch;
    },
    FittedTransform: () => nn.standardise().fit(rows()),
  },
  innerTypes: ['Context', 'RunOptions'],
  takes: {
    // A series of numbers is one too.
    windows: ['series.0 five'],
    'new Upsample': ['options left'],
    weightPenalty: ['options left'],
  },
  inner: [
    // Of sequences, for models: given what they have parsed.
    ...['lengthsOf', 'placeOf', 'stepsAsRows', 'zeroPadded', 'tokenRows', 'tokenizerCheck', 'bucketsOf', 'advanced'],
    ...['SequenceDataset.*', 'new SequenceDataset', 'new Windows', 'Gru.advance', 'MinGru.advance'],
    'Sequential.advance',
    // For who writes a trainer or a data set: given what `fit` and `dataset` have checked.
    ...[
      'trainStep',
      'SplitStep.*',
      'Evaluation.*',
      'new Evaluation',
      'specCheck',
      'stepping',
      'trainingAlone',
      'isTraining',
      'scoring',
      'inLayer',
      'weightsOf',
      'roleOf',
    ],
    ...['new Optimizer', 'Optimizer.refuses', 'optimizerPart', 'defineOptimizer', 'followsLoss', 'DivergedError.*'],
    ...['new ArrayDataset', 'ArrayDataset.pass', 'ArrayDataset.fill', 'ArrayDataset.scan', 'ArrayDataset.mapped'],
    ...['ArrayDataset.rows', 'new StreamDataset', 'StreamDataset.pass', 'StreamDataset.scan', 'StreamDataset.mapped'],
    ...['parseRows', 'scanned', 'isList', 'fitRows', 'fitDataset', 'aligned', 'crc32', 'modelTensors'],
    ...['new FittedTransform', 'FittedTransform.forward', 'FittedTransform.logJacobian', 'FittedTransform.fromConfig'],
    // For who writes layers, networks and parts: given what their options' checks have passed.
    ...['mirrored', 'buildNetwork', 'shapesOf', 'sameNetwork', 'opening', 'probedShape', 'sameShapeLayer', 'zerosInit'],
    ...['onesInit', 'encodesAnySteps', 'decodesAnySteps', 'withinLengths', 'repeatedContext', 'layerParameter'],
    ...['withoutFirstWeights', 'checkRoomInFile', 'activationCheck', 'dropoutCheck', 'rateCheck', 'generatorCheck'],
    ...['partOf', 'toJson', 'Kind.is', 'Kind.resolve', 'Kind.register', 'Kind.definition'],
    ...[
      'new Rnn',
      'new RecurrentLayer',
      'new Lstm',
      'new Gru',
      'new MinGru',
      'new MultiHeadAttention',
      'new Embedding',
    ],
    ...['new TransformerBlock', 'new Positions', 'recurrentToKeras', 'recurrentFromKeras', 'Gru.run', 'MinGru.run'],
  ],
};

describe.each(callablesOf(surface).map((callable) => [callable.name, callable] as const))('%s', (_name, callable) => {
  it('refuses what its types rule out', async () => expect(await wrongOf(callable, surface)).toEqual([]));
});
