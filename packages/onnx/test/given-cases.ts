// Models whose rows come with something beside them: a condition, or the lengths of sequences.
import {
  type Batch,
  characters,
  conv1d,
  dense,
  END,
  embedding,
  flatten,
  lstm,
  minGru,
  standardise,
  transformer,
} from '@latent/nn';
import { oneHot, Rng, type Tensor, tensor } from '@latent/tensor';
import {
  Autoencoder,
  bivariateMixture,
  boundScore,
  type ConditionOptions,
  categorical,
  composite,
  contributionsScore,
  gaussian,
  likelihoodScore,
  type Score,
  tokens,
  Vae,
} from '@latent/vae';
import { onnxModel } from '../src/index.ts';
import { type Case, type CaseInput, SCORE } from './cases.ts';
import { shaken } from './layer-cases.ts';
import { classesOf, columnsOf, given, outputs, scoreOf, vaeCases, vaeOf, wanted } from './vae-cases.ts';

/** Conditions of both kinds, over rows of numbers, with holes, and over pictures. */
export function conditionCases(): Case[] {
  const x = new Rng(3).normal([6, 4]);
  const holes = tensor(
    x.data.map((value, i) => (i % 5 === 2 ? Number.NaN : value)),
    { shape: [6, 4] },
  );
  const classes = classesOf([2, 0, 1, 1, 0, 2], 3);
  const columns = columnsOf(new Rng(4).normal([6, 2]));
  const pictures = new Rng(5).normal([6, 2, 3, 1]);
  const incomplete = vaeOf(4, gaussian(), { condition: { columns: 2 }, missing: true });
  return [
    ...vaeCases('of classes', vaeOf(4, gaussian(), { condition: { classes: 3 } }), x, classes),
    ...vaeCases('of columns, with holes', incomplete, holes, columns),
    ...vaeCases(
      'pictures of classes',
      vaeOf(0, gaussian(), { event: [2, 3, 1], encoder: [flatten(), 5], condition: { classes: 3 } }),
      pictures,
      classes,
    ),
    {
      name: 'imputer of rows with a condition',
      model: onnxModel(incomplete, { graph: 'imputer' }),
      inputs: { x: given(holes), condition: columns.input },
      expected: { rows: wanted(filled(holes, incomplete.reconstruct(holes, columns.own))) },
    },
    {
      name: 'detector of rows with a condition',
      model: onnxModel(incomplete, { graph: 'detector', score: 'reconstructionError', threshold: 3 }),
      inputs: { x: given(holes), condition: columns.input },
      expected: { score: wanted(incomplete.reconstructionError(holes, columns.own), SCORE) },
    },
  ];
}

function filled(rows: Tensor, made: Tensor): Tensor {
  const values = made.data;
  return tensor(
    rows.data.map((value, i) => (Number.isNaN(value) ? (values[i] as number) : value)),
    { shape: rows.shape },
  );
}

type Series = readonly (readonly (readonly number[])[])[];

const letters = characters('abcdefgh');
const names = ['abba', 'bea', 'ed', 'fee', 'badge', 'a', 'hedge'];
/** Waves of 1 to 7 steps of two columns on scales of their own. */
const waves: Series = Array.from({ length: 7 }, (_, r) =>
  Array.from({ length: 1 + ((r * 5) % 7) }, (_, t) => [10 * Math.sin(t / 2 + r), 300 + t]),
);
/** The same on scales of order 1. */
const calm: Series = waves.map((row) => row.map(([a = 0, b = 0]) => [a / 10, (b - 300) / 4]));
/** Strokes of a pen: an offset, and one of down, up, end. */
const strokes: Series = Array.from({ length: 6 }, (_, r) =>
  Array.from({ length: 2 + (r % 5) }, (_, t) => [
    t - r / 3,
    Math.cos(t + r),
    ...(t === 1 + (r % 5) ? [0, 0, 1] : t % 2 ? [0, 1, 0] : [1, 0, 0]),
  ]),
);
const STEPS = 8;
const ofWaves = { sequence: { steps: STEPS, features: 2 }, latentSize: 2, reconstruction: gaussian() };
const ofNames = {
  sequence: { steps: STEPS, tokenizer: letters, previous: { width: 6 } },
  latentSize: 3,
  encoder: [embedding(letters.size, 6), lstm(5, { bidirectional: true })],
  decoder: [lstm(6, { returnSequences: true })],
  reconstruction: tokens(letters.size),
};
const ofStrokes = {
  sequence: { steps: STEPS, features: 5, stop: { column: 4, value: 1 }, previous: true },
  encoder: [lstm(6)],
  decoder: [minGru(7, { returnSequences: true }), dense(6, { perStep: true })],
  reconstruction: composite([
    [2, bivariateMixture({ components: 2 })],
    [3, categorical()],
  ]),
};

