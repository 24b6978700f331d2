import {
  activation,
  dense,
  dropout,
  type Kind,
  Linear,
  layers,
  Module,
  type Part,
  type PartConfig,
  standardise,
} from '@latent/nn';
import { gaps, type PartEntry, takes, VALUES } from '@latent/nn/samples';
import {
  type Checks,
  describeValue,
  type Expr,
  isPlainObject,
  LatentError,
  Rng,
  real,
  type Tensor,
  tensor,
} from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import * as everything from './index.ts';
import {
  Autoencoder,
  bernoulli,
  Classifier,
  type Corruption,
  columnwise,
  composite,
  conditionalPrior,
  corruptions,
  DenoisingAutoencoder,
  elbo,
  exemplarPrior,
  exponential,
  gaussian,
  HierarchicalVae,
  iaf,
  LearnedPrior,
  likelihoods,
  loadModel,
  MaskedAutoencoder,
  type Model,
  masking,
  mixturePrior,
  modelFromBytes,
  type Objective,
  objectives,
  type PosteriorSpec,
  type PriorSpec,
  planar,
  posteriors,
  priors,
  type ReconstructionDistribution,
  Regressor,
  SemiSupervisedVae,
  SparseAutoencoder,
  squaredError,
  studentT,
  Vae,
  VqVae,
} from './index.ts';
import { modelNames, registerModel } from './model/file-header.ts';

interface Contract {
  readonly kind: Kind<Part>;
  readonly table: Readonly<Record<string, PartEntry>>;
  behaviour(part: never): unknown;
  readonly own?: readonly string[];
}

const NONE: PartEntry = { samples: [{}], takes: {} };
const COMPONENTS: PartEntry = { samples: [{ components: 3 }], takes: { components: 'count' } };
const RATE: PartEntry = { samples: [{ rate: 0.3 }, { rate: 1 }], takes: { rate: 'share' } };

/** Rows that every likelihood may hold: ones and zeros, one 1 in each. */
const X = tensor([
  [1, 0, 0],
  [0, 0, 1],
]);
/** Those that leave out the ends. */
const INSIDE = X.mul(0.6).add(0.2);

