// Every public function with every value that its declared types rule out: it does what its words say, or throws a sentence
// that begins with a name. What is public and what it takes is read off the declarations, so a new function is tried without a
// row here, or fails for want of a good call.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FitEvent } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { callablesOf, type Surface, wrongOf } from '../../../scripts/surface/refusals.ts';
import * as vae from './index.ts';

const rng = (): Rng => new Rng(1);
const rows = (): number[][] => [
  [0.1, 0.9],
  [0.7, 0.2],
  [0.5, 0.4],
];
const x = (): Tensor => tensor(rows());
const run = () => ({ epochs: 1, onWarning: () => {} });
const vaeOptions = () => ({ inputSize: 2, latentSize: 2, encoder: [3], reconstruction: vae.gaussian() });
const model = (): vae.Vae => new vae.Vae({ ...vaeOptions(), missing: true });
const vqOptions = () => ({
  ...{ inputSize: 2, encoder: [3], codes: 2, codeSize: 2, places: 1, reconstruction: vae.gaussian() },
  prior: { width: 4, layers: 1, heads: 2 },
});
const sparseOptions = () => ({ inputSize: 2, features: 4, active: 1 });
const hierarchicalOptions = () => ({
  ...{ inputSize: 2, encoder: [[3], [2]], latentSizes: [2, 1], reconstruction: vae.gaussian() },
});
const maskedOptions = () => ({ inputSize: 2, encoder: [3] });
const semiOptions = () => ({ ...vaeOptions(), classes: 2 });
const autoencoder = (): vae.Autoencoder => new vae.Autoencoder({ inputSize: 2, encoder: [2] });
const labels = (): number[] => [0, 1, 1];
const params = (): Tensor => new Rng(2).normal([3, 4]);
const event = (): FitEvent => ({
  epoch: 1,
  epochs: 2,
  step: 1,
  steps: 2,
  rows: 5,
  rowsPerSecond: 3,
  secondsLeft: 2,
  loss: 1,
});
const folder = mkdtempSync(join(tmpdir(), 'latent-surface-'));
const file = join(folder, 'autoencoder');
writeFileSync(file, autoencoder().toBytes());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trained = new vae.VqVae(vqOptions());
await trained.fit(rows(), run());
await trained.fitPrior(rows(), run());
const trainedVq = trained.toBytes();