/** Sequences as a file takes them: padded, here by numbers that must make no difference, with their lengths. */
interface Padded {
  readonly rows: Tensor;
  readonly inputs: Case['inputs'];
  readonly beside: Batch;
}

function padded(series: Series, type: CaseInput['type']): Padded {
  const width = series[0]?.[0]?.length ?? 1;
  const all = (rest: number): number[] =>
    series.flatMap((row) => Array.from({ length: STEPS }, (_, t) => row[t] ?? new Array(width).fill(rest)).flat());
  const shape = [series.length, STEPS, width];
  const lengths = tensor(series.map(({ length }) => length));
  const rows = { type, dims: shape, data: all(7).map((value) => (type === 'float' ? Math.fround(value) : value)) };
  return {
    rows: tensor(all(0), { shape }),
    inputs: { x: rows, lengths: given(lengths, 'int64') },
    beside: { lengths },
  };
}

/** Texts as the numbers of their tokens. */
function paddedTexts(texts: readonly string[]): Padded {
  const series = texts.map((text) => [...letters.encode(text), END].map((token) => [token]));
  const { rows, inputs, beside } = padded(series, 'float');
  const dims = [texts.length, STEPS];
  return { rows: rows.reshape(dims), inputs: { ...inputs, x: { ...(inputs.x as CaseInput), dims } }, beside };
}

/** What a model's own methods make of sequences, which its graphs must. */
function sequenceCases(name: string, model: Vae, data: never, { inputs }: Padded, own: ConditionOptions = {}): Case[] {
  const z = new Rng(3).normal([5, model.options.latentSize]);
  const condition = inputs.condition && { ...inputs.condition, dims: [5], data: inputs.condition.data.slice(0, 5) };
  const first = own.condition === undefined ? {} : { condition: (own.condition as number[]).slice(0, 5) };
  const near = { absolute: 4e-6, relative: 4e-6 };
  return [
    {
      name: `${name}: encoder`,
      model: onnxModel(model, { graph: 'encoder' }),
      inputs,
      expected: { mean: wanted(model.encode(data, own).mean) },
    },
    {
      name: `${name}: decoder`,
      model: onnxModel(model, { graph: 'decoder' }),
      inputs: { z: given(z), ...(condition && { condition }) },
      expected: { mean: wanted(model.decode(z, first), near) },
    },
    {
      name: `${name}: reconstruction`,
      model: onnxModel(model, { graph: 'reconstruction' }),
      inputs,
      expected: { reconstruction: wanted(model.reconstruct(data, own), near) },
    },
    {
      name: `${name}: reconstruction error`,
      model: onnxModel(model, { graph: 'reconstructionError' }),
      inputs,
      expected: { error: wanted(model.reconstructionError(data, own), SCORE) },
    },
  ];
}

/** Scores of sequences with draws, of models without a transform. */
function drawnCases(name: string, model: Vae, { rows, inputs, beside }: Padded): Case[] {
  const eps = new Rng(9).normal([2, rows.shape[0] as number, model.options.latentSize]);
  const scores: readonly Score<string>[] = [boundScore, contributionsScore, likelihoodScore];
  return scores.map((score) => ({
    name: `${name}: ${score.name} of two draws`,
    model: onnxModel(model, { graph: score, noise: 'input', samples: 2 }),
    inputs: { ...inputs, eps: given(eps) },
    expected: outputs(score, scoreOf(model, score, rows, eps, 2, beside)),
  }));
}

