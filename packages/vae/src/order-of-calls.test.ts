import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dense, dropout, type History, Module, standardise } from '@latent/nn';
import { LatentError, Rng, Tensor, tensor, UsageError } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Autoencoder,
  Classifier,
  DenoisingAutoencoder,
  gaussian,
  HierarchicalVae,
  MaskedAutoencoder,
  type Model,
  modelFromBytes,
  Regressor,
  SemiSupervisedVae,
  SparseAutoencoder,
  Vae,
  VaeCore,
  VqVae,
} from './index.ts';

// Every public method of every model: before `fit`, while it trains, after it, twice at once, after loading, and on a subclass.
// A call does what its words say, or throws a sentence; in no order does it change a run or the model.

const folder = mkdtempSync(join(tmpdir(), 'latent-order-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = new Rng(1)
  .normal([60, 4])
  .mul(tensor([1, 10, 100, 1]))
  .toArray() as number[][];
const few = rows.slice(0, 7);
const torn = few.map((row, r) => row.map((x, c) => ((r + c) % 3 ? x : Number.NaN)));
const labels = rows.map(([x]) => (x! > 0 ? 1 : 0));
const partial = labels.map((label, i) => (i % 4 === 0 ? label : null));
const targets = rows.map(([x]) => 3 * x!);
const codes = new Rng(2).normal([5, 2]).toArray() as number[][];
const batch = tensor(few);
const held = { validationData: few };
const run = { epochs: 3, batchSize: 16, onWarning: () => {} };

interface Entry {
  /** What the method gives, as it is compared. */
  call(model: never): unknown;
  /** It needs what only `fit` learns: before that it throws, and says so. */
  readonly learned?: true;
  /** It trains. */
  readonly trains?: true;
  /** It changes the model or its modes, as it says. */
  readonly changes?: true;
}
type Table = Readonly<Record<string, Entry>>;

const fine = (call: (model: never) => unknown): Entry => ({ call });
const needs = (call: (model: never) => unknown): Entry => ({ call, learned: true });
const path = (): string => join(folder, `${Math.random()}`);

/** What a call that rows of one shape have no answer to says. */
const says = (call: () => unknown): string => {
  try {
    return `nothing: ${call()}`;
  } catch (error) {
    return (error as Error).message;
  }
};

/** Of every module. */
const moduleTable: Table = {
  train: { call: (m: Module) => m.train().training, changes: true },
  eval: fine((m: Module) => m.eval().training),
  namedModules: fine((m: Module) => Array.from(m.namedModules(), ([name]) => name)),
  namedParameters: fine((m: Module) => m.namedParameters().map(([name]) => name)),
  namedTensors: fine((m: Module) => m.namedTensors().map(([name]) => name)),
  generators: fine((m: Module) => m.generators().map(([name]) => name)),
  parameters: fine((m: Module) => m.parameters().length),
  trainable: fine((m: Module) => m.trainable().map(([name]) => name)),
  trainableParameters: fine((m: Module) => m.trainableParameters().length),
  freeze: { call: (m: Module) => m.freeze().unfreeze().trainable().length, trains: true },
  unfreeze: { call: (m: Module) => m.unfreeze().trainable().length, trains: true },
  stateDict: fine((m: Module) => Object.keys(m.stateDict())),
  loadStateDict: fine((m: Module) => m.loadStateDict(m.stateDict())),
  summary: fine((m: Module) => m.summary()),
  // Of models.
  metadata: fine((m: Model<never>) => Object.keys(m.metadata())),
  toBytes: fine((m: Model<never>) => m.toBytes().length > 0),
  save: fine((m: Model<never>) => m.save(path())),
  restoreLearned: fine((m: Model<never>) => m.restoreLearned('test', JSON.parse(m.metadata().learned!))),
  takeLearned: fine((m: Model<never>) => m.takeLearned(m)),
};

const vaeTable: Table = {
  ...moduleTable,
  // What is computed of tensors, on the model's scale.
  beginEpoch: { call: (m: Vae) => m.beginEpoch(0), changes: true },
  given: fine((m: Vae) => m.given({}).logPrior(tensor(codes))),
  posterior: fine((m: Vae) => Object.values(m.posterior(batch))),
  heads: fine((m: Vae) => Object.values(m.heads(batch))),
  code: fine((m: Vae) => m.code(batch)),
  refined: fine((m: Vae) => m.refined(tensor(codes))),
  forward: fine((m: Vae) => m.forward(batch)),
  likelihoodParams: fine((m: Vae) => m.likelihoodParams(tensor(codes))),
  conditionalLogProb: fine((m: Vae) => m.conditionalLogProb(batch, m.posterior(batch).mean)),
  conditionalLogProbOf: fine((m: Vae) => m.conditionalLogProbOf(batch, m.likelihoodParams(m.posterior(batch).mean))),
  columnTerms: fine((m: Vae) => m.columnTerms(batch, m.likelihoodParams(m.posterior(batch).mean))),
  exactKl: fine((m: Vae) => m.exactKl(tensor(codes), tensor(codes))),
  klOf: fine((m: Vae) => m.klOf(tensor(codes), tensor(codes), tensor(codes))),
  logWeight: fine((m: Vae) => {
    const { mean, logVariance } = m.posterior(batch);
    return m.logWeight(batch, m.likelihoodParams(mean), mean, mean, logVariance);
  }),
  logPrior: fine((m: Vae) => m.logPrior(tensor(codes))),
  unsupervisedLoss: fine((m: Vae) => m.unsupervisedLoss(batch, new Rng(1))),
  loss: fine((m: Vae) => Object.values(m.loss(batch, new Rng(1)))),
  parts: fine((m: Vae) => Object.values(m.parts({ x: batch }, new Rng(1)))),
  evaluate: fine((m: Vae) => Object.values(m.evaluate({ x: batch }, new Rng(1)))),
  watched: fine((m: Vae) => m.watched({ loss: 1, reconstruction: 2, kl: 3 })),
  // What is asked of rows.
  fit: { call: (m: Vae) => m.fit(rows, run), trains: true },
  pretrain: { call: (m: Vae) => m.pretrain(rows, run), trains: true },
  encode: needs((m: Vae) => Object.values(m.encode(few))),
  samplePosterior: needs((m: Vae) => m.samplePosterior(few, { seed: 3 })),
  reconstruct: needs((m: Vae) => m.reconstruct(few)),
  reconstructionError: needs((m: Vae) => m.reconstructionError(few)),
  reconstructionErrorPerStep: fine((m: Vae) => says(() => m.reconstructionErrorPerStep(few))),
  stepTerms: fine((m: Vae) => says(() => m.stepTerms(batch, m.likelihoodParams(tensor(codes))))),
  interpolate: needs((m: Vae) => m.interpolate(few[0]!, few[1]!, 3)),
  traverse: needs((m: Vae) => m.traverse(few[0]!, 1, [-1, 1])),
  elbo: needs((m: Vae) => Object.values(m.elbo(few, { samples: 2 }))),
  elboPerRow: needs((m: Vae) => m.elboPerRow(few)),
  contributions: needs((m: Vae) => Object.values(m.contributions(few))),
  reconstructionLogProbability: needs((m: Vae) => m.reconstructionLogProbability(few)),
  logReconstructionProbability: needs((m: Vae) => m.logReconstructionProbability(few, { samples: 2 })),
  logLikelihood: needs((m: Vae) => Object.values(m.logLikelihood(few, { samples: 5 }))),
  diagnose: needs((m: Vae) => m.diagnose(few)),
  impute: needs((m: Vae) => m.impute(torn, { samples: 4 })),
  // Rows of the model's own making, on the scale of the data.
  decode: needs((m: Vae) => m.decode(codes)),
  generateAtMeanGivenZ: needs((m: Vae) => m.generateAtMeanGivenZ(codes)),
  generateRandomGivenZ: needs((m: Vae) => m.generateRandomGivenZ(codes, { seed: 1 })),
  sample: needs((m: Vae) => m.sample(3)),
  moreLike: needs((m: Vae) => m.moreLike(few, 2)),
};

const autoencoderTable: Table = {
  ...moduleTable,
  forward: fine((m: Autoencoder) => m.forward(batch)),
  likelihoodParams: fine((m: Autoencoder) => m.likelihoodParams(tensor(codes))),
  loss: fine((m: Autoencoder) => m.loss(batch)),
  trainingLoss: fine((m: Autoencoder) => m.trainingLoss(batch, new Rng(1))),
  parts: fine((m: Autoencoder) => m.parts({ x: batch }, new Rng(1)).loss),
  evaluate: fine((m: Autoencoder) => m.evaluate({ x: batch }).loss),
  unsupervisedLoss: fine((m: Autoencoder) => m.unsupervisedLoss(batch, new Rng(1))),
  fit: { call: (m: Autoencoder) => m.fit(rows, run), trains: true },
  pretrain: { call: (m: Autoencoder) => m.pretrain(rows, run), trains: true },
  encode: needs((m: Autoencoder) => m.encode(few)),
  decode: needs((m: Autoencoder) => m.decode(codes)),
  reconstruct: needs((m: Autoencoder) => m.reconstruct(few)),
  reconstructionError: needs((m: Autoencoder) => m.reconstructionError(few)),
  reconstructionErrorPerStep: fine((m: Autoencoder) => says(() => m.reconstructionErrorPerStep(few))),
};

const classifierTable: Table = {
  ...moduleTable,
  forward: fine((m: Classifier) => m.forward(batch)),
  parts: fine((m: Classifier) => Object.values(m.parts({ x: batch, y: tensor(labels.slice(0, 7)) }, new Rng(1)))),
  fit: { call: (m: Classifier) => m.fit(rows, labels, run), trains: true },
  predictProbability: needs((m: Classifier) => m.predictProbability(few)),
  predict: needs((m: Classifier) => m.predict(few)),
};

const regressorTable: Table = {
  ...moduleTable,
  forward: fine((m: Regressor) => m.forward(batch)),
  parts: fine((m: Regressor) => m.parts({ x: batch, y: tensor(few.map(([x]) => [x!])) }, new Rng(1)).loss),
  fit: { call: (m: Regressor) => m.fit(rows, targets, run), trains: true },
  predict: needs((m: Regressor) => m.predict(few)),
};

const semiTable: Table = {
  ...moduleTable,
  forward: fine((m: SemiSupervisedVae) => m.forward(batch)),
  parts: fine((m: SemiSupervisedVae) => {
    const some = tensor(labels.slice(0, 7));
    return Object.values(m.parts({ x: batch, y: some }, new Rng(1))).length;
  }),
  fit: { call: (m: SemiSupervisedVae) => m.fit(rows, partial, run), trains: true },
  predictProbability: needs((m: SemiSupervisedVae) => m.predictProbability(few)),
  predict: needs((m: SemiSupervisedVae) => m.predict(few)),
  elbo: needs((m: SemiSupervisedVae) => m.elbo(few, { seed: 2 })),
};

const vqTable: Table = {
  ...moduleTable,
  vectors: fine((m: VqVae) => m.vectors(batch)),
  likelihoodParams: fine((m: VqVae) => m.likelihoodParams(m.vectors(batch))),
  parts: { call: (m: VqVae) => Object.values(m.parts({ x: batch })).length, changes: true },
  fit: { call: (m: VqVae) => m.fit(rows, run), trains: true },
  fitPrior: { call: (m: VqVae) => m.fitPrior(rows, run), trains: true },
  encode: needs((m: VqVae) => m.encode(few)),
  decode: needs((m: VqVae) =>
    m.decode([
      [0, 1],
      [2, 3],
    ]),
  ),
  reconstruct: needs((m: VqVae) => m.reconstruct(few)),
  reconstructionError: needs((m: VqVae) => m.reconstructionError(few)),
  codeBound: needs((m: VqVae) => Object.values(m.codeBound(few))),
  // The prior learns after the codebook; until then `sample` says so: see its own tests.
  sample: { call: () => null, changes: true },
};

const hierarchicalTable: Table = {
  ...moduleTable,
  beginEpoch: { call: (m: HierarchicalVae) => m.beginEpoch(0), changes: true },
  parts: fine((m: HierarchicalVae) => Object.values(m.parts({ x: batch }, new Rng(1)))),
  evaluate: fine((m: HierarchicalVae) => Object.values(m.evaluate({ x: batch }, new Rng(1)))),
  watched: fine((m: HierarchicalVae) => m.watched({ loss: 1, reconstruction: 2, kl: 3 })),
  fit: { call: (m: HierarchicalVae) => m.fit(rows, run), trains: true },
  encode: needs((m: HierarchicalVae) => Object.values(m.encode(few))),
  decode: needs((m: HierarchicalVae) => m.decode([[0, 1, 2]])),
  reconstruct: needs((m: HierarchicalVae) => [m.reconstruct(few), m.reconstruct(few, { levels: 1 })]),
  reconstructionError: needs((m: HierarchicalVae) => m.reconstructionError(few)),
  elbo: needs((m: HierarchicalVae) => Object.values(m.elbo(few, { samples: 2 }))),
  logLikelihood: needs((m: HierarchicalVae) => m.logLikelihood(few, { samples: 3 })),
  sample: needs((m: HierarchicalVae) => [m.sample(3), m.sample(2, { output: 'draw' })]),
};

const maskedTable: Table = {
  ...moduleTable,
  forward: fine((m: MaskedAutoencoder) => m.forward(batch)),
  likelihoodParams: fine((m: MaskedAutoencoder) => m.likelihoodParams(batch)),
  parts: fine((m: MaskedAutoencoder) => Object.values(m.parts({ x: batch }, new Rng(1)))),
  fit: { call: (m: MaskedAutoencoder) => m.fit(rows, run), trains: true },
  encode: needs((m: MaskedAutoencoder) => m.encode(torn)),
  impute: needs((m: MaskedAutoencoder) => [m.impute(torn), m.impute(torn, { kind: 'draw' })]),
  contributions: needs((m: MaskedAutoencoder) => Object.values(m.contributions(torn))),
};

const sparseTable: Table = {
  ...moduleTable,
  directions: fine((m: SparseAutoencoder) => m.directions()),
  codes: fine((m: SparseAutoencoder) => m.codes(batch)),
  decoded: fine((m: SparseAutoencoder) => m.decoded(m.codes(batch))),
  parts: { call: (m: SparseAutoencoder) => m.parts({ x: batch }).loss, changes: true },
  fit: { call: (m: SparseAutoencoder) => m.fit(rows, run), trains: true },
  encode: needs((m: SparseAutoencoder) => m.encode(few)),
  active: needs((m: SparseAutoencoder) => m.active(few)),
  decode: needs((m: SparseAutoencoder) => m.decode([[0, 1, 0, 2, 0, 0]])),
  reconstruct: needs((m: SparseAutoencoder) => m.reconstruct(few)),
  reconstructionError: needs((m: SparseAutoencoder) => m.reconstructionError(few)),
  featureUse: needs((m: SparseAutoencoder) => m.featureUse(few).unexplained),
};

const common = { inputSize: 4, encoder: [dense(6), dropout(0.3), dense(2)], transform: standardise() };
/** Of each class how a model is made, and a subclass of it. */
const classes = [
  {
    type: Vae,
    table: vaeTable,
    make: (type: typeof Vae) => new type({ ...common, latentSize: 2, reconstruction: gaussian(), missing: true }),
    given: [rows],
    held,
  },
  {
    type: Autoencoder,
    table: autoencoderTable,
    make: (type: typeof Autoencoder) => new type({ inputSize: 4, encoder: [6, 2], transform: standardise() }),
    given: [rows],
    held,
  },
  {
    type: DenoisingAutoencoder,
    table: autoencoderTable,
    make: (type: typeof DenoisingAutoencoder) => new type({ inputSize: 4, encoder: [6, 2], transform: standardise() }),
    given: [rows],
    held,
  },
  {
    type: Classifier,
    table: classifierTable,
    make: (type: typeof Classifier) => new type({ ...common, classes: 2 }),
    given: [rows, labels],
    held: { ...held, validationLabels: labels.slice(0, 7) },
  },
  {
    type: VqVae,
    table: vqTable,
    make: (type: typeof VqVae) =>
      new type({
        ...{ inputSize: 4, encoder: [6], codes: 5, codeSize: 2, places: 2, transform: standardise() },
        ...{ reconstruction: gaussian(), prior: { width: 4, layers: 1, heads: 2 } },
      }),
    given: [rows],
    held,
  },
  {
    type: HierarchicalVae,
    table: hierarchicalTable,
    make: (type: typeof HierarchicalVae) =>
      new type({
        ...{ inputSize: 4, encoder: [[5], [3]], latentSizes: [2, 1], transform: standardise() },
        ...{ reconstruction: gaussian(), warmUp: 0 },
      }),
    given: [rows],
    held,
  },
  {
    type: MaskedAutoencoder,
    table: maskedTable,
    make: (type: typeof MaskedAutoencoder) =>
      new type({ inputSize: 4, encoder: [6, 3], reconstruction: gaussian(), transform: standardise() }),
    given: [rows],
    held,
  },
  {
    type: SparseAutoencoder,
    table: sparseTable,
    make: (type: typeof SparseAutoencoder) =>
      new type({ inputSize: 4, features: 6, active: 2, transform: standardise() }),
    given: [rows],
    held,
  },
  {
    type: SemiSupervisedVae,
    table: semiTable,
    make: (type: typeof SemiSupervisedVae) =>
      new type({ ...common, latentSize: 2, classes: 2, reconstruction: gaussian() }),
    given: [rows, partial],
    held: { ...held, validationLabels: partial.slice(0, 7) },
  },
  {
    type: Regressor,
    table: regressorTable,
    make: (type: typeof Regressor) => new type({ ...common, likelihood: gaussian(), targetTransform: standardise() }),
    given: [rows, targets],
    held: { ...held, validationTargets: targets.slice(0, 7) },
  },
] as unknown as {
  type: new (options: never) => Model<never>;
  table: Table;
  make(type: unknown): Model<never>;
  /** What it is trained on, and validated on. */
  given: readonly unknown[];
  held: object;
}[];

/** Methods for subclasses, which callers cannot name. */
const PROTECTED = [
  'describe',
  'likelihood',
  'holes',
  'lent',
  'takeRows',
  'wantsRows',
  'fitTo',
  'prepared',
  'toScore',
  'restored',
  'perStep',
  'anySteps',
  'caveats',
  'baseline',
  'seenCodes',
  // Of rows on the model's scale, for who exports it.
  'bound',
  // For who trains in other processes, from data sets of their own.
  'learn',
  'scaled',
  'begin',
  'flatRows',
  'logJacobian',
  'featuresOf',
  'jointLoss',
];

/** The public methods of a class and those above it. */
function methodsOf(type: { readonly prototype: object }): string[] {
  const found = new Set<string>();
  for (let at = type.prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && name !== 'constructor' && !PROTECTED.includes(name)) found.add(name);
    }
  }
  return [...found];
}