const contracts: Record<string, Contract> = {
  likelihoods: {
    kind: likelihoods as unknown as Kind<Part>,
    own: ['triangle'],
    table: {
      bernoulli: NONE,
      gaussian: {
        samples: [
          {},
          { variance: 'perColumn' },
          { variance: 0.5, minStd: 0.1 },
          { variance: 'optimal' },
          { variance: 'shared' },
        ],
        takes: { variance: 'positive', minStd: 'positive' },
      },
      exponential: NONE,
      squaredError: NONE,
      laplace: NONE,
      logNormal: NONE,
      gamma: NONE,
      studentT: {
        samples: [{}, { degreesOfFreedom: 4 }, { degreesOfFreedom: 'learned' }],
        takes: { degreesOfFreedom: 'positive' },
      },
      poisson: NONE,
      negativeBinomial: NONE,
      beta: NONE,
      continuousBernoulli: NONE,
      categorical: { samples: [{}, { categories: 3 }], takes: { categories: 'count' } },
      gaussianMixture: {
        samples: [{ components: 2 }, { components: 3, minStd: 0.5 }],
        takes: { components: 'count', minStd: 'positive' },
      },
      bivariateMixture: COMPONENTS,
      tokens: { samples: [{ size: 3 }], takes: { size: 'count' } },
      perStep: {
        samples: [
          { width: 1, of: gaussian() },
          { width: 3, of: gaussian({ variance: 'shared' }) },
        ],
        takes: { width: 'count', of: 'choice' },
      },
      composite: {
        samples: [
          {
            parts: [
              [1, gaussian()],
              [2, bernoulli()],
            ],
          },
        ],
        takes: { parts: 'choice' },
      },
    },
    behaviour(likelihood: ReconstructionDistribution) {
      const size = likelihood.name === 'bivariateMixture' ? 2 : 3;
      const width = likelihood.paramCount(size);
      const params = new Rng(1).normal([2, width]);
      const rows = likelihood.support(size).every((column) => column.contains(0)) ? X : INSIDE;
      const x = rows.slice([null, [0, size]]);
      const head = likelihood.head?.((count) => new Linear(4, count, { rng: new Rng(2) }), size);
      return [
        width,
        likelihood.normalized,
        likelihood.logProb(x, params).toArray(),
        likelihood.logProbPerColumn(x, params).toArray(),
        likelihood.mean(params).toArray(),
        likelihood.mode(params).toArray(),
        likelihood.sample(params, new Rng(3)).toArray(),
        likelihood.support(size).map((column) => column.description),
        likelihood.oneHotGroups?.(size) ?? [],
        head?.namedTensors().map(([name, x]) => [name, x.toArray()]),
      ];
    },
  },
  objectives: {
    kind: objectives as unknown as Kind<Part>,
    own: ['reconstructionOnly'],
    table: {
      elbo: {
        samples: [
          {},
          { beta: 2, samples: 3, warmUp: 4, freeBits: 0.1 },
          { cyclical: { period: 4 } },
          { capacity: { max: 3, epochs: 2, gamma: 5 } },
        ],
        takes: {
          beta: 'positive',
          samples: 'count',
          warmUp: 'positive',
          freeBits: 'positive',
          cyclical: 'choice',
          capacity: 'choice',
        },
      },
      iwae: {
        samples: [{}, { samples: 3, estimator: 'dreg' }, { estimator: 'stl' }],
        takes: { samples: 'count', estimator: 'choice' },
      },
    },
    behaviour(objective: Objective) {
      const vae = new Vae({ inputSize: 3, latentSize: 2, encoder: [4], reconstruction: bernoulli(), objective });
      vae.beginEpoch(1);
      const { loss, reconstruction, kl } = vae.loss(X, new Rng(1));
      const weights = [0, 1, 2, 5].map((epoch) => objective.weightAt?.(epoch));
      return [
        loss.item(),
        reconstruction.item(),
        kl.item(),
        weights,
        objective.settled?.({ loss: 1, reconstruction: 2, kl: 3 }),
      ];
    },
  },
  priors: {
    kind: priors as unknown as Kind<Part>,
    own: ['shiftedNormal'],
    table: {
      standardNormal: NONE,
      mixture: COMPONENTS,
      vamp: {
        samples: [{ components: 3 }, { components: 3, start: 'rows' }],
        takes: { components: 'count', start: 'choice' },
      },
      exemplar: {
        samples: [{ rows: 4 }, { rows: 3, neighbours: 1 }, { rows: 3, perStep: 2 }],
        takes: { rows: 'count', neighbours: 'count', perStep: 'count' },
      },
      conditional: {
        samples: [{}, { hidden: [4], activation: 'tanh' }],
        takes: { hidden: 'choice', activation: 'choice' },
      },
    },
    behaviour(prior: PriorSpec) {
      const given = prior.name === 'conditional' ? { condition: [[1, 2]] } : {};
      const vae = new Vae({
        ...{ inputSize: 3, latentSize: 2, encoder: [4], reconstruction: bernoulli(), prior },
        ...('condition' in given && { condition: { columns: 2 } }),
      });
      return [
        vae.sample(3, { seed: 1, ...given }).toArray(),
        vae.logPrior(new Rng(1).normal([2, 2]), { condition: tensor([[1, 2]]) }).toArray(),
        vae.namedTensors().map(([name]) => name),
      ];
    },
  },
  posteriors: {
    kind: posteriors as unknown as Kind<Part>,
    table: {
      planar: { samples: [{ steps: 3 }], takes: { steps: 'count' } },
      iaf: { samples: [{}, { steps: 2, hidden: [4, 3] }], takes: { steps: 'count', hidden: 'choice' } },
    },
    behaviour(posterior: PosteriorSpec) {
      const flow = posterior.build({ latentSize: 2, features: 3, rng: new Rng(1) });
      const { z, logDet } = flow.of(new Rng(2).normal([4, 3]))(new Rng(3).normal([4, 2]));
      return [z.toArray(), logDet.toArray(), flow.namedTensors().map(([name]) => name)];
    },
  },
  corruptions: {
    kind: corruptions as unknown as Kind<Part>,
    own: ['flip'],
    table: {
      noCorruption: NONE,
      masking: RATE,
      gaussianNoise: {
        samples: [{ std: 0.3 }, { std: 0.3, low: -1, high: 2 }],
        takes: { std: 'positive', low: 'real', high: 'real' },
      },
      saltAndPepper: {
        samples: [{ rate: 0.5 }, { rate: 0.5, low: -1, high: 2 }],
        takes: { rate: 'share', low: 'real', high: 'real' },
      },
      swapNoise: RATE,
      occlusion: { samples: [{ size: 2 }, { size: 1, value: 0.5 }], takes: { size: 'count', value: 'real' } },
      blur: { samples: [{ std: 0.5 }], takes: { std: 'positive' } },
      lowResolution: { samples: [{ factor: 2 }], takes: { factor: 'count' } },
    },
    behaviour: (corruption: Corruption) => corruption.apply(new Rng(5).normal([6, 4, 3, 1]), new Rng(1)).toArray(),
  },
};