const surface: Surface = {
  folder: 'vae',
  exports: vae,
  models: Object.keys(vae).filter(
    (name) => (vae as never)[name] && ((vae as never)[name] as { prototype?: unknown }).prototype instanceof vae.Model,
  ),
  values: {
    Tensor: x,
    number: () => 2,
    Rng: rng,
    Rows: rows,
    Row: () => [0.1, 0.9],
    'Dataset | Rows': rows,
    Batch: () => ({ x: x() }),
    VaeOptions: vaeOptions,
    AutoencoderOptions: () => ({ inputSize: 2, encoder: [2] }),
    DenoisingAutoencoderOptions: () => ({ inputSize: 2, encoder: [2] }),
    'ModelFitOptions<never>': run,
    FitOptions: run,
    VampPriorOptions: () => ({ components: 2 }),
    VqVaeOptions: vqOptions,
    SparseAutoencoderOptions: sparseOptions,
    HierarchicalVaeOptions: hierarchicalOptions,
    MaskedAutoencoderOptions: maskedOptions,
    SemiSupervisedOptions: semiOptions,
    Codes: rows,
    Neighbours: () => vae.nearestNeighbours(rows(), rows(), { k: 1 }),
    PartialLabels: () => [0, null, 1],
    '{ readonly components: number; }': () => ({ components: 2 }),
    'Readonly<Record<string, Tensor>>': () => model().stateDict(),
  },
  calls: {
    'Autoencoder.loadStateDict': () => [autoencoder().stateDict()],
    'Autoencoder.save': () => [join(folder, 'saved')],
    'Autoencoder.takeLearned': () => [autoencoder()],
    'Autoencoder.fromBytes': () => [autoencoder().toBytes()],
    'Autoencoder.load': () => [file],
    modelFromBytes: () => [autoencoder().toBytes()],
    loadModel: () => [file],
    rowsProgram: () => [({ x: rows }: vae.RowInputs) => ({ rows })],
    masking: () => [0.5],
    saltAndPepper: () => [0.5],
    swapNoise: () => [0.5],
    kl: () => [
      { name: 'normal', params: [x(), x()] },
      { name: 'normal', params: [x(), x()] },
    ],
    registerModel: () => [vae.Vae],
    progressLine: () => [event()],
    columnwise: () => [`mine ${Math.random()}`, {}, () => ({})],
    composite: () => [[[1, vae.gaussian()]]],
    perStep: () => [{ width: 2, of: vae.gaussian() }],
    gaussianMixture: () => [{ components: 2 }],
    'new Scorer': () => [model(), vae.boundScore],
    'new Classifier': () => [{ inputSize: 2, encoder: [2], classes: 2 }],
    'Classifier.parts': () => [{ x: x(), y: tensor(labels()) }, rng()],
    'Classifier.fit': () => [rows(), labels(), run()],
    'new Regressor': () => [{ inputSize: 2, encoder: [2] }],
    'Regressor.parts': () => [{ x: x(), y: tensor(labels()).reshape([3, 1]) }, rng()],
    'VqVae.decode': () => [[[0], [1]]],
    'HierarchicalVae.decode': () => [[[0, 1, 2]]],
    'SparseAutoencoder.decode': () => [[[0, 1, 0, 2]]],
    nearestNeighbours: () => [rows(), rows(), { k: 1 }],
    neighbourVotes: () => [vae.nearestNeighbours(rows(), rows(), { k: 1 }), [0, 1, 1]],
    'SemiSupervisedVae.fit': () => [rows(), [0, null, 1], run()],
    'Regressor.fit': () => [rows(), labels(), run()],
    'VaeCore.conditionalLogProbOf': () => [x(), params()],
    'VaeCore.columnTerms': () => [x(), params()],
    'VaeCore.logWeight': () => [x(), params(), x(), x(), x()],
    'VaeCore.watched': () => [{ loss: 1, reconstruction: 1, kl: 1 }],
    'Vae.interpolate': () => [
      [0.1, 0.9],
      [0.5, 0.4],
    ],
    'Vae.traverse': () => [[0.1, 0.9], 1, [0]],
  },
  instances: {
    Autoencoder: autoencoder,
    Vae: model,
    VqVae: () => vae.VqVae.fromBytes(trainedVq),
    HierarchicalVae: () => new vae.HierarchicalVae(hierarchicalOptions()),
    MaskedAutoencoder: () => new vae.MaskedAutoencoder(maskedOptions()),
    SparseAutoencoder: () => new vae.SparseAutoencoder(sparseOptions()),
    SemiSupervisedVae: () => new vae.SemiSupervisedVae(semiOptions()),
    Classifier: () => new vae.Classifier({ inputSize: 2, encoder: [2], classes: 2 }),
    Regressor: () => new vae.Regressor({ inputSize: 2, encoder: [2] }),
    VaeCore: model,
  },
  takes: {},
  inner: [
    // For who writes models: given what the public methods have checked.
    ...['Model.*', 'SeenRange.*', 'LearnedPrior.*', 'Scorer.of', 'checkSupport', 'expectedRows'],
    ...['Autoencoder.restoreLearned', 'progressLine', 'VaeCore.*', 'Autoencoder.forward'],
    // What a model is to the trainer, and to modules that hold it: tensors on its scale.
    ...['Autoencoder.loss', 'Autoencoder.trainingLoss', 'Autoencoder.parts', 'Autoencoder.evaluate'],
    ...['Autoencoder.unsupervisedLoss', 'Autoencoder.likelihoodParams', 'Classifier.forward', 'Classifier.parts'],
    ...[
      'Regressor.forward',
      'Regressor.parts',
      'Prior.*',
      'Codebook.*',
      'CodePrior.*',
      'VqVae.vectors',
      'VqVae.likelihoodParams',
      'VqVae.parts',
    ],
    ...['Flow.*', 'Level.*', 'HierarchicalVae.parts', 'HierarchicalVae.evaluate', 'HierarchicalVae.watched'],
    ...['MaskedAutoencoder.forward', 'MaskedAutoencoder.likelihoodParams', 'MaskedAutoencoder.parts'],
    ...['Tower.*', 'HierarchicalVae.beginEpoch'],
    ...['SparseAutoencoder.codes', 'SparseAutoencoder.decoded', 'SparseAutoencoder.parts'],
    // For who trains in other processes.
    ...['Autoencoder.learn', 'Autoencoder.scaled', 'Autoencoder.begin', 'Autoencoder.flatRows', 'Classifier.scaled'],
    ...['Regressor.learn', 'Regressor.scaled', 'Regressor.takeLearned'],
    ...['SemiSupervisedVae.scaled', 'SemiSupervisedVae.takeLearned'],
    // Made by models of sequences.
    ...['PreviousStep.*', 'new PreviousStep'],
    // Of sequences, where they are tried.
    ...['Autoencoder.reconstructionErrorPerStep', 'Vae.reconstructionErrorPerStep'],
    ...['SemiSupervisedVae.forward', 'SemiSupervisedVae.parts', 'SemiSupervisedVae.restoreLearned'],
    'SemiSupervisedVae.bound',
  ],
};

describe.each(callablesOf(surface).map((callable) => [callable.name, callable] as const))('%s', (_name, callable) => {
  it('refuses what its types rule out', async () => expect(await wrongOf(callable, surface)).toEqual([]));
});
