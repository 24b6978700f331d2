// Models that know more of their rows than their numbers: labels, targets, conditions, lengths, holes, and parts that begin at rows.
import { characters, dataset, embedding, lstm, standardise } from '@latent/nn';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import {
  Autoencoder,
  Classifier,
  exemplarPrior,
  gaussian,
  MaskedAutoencoder,
  type Model,
  Regressor,
  SemiSupervisedVae,
  SparseAutoencoder,
  tokens,
  Vae,
} from '@latent/vae';
import { describe, expect, it } from 'vitest';
import { distributedFit, distributedScore, localEngine, memoryStore } from './index.ts';

const COUNT = 24;
const x = new Rng(2).normal([COUNT, 3], { mean: 3, std: 4 });
const holed = tensor(
  x.data.map((value, i) => (i % 7 === 3 ? Number.NaN : value)),
  { shape: [COUNT, 3] },
);
const targets = new Rng(3).normal([COUNT, 2], { mean: 100, std: 9 });
const classes = Array.from({ length: COUNT }, (_, r) => r % 3);
const some = classes.map((label, r) => (r % 3 === 0 ? label : null));
const ones = tensor(
  classes.map((label) => [0, 1, 2].map((of) => (of === label ? 1 : 0))),
  {},
);
const waves = Array.from({ length: COUNT }, (_, r) =>
  Array.from({ length: 2 + (r % 5) }, (_, t) => [10 * Math.sin(t + r), 300 + t]),
);
const letters = characters('abcde');
const words = Array.from({ length: COUNT }, (_, r) => 'abcdeabcde'.slice(r % 5, (r % 5) + 1 + (r % 4)));

const options = { inputSize: 3, encoder: [4], transform: standardise() };
const training = { batchSize: 8, learningRate: 0.01 };
type Any = Model<string> & Readonly<Record<string, (...given: readonly unknown[]) => never>>;
interface Case {
  readonly make: () => unknown;
  /** As workers get it, and as `fit` does. */
  readonly rows: unknown;
  readonly fit: readonly unknown[];
  readonly score: string;
}
const cases: Readonly<Record<string, Case>> = {
  'a classifier': {
    make: () => new Classifier({ ...options, classes: 3 }),
    rows: dataset({ x, y: classes }),
    fit: [x, classes],
    score: 'predictProbability',
  },
  'a regressor whose targets have a scale': {
    make: () => new Regressor({ ...options, outputs: 2, targetTransform: standardise() }),
    rows: dataset({ x, y: targets }),
    fit: [x, targets],
    score: 'predict',
  },
  'a semi-supervised VAE': {
    make: () => new SemiSupervisedVae({ ...options, latentSize: 1, classes: 3, reconstruction: gaussian() }),
    rows: dataset({ x, y: some as never }, { holes: true }),
    fit: [x, some],
    score: 'elbo',
  },
  'a sparse autoencoder, which starts at the mean': {
    make: () => new SparseAutoencoder({ inputSize: 3, features: 6, active: 2 }),
    rows: x,
    fit: [x],
    score: 'reconstructionError',
  },
  'rows with holes': {
    make: () => new MaskedAutoencoder({ ...options, reconstruction: gaussian() }),
    rows: holed,
    fit: [holed],
    score: 'encode',
  },
  series: {
    make: () =>
      new Autoencoder({ sequence: { steps: 6, features: 2 }, encoder: [lstm(4), 2], transform: standardise() }),
    rows: waves,
    fit: [waves],
    score: 'reconstructionError',
  },
  texts: {
    make: () =>
      new Vae({
        sequence: { steps: 5, tokenizer: letters, previous: true },
        latentSize: 1,
        encoder: [embedding(letters.size, 3), lstm(4)],
        decoder: [lstm(4, { returnSequences: true })],
        reconstruction: tokens(letters.size),
      }),
    rows: words,
    fit: [words],
    score: 'elbo',
  },
};

/** Weights and what was learned beside, to the bit. */
const all = (model: Any): unknown => [
  Object.entries(model.stateDict()).map(([name, { data }]) => [name, ...data]),
  model.metadata(),
];
const place = (workers = 1) => ({ store: memoryStore(), engine: localEngine({ workers }) });