/** Results by value: tensors as numbers, and no times. */
async function plain(result: unknown): Promise<unknown> {
  const value = await result;
  if (value instanceof Tensor) return value.toArray();
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (typeof value === 'object' && value !== null && 'epochs' in value) return 'a history';
  if (typeof value === 'object' && value !== null && !(value instanceof Module)) {
    return Object.fromEntries(
      await Promise.all(Object.entries(value).map(async ([name, field]) => [name, await plain(field)])),
    );
  }
  return value;
}

/** A copy in which rows are typed arrays. */
function typedRows(value: unknown): unknown {
  if (Array.isArray(value)) return typeof value[1] === 'number' ? Float64Array.from(value) : value.map(typedRows);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, typedRows(field)]));
}

/** Writes ones over all numbers in lists. */
function overwrite(value: unknown): void {
  if (ArrayBuffer.isView(value)) (value as Float64Array).fill(1);
  else if (Array.isArray(value) && typeof value[0] === 'number') value.fill(1);
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) overwrite(inner);
}

/** Everything that is the model's: weights, generators and what it learned. */
const inside = (model: Model<never>): string =>
  JSON.stringify([
    Object.entries(model.stateDict()).map(([name, x]) => [name, [...x.data]]),
    model.generators().map(([name, generator]) => [name, generator.state]),
    model.metadata(),
  ]);