const at = { caller: 'file', path: 'part' };
const through = (kind: Kind<Part>, part: Part): Part => kind.resolve(JSON.parse(JSON.stringify(part.config())), at);

describe.each(Object.entries(contracts))('%s', (_name, { kind, table, behaviour, own = [] }) => {
  const made = (name: string, options: object): Part => kind.definition(name)!.make(options);

  it('have samples, all of them and all of their options', () => {
    expect(gaps(kind, table, own)).toEqual([]);
  });

  it('say which function of the package makes them, for bundles that left it out', () => {
    const functions = new Map<string, unknown>(Object.entries(everything));
    for (const name of Object.keys(table)) {
      if (own.includes(name)) continue;
      const [, exported = ''] = /^\{ (\w+) \} from '@latent\/vae'$/.exec(kind.source(name)) ?? [];
      expect(typeof functions.get(exported), `${name}: ${kind.source(name)}`).toBe('function');
    }
  });

  it.each(Object.keys(table))('%s is the same through a file', (name) => {
    for (const options of table[name]!.samples) {
      const part = made(name, options);
      const copy = through(kind, part);
      expect([copy.name, copy.config()]).toEqual([name, part.config()]);
      expect(behaviour(copy as never)).toEqual(behaviour(part as never));
    }
  });

  it.each(Object.keys(table))('%s refuses options that it does not have, with the nearest name', (name) => {
    const { samples, takes: kinds } = table[name]!;
    const config = JSON.parse(JSON.stringify(made(name, samples[0]!).config())) as PartConfig;
    expect(() => kind.resolve({ ...config, frobnicate: 1 }, at)).toThrow("file: part: there is no field 'frobnicate'");
    for (const option of Object.keys(kinds)) {
      const typo = `${option.slice(0, -1)}${option.at(-1)?.toUpperCase()}x`;
      expect(() => kind.resolve({ ...config, [typo]: 1 }, at)).toThrow(
        `there is no field '${typo}'; did you mean '${option}'?`,
      );
    }
  });

  it.each(Object.keys(table))('%s refuses values of another kind, by path and value', (name) => {
    const { samples, takes: kinds } = table[name]!;
    for (const [option, optionKind] of Object.entries(kinds)) {
      const sample = samples.find((candidate) => Object.hasOwn(candidate, option))!;
      for (const value of VALUES) {
        let message = 'accepted';
        try {
          kind.resolve({ ...made(name, sample).config(), [option]: value }, at);
        } catch (error) {
          expect(error).toBeInstanceOf(LatentError);
          ({ message } = error as Error);
        }
        if (takes(optionKind, value)) continue;
        const where = `${option} as ${describeValue(value)}`;
        expect(message, where).toMatch(/^file: /);
        expect(message, where).toContain(`part.${option}`);
        // What is missing in an object that is one may be said in its place.
        const inside = Array.isArray(value)
          ? value.map(describeValue)
          : isPlainObject(value)
            ? ["'name'", 'undefined', 'nothing of the kind']
            : [];
        expect(
          [describeValue(value), ...inside].some((words) => message.includes(words)),
          `${where}: ${message}`,
        ).toBe(true);
      }
    }
  });
});