describe.each(Object.entries(cases))('%s', (name, { make, rows, fit, score }) => {
  it('one shard is fit, more are the same whoever trains them, and scores are its own', async () => {
    const trained = async (more: object, workers = 1): Promise<Any> => {
      const model = make() as Any;
      const rounds = { ...training, rows, rounds: 2, validation: rows, ...more, ...place(workers) };
      await distributedFit(model, { ...rounds, onWarning: () => {} } as never);
      return model;
    };
    const whole = make() as Any;
    await (whole.fit as (...given: unknown[]) => unknown)(...fit, { ...training, epochs: 2, onWarning: () => {} });
    const one = await trained({ shards: 1, localSteps: COUNT / 8 });
    expect(all(one)).toEqual(all(whole));
    for (const localSteps of name === 'series' ? [1, 2] : [2]) {
      const two = await trained({ shards: 2, localSteps });
      expect(all(await trained({ shards: 2, localSteps }, 3))).toEqual(all(two));
    }
    const { scores } = await distributedScore(whole, { parts: fit[0] as Tensor, score, ...place(2) });
    const given = (whole[score] as (rows: unknown) => Tensor | Record<string, Tensor>)(fit[0]);
    const expected = 'shape' in given ? { [score]: given as Tensor } : (given as Record<string, Tensor>);
    for (const [of, { data }] of Object.entries(expected)) expect(scores[of]?.data).toEqual(data);
  });
});

it.each([{ classes: 3 }, { columns: 3 }])(
  'conditions %j go with their rows, in training and in scores',
  async (condition) => {
    const make = () => new Vae({ inputSize: 3, encoder: [4], latentSize: 1, reconstruction: gaussian(), condition });
    const rows = dataset({ x, condition: ones });
    const [whole, one] = [make(), make()];
    await whole.fit(x, { ...training, epochs: 1, condition: 'classes' in condition ? classes : ones });
    await distributedFit(one, { ...training, rows, shards: 1, localSteps: 3, rounds: 1, ...place() });
    expect(all(one as never)).toEqual(all(whole as never));
    const { elbo } = whole.elbo(x, { condition: ones });
    // In parts, each with its own.
    const module = {
      sources: {
        *part(at: string) {
          const [from, to] = [Number(at) * 12, Number(at) * 12 + 12];
          yield { x: x.data.slice(3 * from, 3 * to), condition: ones.data.slice(3 * from, 3 * to) };
        },
      },
    };
    const parts = [{ url: 'source:part?0' }, { url: 'source:part?1' }];
    const { scores } = await distributedScore(whole, { parts, module, ...place(2) });
    expect(scores.elbo?.data).toEqual(elbo.data);
    const alike = distributedScore(whole, { parts: x, options: { condition: 1 }, ...place() });
    if (!('classes' in condition)) await expect(alike).rejects.toThrow('Vae.elbo: condition');
    else expect((await alike).scores.elbo?.data).toEqual(whole.elbo(x, { condition: 1 }).elbo.data);
  },
);

it.each([
  ['a classifier', { rows: x }, 'give a data set, dataset({ x: rows, y: … }), or parts, got a Tensor'],
  ['a classifier', { rows: dataset({ x, z: classes }) }, 'the data set must have y of [] beside x, got x, z'],
  [
    'a classifier',
    { rows: dataset({ x, y: classes.map((label) => 2 * label) }) },
    'labels must be whole numbers from 0 to 2',
  ],
  [
    'a regressor whose targets have a scale',
    { rows: dataset({ x, y: classes }) },
    'the data set must have y of [2] beside x, got []',
  ],
  [
    'a semi-supervised VAE',
    { rows: dataset({ x, y: classes.map((label, r) => (r % 2 === 0 ? label : -1)) }) },
    'shard 1 of 2: SemiSupervisedVae.begin: at least one row must have a label; a Vae learns without any; deal the rows otherwise',
  ],
])('%s with %j is refused', async (name, rows, message) => {
  const fit = distributedFit(cases[name]?.make() as Any, { ...training, shards: 2, ...rows, ...place() } as never);
  await expect(fit).rejects.toThrow(message);
});

it('a prior that keeps all rows is refused with the remedy', async () => {
  const model = new Vae({ inputSize: 3, latentSize: 1, reconstruction: gaussian(), prior: exemplarPrior({}) });
  await expect(distributedFit(model, { ...training, rows: x, ...place() })).rejects.toThrow(
    'cannot be trained in parts; use fit, or another prior',
  );
});