function autoencoderCases(name: string, model: Autoencoder, data: never, { inputs }: Padded): Case[] {
  const near = { absolute: 4e-6, relative: 4e-6 };
  const codes = model.encode(data);
  const score = model.reconstructionError(data);
  return [
    {
      name: `${name}: encoder`,
      model: onnxModel(model, { graph: 'encoder' }),
      inputs,
      expected: { code: wanted(codes) },
    },
    {
      name: `${name}: decoder`,
      model: onnxModel(model, { graph: 'decoder' }),
      inputs: { z: given(codes) },
      expected: { mean: wanted(model.decode(codes), near) },
    },
    {
      name: `${name}: reconstruction`,
      model: onnxModel(model, { graph: 'reconstruction' }),
      inputs,
      expected: { reconstruction: wanted(model.reconstruct(data), near) },
    },
    {
      name: `${name}: detector`,
      model: onnxModel(model, { graph: 'detector', threshold: 1 }),
      inputs,
      expected: { score: wanted(score, SCORE) },
    },
  ];
}

/** Sequences: all encoders and decoders that treat their ends, with a scale learned of the steps, texts, and rows that stop. */
export async function lengthCases(): Promise<Case[]> {
  const [floats, doubles, texts] = [padded(calm, 'float'), padded(waves, 'double'), paddedTexts(names)];
  const pens = padded(strokes, 'float');
  const classes = [0, 1, 1, 0, 1, 0, 0];
  const quick = { epochs: 2, batchSize: 4, onWarning: () => {} };

  const learned = new Vae({ ...ofWaves, encoder: [lstm(5)], transform: standardise() });
  await learned.fit(waves as never, quick);
  const series = shaken(new Vae({ ...ofWaves, encoder: [lstm(4, { bidirectional: true })] }), 2, 0.2);
  const attentive = shaken(
    new Vae({ ...ofWaves, encoder: [dense(4, { perStep: true }), transformer(2), flatten()] }),
    2,
    0.1,
  );
  const convolved = shaken(new Vae({ ...ofWaves, encoder: [conv1d(4, { kernel: 3, stride: 2 })] }), 2, 0.1);
  const sorted = shaken(new Vae({ ...ofWaves, encoder: [lstm(4)], condition: { classes: 2 } }), 2, 0.2);
  const texted = shaken(new Vae(ofNames), 3, 0.4);
  const drawn = shaken(new Vae({ ...ofStrokes, latentSize: 2 }), 4, 0.4);
  const coded = new Autoencoder({
    ...{ sequence: ofWaves.sequence, encoder: [lstm(5), 3], transform: standardise(), reconstruction: gaussian() },
  });
  await coded.fit(waves as never, quick);
  const { latentSize: _, encoder: __, ...ofTexts } = ofNames;
  const spelt = shaken(new Autoencoder({ ...ofTexts, encoder: [embedding(letters.size, 6), lstm(4)] }), 3, 0.4);

  const ofClasses: Padded = {
    ...floats,
    inputs: { ...floats.inputs, condition: given(tensor(classes), 'int64') },
    beside: { ...floats.beside, condition: oneHot(tensor(classes), 2) },
  };
  return [
    ...sequenceCases('series on a scale', learned, waves as never, doubles),
    ...sequenceCases('series', series, calm as never, floats),
    ...drawnCases('series', series, floats),
    ...sequenceCases('series through attention', attentive, calm as never, floats),
    ...sequenceCases('series through convolutions', convolved, calm as never, floats),
    ...sequenceCases('series of classes', sorted, calm as never, ofClasses, { condition: classes }),
    ...drawnCases('series of classes', sorted, ofClasses),
    ...sequenceCases('texts, each token after the one before', texted, names as never, texts),
    ...drawnCases('texts', texted, texts),
    ...sequenceCases('rows that stop', drawn, strokes as never, pens),
    ...autoencoderCases('autoencoder of series', coded, waves as never, doubles),
    ...autoencoderCases('autoencoder of texts', spelt, names as never, texts),
  ];
}