describe('options of which one would be ignored', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'warmUp and cyclical',
      () => elbo({ warmUp: 2, cyclical: { period: 4 } }),
      'elbo: warmUp and cyclical exclude each other',
    ],
    [
      'beta and capacity',
      () => elbo({ beta: 2, capacity: { max: 1, epochs: 1 } }),
      'elbo: capacity and beta exclude each other',
    ],
    [
      'free bits and a learned prior',
      () =>
        new Vae({
          inputSize: 3,
          latentSize: 2,
          reconstruction: bernoulli(),
          objective: elbo({ freeBits: 1 }),
          prior: mixturePrior({ components: 2 }),
        }),
      'Vae: freeBits need the KL of each latent',
    ],
    [
      'beta and an objective',
      () => new Vae({ inputSize: 3, latentSize: 2, reconstruction: bernoulli(), objective: elbo(), beta: 2 }),
      'Vae: give beta and numSamples to the objective, not beside it',
    ],
    [
      'dropout without layers given as numbers',
      () => new Vae({ inputSize: 3, latentSize: 2, reconstruction: bernoulli(), encoder: [dense(4)], dropout: 0.1 }),
      'Vae: dropout and layerNorm are of layers given as numbers',
    ],
    [
      'inputSize and event',
      () => new Vae({ inputSize: 3, event: [3], latentSize: 2, reconstruction: bernoulli() }),
      "Vae: give the rows' columns as inputSize, or their shape as event, not both",
    ],
    [
      'a seed and a generator',
      () =>
        new Vae({ inputSize: 3, latentSize: 2, reconstruction: bernoulli() }).sample(1, { seed: 1, rng: new Rng(1) }),
      'Vae.sample: give a seed or a generator, not both',
    ],
    [
      'a decoder and tied weights',
      () => new Autoencoder({ inputSize: 3, encoder: [2, 2], decoder: [5], tied: true }),
      "Autoencoder: a tied decoder has the encoder's sizes, 2; leave decoder out",
    ],
    [
      'a transform beside an encoder that has one',
      () =>
        new Classifier({
          encoder: new Autoencoder({ inputSize: 3, encoder: [2] }),
          classes: 2,
          transform: standardise(),
        }),
      'Classifier: the encoder brings its own transform; leave it out',
    ],
  ];
  it.each(cases)('%s are refused', (_name, run, message) => expect(run).toThrow(message));
});