it('all public methods of all models are in the tables', () => {
  expect(classes.map(({ type }) => type)).toEqual([
    Vae,
    Autoencoder,
    DenoisingAutoencoder,
    Classifier,
    VqVae,
    HierarchicalVae,
    MaskedAutoencoder,
    SparseAutoencoder,
    SemiSupervisedVae,
    Regressor,
  ]);
  for (const { type, table } of classes) expect(Object.keys(table).sort(), type.name).toEqual(methodsOf(type).sort());
  expect(methodsOf(VaeCore).filter((name) => !methodsOf(Vae).includes(name))).toEqual([]);
});

describe.each(classes.map((entry) => ({ name: entry.type.name, ...entry })))(
  '$name',
  ({ table, make, given, held, type }) => {
    const train = (model: Model<never>, options: object): Promise<unknown> =>
      (model as unknown as { fit(...args: unknown[]): Promise<unknown> }).fit(...given, { ...run, ...options });
    class Mine extends (type as unknown as typeof Vae) {}
    const names = Object.keys(table);
    const asking = names.filter((name) => !table[name]!.trains && !table[name]!.changes);

    it('before fit: what it needs to have learned is asked for; nothing else changes the model', async () => {
      const model = make(type);
      for (const name of asking) {
        const { call, learned } = table[name]!;
        const before = inside(model);
        if (learned) {
          const message = await Promise.resolve()
            .then(() => call(model as never))
            .then(
              () => 'no error',
              (error: unknown) => {
                expect(error).toBeInstanceOf(UsageError);
                return (error as Error).message;
              },
            );
          expect(message, name).toMatch(
            /^\w+\.\w+: standardise\(\) learns the .* from the first fit; call fit before, or give a fitted one/,
          );
        } else await call(model as never);
        expect(inside(model), name).toBe(before);
      }
    });

    it('after fit: twice alike, and twice at once; the model stays as it is', async () => {
      const model = make(type);
      await train(model, {});
      expect(model.training).toBe(false);
      for (const name of asking) {
        const { call } = table[name]!;
        const before = inside(model);
        const want = await plain(call(model as never));
        expect(await plain(call(model as never)), name).toEqual(want);
        const both = await Promise.all([plain(call(model as never)), plain(call(model as never))]);
        expect(both, name).toEqual([want, want]);
        expect(inside(model), name).toBe(before);
      }
    });

    it('takes what it is given at once: what the caller then does with the arrays changes nothing', async () => {
      const losses = async (given: readonly unknown[], held: object, spoil: () => void): Promise<unknown> => {
        const model = make(type) as unknown as { fit(...args: unknown[]): Promise<History> };
        const running = model.fit(...given, { ...run, ...held });
        spoil();
        const { epochs } = await running;
        return epochs.map(({ loss, validation }) => [loss, validation?.loss]);
      };
      const want = await losses(given, held, () => {});
      for (const form of [structuredClone, typedRows] as const) {
        const [own, ownHeld] = [form(given), form(held)] as [unknown[], object];
        expect(
          await losses(own, ownHeld, () => {
            overwrite(own);
            overwrite(ownHeld);
          }),
        ).toEqual(want);
      }
    });

    it('after fit: an option that there is not is refused by every method, also by those that take none', async () => {
      const model = make(type);
      await train(model, {});
      for (const name of names.filter((name) => table[name]!.learned)) {
        const own = (model as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
        const asked = Object.create(model, {
          [name]: {
            value: (...args: unknown[]) => {
              const last = args.at(-1);
              const options = typeof last === 'object' && Object.getPrototypeOf(last) === Object.prototype;
              return own.call(model, ...(options ? args.slice(0, -1) : args), {
                ...(options && (last as object)),
                noSuchOption: 1,
              });
            },
          },
        }) as never;
        await expect(
          Promise.resolve().then(() => table[name]!.call(asked)),
          name,
        ).rejects.toThrow(new RegExp(`^${model.type}.*(noSuchOption|nothing besides, got an object)`));
      }
    });

    it('while it trains: scores, encodes, saves; trains no second time; the run’s bits are as they would have been', async () => {
      const undisturbed = make(type);
      await train(undisturbed, {});
      const model = make(type);
      const refused: string[] = [];
      const disturb = async (names: readonly string[]): Promise<void> => {
        // All of them at once, before the next step.
        const results = await Promise.allSettled(
          names.map((name) => {
            try {
              return Promise.resolve(table[name]!.call(model as never));
            } catch (error) {
              return Promise.reject(error);
            }
          }),
        );
        results.forEach((result, i) => {
          const name = names[i]!;
          if (!table[name]!.trains) expect(result, name).toMatchObject({ status: 'fulfilled' });
          else {
            expect(result, name).toMatchObject({
              status: 'rejected',
              reason: { message: expect.stringContaining('is being trained; wait for that run to end') },
            });
            expect((result as PromiseRejectedResult).reason, name).toBeInstanceOf(UsageError);
            refused.push(name);
          }
        });
      };
      const others: Promise<void>[] = [];
      let steps = 0;
      const started = train(model, {
        onProgress: () => {
          if (++steps === 2 || steps === 9) others.push(disturb(names.filter((name) => !table[name]!.changes)));
          model.train();
        },
        onEpoch: () => {
          model.eval();
          others.push(disturb(asking));
        },
      });
      await started;
      await Promise.all(others);
      expect(others.length).toBe(5);
      expect([...new Set(refused)].sort()).toEqual(names.filter((name) => table[name]!.trains).sort());
      expect(inside(model)).toBe(inside(undisturbed));
      expect(model.training).toBe(false);
    });

    it('from another task while it trains: the same', async () => {
      const undisturbed = make(type);
      await train(undisturbed, { epochs: 6 });
      const model = make(type);
      let over = false;
      const training = train(model, { epochs: 6 }).finally(() => {
        over = true;
      });
      let asked = 0;
      while (!over) {
        for (const name of asking.slice(asked % asking.length, (asked % asking.length) + 3)) {
          // Before the first step there may be nothing learned yet, which is said.
          await Promise.resolve()
            .then(() => table[name]!.call(model as never))
            .catch((error: unknown) => expect(error).toBeInstanceOf(UsageError));
        }
        asked += 3;
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await training;
      expect(asked).toBeGreaterThan(0);
      expect(inside(model)).toBe(inside(undisturbed));
    });

    it('after loading, and as a subclass: the same results', async () => {
      const model = make(type);
      await train(model, {});
      const copies = [modelFromBytes(model.toBytes()) as Model<never>];
      const mine = make(Mine);
      await train(mine, {});
      copies.push(mine, (Mine as unknown as { fromBytes(bytes: Uint8Array): Model<never> }).fromBytes(mine.toBytes()));
      expect(copies.map((copy) => copy instanceof Mine)).toEqual([false, true, true]);
      for (const name of asking) {
        const { call } = table[name]!;
        const want = await plain(call(model as never));
        for (const copy of copies) expect(await plain(call(copy as never)), name).toEqual(want);
      }
      // And trained again they go on alike.
      await train(model, {});
      await train(copies[1]!, {});
      expect(inside(copies[1]!)).toBe(inside(model));
    });

    it('a fit that is refused leaves it as it was, before and after one that was not', async () => {
      const model = make(type);
      const bad = [
        { epochs: -1 },
        { epoch: 5 },
        { learningRate: 'fast' },
        { earlyStopping: { patience: 0 } },
        { validationData: [] },
        { validationData: [[1, 2]] },
        { checkpoint: { to: { read: async () => new Uint8Array(3), write: async () => {} }, resume: true } },
        { checkpoint: { to: { read: async () => null, write: async () => Promise.reject(new Error('full')) } } },
      ];
      const refuse = async (): Promise<void> => {
        const before = inside(model);
        for (const options of bad) {
          const error = await train(model, options).then(
            () => expect.unreachable(`${JSON.stringify(options)} was accepted`),
            (reason: unknown) => reason,
          );
          if ((error as Error).message !== 'full') expect(error).toBeInstanceOf(LatentError);
          expect(inside(model), JSON.stringify(options)).toBe(before);
        }
      };
      await refuse();
      await train(model, {});
      await refuse();
      const other = make(type);
      await train(other, {});
      expect(inside(model)).toBe(inside(other));
    });
  },
);