describe('models', () => {
  const rows = new Rng(1).uniform([40, 6]);
  const labels = Array.from({ length: 40 }, (_, i) => i % 3);
  const targets = Array.from({ length: 40 }, (_, i) => i / 10);
  const quick = { epochs: 2, batchSize: 16, onWarning: () => {} };
  const autoencoder = (): Autoencoder =>
    new Autoencoder({ inputSize: 6, encoder: [4, 2], transform: standardise(), seed: 2 });
  /** Of each model some that are trained, and what is asked of them. */
  const table: Record<string, [make: () => Promise<Model<never>>, behaviour: (model: never) => unknown][]> = {
    vae: [
      [
        async () => {
          const vae = new Vae({
            inputSize: 6,
            latentSize: 2,
            encoder: [5, dropout(0.1)],
            reconstruction: gaussian({ variance: 'optimal' }),
            transform: standardise(),
          });
          await vae.fit(rows, quick);
          return vae;
        },
        (vae: Vae) => [vae.elbo(rows).elbo.toArray(), vae.reconstruct(rows).toArray(), vae.sample(3).toArray()],
      ],
      [
        async () => {
          const vae = new Vae({
            event: [2, 3],
            latentSize: 2,
            encoder: [dense(5, { layerNorm: true }), activation('tanh')],
            reconstruction: bernoulli(),
            prior: mixturePrior({ components: 2 }),
            objective: elbo({ beta: 2, samples: 2 }),
          });
          await vae.fit(rows, quick);
          return vae;
        },
        (vae: Vae) => [vae.elbo(rows).elbo.toArray(), vae.reconstruct(rows).shape, vae.event],
      ],
      [
        async () => {
          const vae = new Vae({
            ...{ inputSize: 6, latentSize: 2, encoder: [5], reconstruction: gaussian(), transform: standardise() },
            prior: exemplarPrior({ neighbours: 2 }),
          });
          await vae.fit(rows, quick);
          return vae;
        },
        (vae: Vae) => [vae.elbo(rows).elbo.toArray(), vae.sample(3).toArray(), vae.moreLike(rows, 2).toArray()],
      ],
      ...[planar(3), iaf({ steps: 2, hidden: [4] })].map((posterior): [() => Promise<Vae>, (vae: Vae) => unknown] => [
        async () => {
          const vae = new Vae({
            ...{ inputSize: 6, latentSize: 2, encoder: [5], reconstruction: gaussian(), transform: standardise() },
            posterior,
          });
          await vae.fit(rows, quick);
          return vae;
        },
        (vae: Vae) => [vae.elbo(rows).elbo.toArray(), vae.encode(rows).mean.toArray(), vae.moreLike(rows, 2).toArray()],
      ]),
    ],
    autoencoder: [
      [
        async () => {
          const model = autoencoder();
          await model.fit(rows, quick);
          return model;
        },
        (model: Autoencoder) => [model.encode(rows).toArray(), model.reconstructionError(rows).toArray()],
      ],
    ],
    denoisingAutoencoder: [
      [
        async () => {
          const model = new DenoisingAutoencoder({
            inputSize: 6,
            encoder: [4],
            corruption: masking(0.5),
            reconstruction: studentT(),
          });
          await model.fit(rows, quick);
          return model;
        },
        (model: DenoisingAutoencoder) => [model.reconstruct(rows).toArray(), model.options.corruption.config()],
      ],
    ],
    classifier: [
      [
        async () => {
          const encoder = autoencoder();
          await encoder.fit(rows, quick);
          const model = new Classifier({ encoder, classes: 3 });
          await model.fit(rows, labels, quick);
          return model as unknown as Model<never>;
        },
        (model: Classifier) => [model.predictProbability(rows).toArray(), model.predict(rows)],
      ],
      [
        async () => {
          const model = new Classifier({
            encoder: [4, dense(2, { activation: 'tanh' })],
            inputSize: 6,
            classes: 3,
            transform: standardise(),
          });
          await model.fit(rows, labels, quick);
          return model as unknown as Model<never>;
        },
        (model: Classifier) => model.predictProbability(rows).toArray(),
      ],
    ],
    vqVae: [
      [
        async () => {
          const model = new VqVae({
            ...{ inputSize: 6, encoder: [5], codes: 4, codeSize: 2, places: 2, transform: standardise() },
            ...{ reconstruction: gaussian(), prior: { width: 4, layers: 1, heads: 2 }, commitment: 0.5 },
          });
          await model.fit(rows, quick);
          await model.fitPrior(rows, quick);
          return model as unknown as Model<never>;
        },
        (model: VqVae) => [
          model.codeBound(rows).bound.toArray(),
          model.sample(3).toArray(),
          model.encode(rows).toArray(),
        ],
      ],
    ],
    hierarchicalVae: [
      [
        async () => {
          const model = new HierarchicalVae({
            ...{ inputSize: 6, encoder: [[5], [4]], latentSizes: [2, 1], transform: standardise() },
            ...{
              reconstruction: gaussian({ variance: 'shared' }),
              freeBits: 0.1,
              warmUp: 1,
              beta: 2,
              activation: 'tanh',
            },
          });
          await model.fit(rows, quick);
          return model as unknown as Model<never>;
        },
        (model: HierarchicalVae) => [
          model.elbo(rows).elbo.toArray(),
          model.sample(3).toArray(),
          model.encode(rows).mean.toArray(),
        ],
      ],
    ],
    maskedAutoencoder: [
      [
        async () => {
          const model = new MaskedAutoencoder({
            ...{ inputSize: 6, encoder: [5, 4], transform: standardise(), hide: [0.2, 0.5], visibleWeight: 0.1 },
            ...{ reconstruction: gaussian({ variance: 'perColumn' }), activation: 'tanh' },
          });
          await model.fit(rows, quick);
          return model as unknown as Model<never>;
        },
        (model: MaskedAutoencoder) => [
          model.contributions(rows).columns.toArray(),
          model.encode(rows).toArray(),
          model.impute([[Number.NaN, 1, 2, 3, 4, Number.NaN]], { kind: 'draw' }).toArray(),
        ],
      ],
    ],
    sparseAutoencoder: [
      [
        async () => {
          const model = new SparseAutoencoder({ inputSize: 6, features: 9, active: 2, transform: standardise() });
          await model.fit(rows, quick);
          return model as unknown as Model<never>;
        },
        (model: SparseAutoencoder) => [model.encode(rows).toArray(), model.reconstruct(rows).toArray()],
      ],
    ],
    semiSupervisedVae: [
      [
        async () => {
          const model = new SemiSupervisedVae({
            ...{ inputSize: 6, latentSize: 2, encoder: [5], reconstruction: gaussian(), classes: 3 },
            transform: standardise(),
            prior: conditionalPrior(),
            labelWeight: 2,
          });
          const partial = Array.from(labels, (label, i) => (i % 2 === 0 ? label : null));
          await model.fit(rows, partial, quick);
          return model as unknown as Model<never>;
        },
        (model: SemiSupervisedVae) => [model.elbo(rows).toArray(), model.vae.sample(2, { condition: 1 }).toArray()],
      ],
    ],
    regressor: [
      [
        async () => {
          const encoder = new Vae({ inputSize: 6, latentSize: 2, encoder: [5], reconstruction: gaussian() });
          await encoder.fit(rows, quick);
          const model = new Regressor({
            encoder,
            likelihood: gaussian({ variance: 'shared' }),
            targetTransform: standardise(),
            jointly: 0.1,
          });
          await model.fit(rows, targets, quick);
          return model;
        },
        (model: Regressor) => model.predict(rows).toArray(),
      ],
    ],
  };

  it('that files know are all tried', () => {
    expect(Object.keys(table).sort()).toEqual(
      modelNames()
        .filter((name) => name !== 'tests.noisy')
        .sort(),
    );
  });

  it.each(Object.keys(table))('%s comes back from its bytes, by its own class and by any', async (name) => {
    for (const [make, behaviour] of table[name]!) {
      const model = await make();
      const bytes = model.toBytes();
      const want = behaviour(model as never);
      const type = model.constructor as unknown as { fromBytes(bytes: Uint8Array): Model<never> };
      for (const copy of [type.fromBytes(bytes), modelFromBytes(bytes) as Model<never>]) {
        expect(copy).toBeInstanceOf(model.constructor);
        expect(behaviour(copy as never)).toEqual(want);
        expect(copy.metadata()).toEqual(model.metadata());
        expect([...copy.toBytes()]).toEqual([...bytes]);
      }
    }
  });

  it('of another class are refused by name', async () => {
    const bytes = autoencoder().toBytes();
    expect(() => Vae.fromBytes(bytes)).toThrow(
      "Vae.fromBytes: expected a file of the model 'vae', got 'autoencoder'; load it with its own class, or with loadModel",
    );
    await expect(loadModel('/nowhere/at/all')).rejects.toThrow('load: there is no file /nowhere/at/all');
  });

  it('of a subclass come back as that', async () => {
    class Mine extends Vae {
      twice(n: number): Tensor {
        return this.sample(2 * n);
      }
    }
    const mine = new Mine({ inputSize: 6, latentSize: 2, encoder: [3], reconstruction: bernoulli() });
    await mine.fit(rows, quick);
    const copy = Mine.fromBytes(mine.toBytes());
    expect([copy instanceof Mine, copy.twice(2).toArray()]).toEqual([true, mine.twice(2).toArray()]);
    // With a name of its own it is known to all readers.
    class Noisy extends Autoencoder {
      static override readonly modelName: string = 'tests.noisy';
    }
    registerModel(Noisy);
    const noisy = new Noisy({ inputSize: 6, encoder: [3] });
    expect(modelFromBytes(noisy.toBytes())).toBeInstanceOf(Noisy);
    expect(() => Autoencoder.fromBytes(noisy.toBytes())).toThrow(
      "expected a file of the model 'autoencoder', got 'tests.noisy'",
    );
    expect(() =>
      registerModel(
        class Other extends Vae {
          static override readonly modelName = 'vae';
        },
      ),
    ).toThrow("registerModel: there is a model 'vae' already");
  });

  it('with modules of one’s own need those again, by name', async () => {
    class Net extends Module {
      readonly layer: Linear;
      constructor(from: number, to: number, seed = 1) {
        super();
        this.layer = new Linear(from, to, { rng: new Rng(seed) });
      }
      override get type(): string {
        return 'Net';
      }
      forward(x: Tensor): Tensor {
        return this.layer.forward(x).tanh();
      }
    }
    const vae = new Vae({
      inputSize: 6,
      latentSize: 2,
      encoder: new Net(6, 4),
      decoder: new Net(2, 4),
      reconstruction: bernoulli(),
    });
    await vae.fit(rows, quick);
    const bytes = vae.toBytes();
    expect(() => Vae.fromBytes(bytes)).toThrow(
      "Vae.fromBytes: the file's description is not valid: Vae: encoder was a module of your own (Net); give it again, as load(path, { encoder: module })",
    );
    const copy = Vae.fromBytes(bytes, { encoder: new Net(6, 4, 8), decoder: new Net(2, 4, 9) });
    expect(copy.elbo(rows).elbo.toArray()).toEqual(vae.elbo(rows).elbo.toArray());
    expect(() => Vae.fromBytes(bytes, { encoder: new Net(6, 5), decoder: new Net(2, 4) })).toThrow(
      'loadStateDict: encoder.layer.weight must be [5, 6]',
    );
    expect(() => Vae.fromBytes(bytes, { encoders: new Net(6, 4) })).toThrow(
      "there is no option 'encoders'; did you mean 'encoder'?",
    );
  });
});

describe('parts of one’s own', () => {
  const triangle = likelihoods.define('triangle', {
    options: { width: real({ above: 0 }) } satisfies Checks,
    build: ({ width }) => {
      const { logProb, logProbPerColumn, ...rest } = squaredError();
      return {
        ...rest,
        logProb: (x: Tensor, params: Tensor) => logProb(x, params).mul(1 / width),
        logProbPerColumn: (x: Tensor, params: Tensor) => logProbPerColumn(x, params).mul(1 / width),
      } as never;
    },
  });
  const flip = corruptions.define('flip', { options: {}, build: () => ({ apply: (x: Tensor) => x.neg() }) });
  const reconstructionOnly = objectives.define('reconstructionOnly', {
    options: {},
    build: () => ({
      weightAt: null,
      needsExactKl: false,
      compute(model, x) {
        const { mean } = model.posterior(x);
        const reconstruction = model.conditionalLogProb(x, mean).neg().mean();
        return { loss: reconstruction, reconstruction, kl: reconstruction.mul(0) };
      },
    }),
  });
  class Shifted extends LearnedPrior {
    readonly by: number;
    readonly latentSize: number;
    constructor(by: number, latentSize: number) {
      super();
      this.by = by;
      this.latentSize = latentSize;
    }
    components() {
      const shape = [1, this.latentSize];
      const zeros = tensor(new Float32Array(this.latentSize), { shape });
      return { mean: zeros.add(this.by), logVariance: zeros, logits: tensor([0]) };
    }
  }
  const shiftedNormal = priors.define('shiftedNormal', {
    options: { by: real() },
    build: ({ by }) => ({ build: ({ latentSize }) => new Shifted(by, latentSize) }),
  });

  it('train, are saved and are loaded, in models and in a composite', async () => {
    const rows = new Rng(1).uniform([30, 4]);
    const reconstruction = composite([
      [2, triangle({ width: 2 })],
      [2, gaussian()],
    ]);
    const options = { inputSize: 4, latentSize: 2, encoder: [4] };
    const models = [
      new Vae({ ...options, reconstruction, prior: shiftedNormal({ by: 1 }), objective: reconstructionOnly() }),
      new DenoisingAutoencoder({ inputSize: 4, encoder: [3], corruption: flip() }),
    ];
    for (const model of models) {
      await model.fit(rows, { epochs: 2, onWarning: () => {} });
      const copy = modelFromBytes(model.toBytes()) as typeof model;
      expect(copy.reconstructionError(rows).toArray()).toEqual(model.reconstructionError(rows).toArray());
      expect(copy.metadata()).toEqual(model.metadata());
    }
    const column = columnwise('halved', {}, () => ({ ...exponentialColumn(), count: 1 }));
    likelihoods.register(column);
    const vae = new Vae({ ...options, reconstruction: column.make({}) });
    expect(Vae.fromBytes(vae.toBytes()).elbo(rows).elbo.toArray()).toEqual(vae.elbo(rows).elbo.toArray());
  });

  function exponentialColumn() {
    const { mean, mode, support } = exponential();
    return {
      support: support(1)[0]!,
      logProb: (x: Expr, gamma: Expr) => gamma.sub(x.mul(gamma.exp())),
      mean,
      mode,
      sample: (rng: Rng, gamma: Tensor) => exponential().sample(gamma, rng),
    };
  }

  it('that files name and nobody defined are refused', () => {
    const vae = new Vae({ inputSize: 4, latentSize: 1, reconstruction: bernoulli() });
    const metadata = vae.metadata();
    const config = JSON.parse(metadata.config!) as Record<string, unknown>;
    expect(() => new Vae({ ...config, reconstruction: { name: 'squareError' } } as never)).toThrow(
      "Vae: there is no likelihood (reconstruction) 'squareError'; did you mean 'squaredError'?",
    );
    expect(layers.names()).not.toContain('conv3d');
  });
});
