import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noGrad } from '@latent/autograd';
import {
  bucketsOf,
  characters,
  conv1d,
  dense,
  embedding,
  flatten,
  log,
  lstm,
  minGru,
  standardise,
  unpadded,
} from '@latent/nn';
import { Rng, tensor } from '@latent/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import {
  Autoencoder,
  bivariateMixture,
  Classifier,
  categorical,
  composite,
  elbo,
  gaussian,
  gaussianMixture,
  iwae,
  laplace,
  mixturePrior,
  tokens,
  Vae,
} from '../index.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-sequence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quick = { epochs: 3, batchSize: 8, onWarning: () => {} };
/** Waves of 3 to 20 steps of two columns on scales of their own. */
const waves = Array.from({ length: 40 }, (_, r) =>
  Array.from({ length: 3 + ((r * 5) % 18) }, (_, t) => [10 * Math.sin(t / 2 + r), 300 + t]),
);
const letters = characters('abcdefgh');
const names = ['abba', 'bea', 'dada', 'ed', 'fee', 'gag', 'head', 'cab', 'face', 'badge', 'a', 'hedge'];

const wavesVae = (options: object = {}) =>
  new Vae({
    sequence: { steps: 20, features: 2 },
    latentSize: 2,
    encoder: [lstm(8)],
    reconstruction: gaussian(),
    transform: standardise(),
    ...options,
  });
const namesVae = (options: object = {}) =>
  new Vae({
    sequence: { steps: 8, tokenizer: letters, previous: { dropout: 0.2, width: 6 } },
    latentSize: 3,
    encoder: [embedding(letters.size, 6), lstm(8, { bidirectional: true })],
    decoder: [lstm(12, { returnSequences: true })],
    reconstruction: tokens(letters.size),
    ...options,
  });
/** Strokes of a pen: offsets, and one of down, up, end. */
const strokes = Array.from({ length: 12 }, (_, r) =>
  Array.from({ length: 2 + (r % 5) }, (_, t) => [
    t - r / 3,
    Math.cos(t + r),
    ...(t === 1 + (r % 5) ? [0, 0, 1] : t % 2 ? [0, 1, 0] : [1, 0, 0]),
  ]),
);
const strokesVae = () =>
  new Vae({
    sequence: { steps: 9, features: 5, stop: { column: 4, value: 1 }, previous: true },
    latentSize: 2,
    encoder: [lstm(6)],
    decoder: [minGru(7, { returnSequences: true }), dense(6, { perStep: true })],
    reconstruction: composite([
      [2, bivariateMixture({ components: 2 })],
      [3, categorical()],
    ]),
  });
const wavesAutoencoder = (options: object = {}) =>
  new Autoencoder({
    sequence: { steps: 20, features: 2 },
    encoder: [lstm(8), 3],
    transform: standardise(),
    ...options,
  });
const namesAutoencoder = () =>
  new Autoencoder({
    sequence: { steps: 8, tokenizer: letters, previous: true },
    encoder: [embedding(letters.size, 6), lstm(8)],
    decoder: [lstm(12, { returnSequences: true })],
    reconstruction: tokens(letters.size),
  });

type Any = { fit(rows: never, options: object): Promise<unknown>; toBytes(): Uint8Array } & (Vae | Autoencoder);
const models: [string, () => Any, readonly unknown[], (bytes: Uint8Array) => Any][] = [
  ['series VAE', wavesVae as () => Any, waves, (bytes) => Vae.fromBytes(bytes) as Any],
  [
    'series VAE whose decoder sees the step before',
    () =>
      wavesVae({
        sequence: { steps: 20, features: 2, previous: true },
        decoder: [lstm(8, { returnSequences: true })],
      }) as Any,
    waves,
    (bytes) => Vae.fromBytes(bytes) as Any,
  ],
  [
    'series VAE of dense layers',
    () => wavesVae({ encoder: [flatten(), 16] }) as Any,
    waves,
    (bytes) => Vae.fromBytes(bytes) as Any,
  ],
  [
    'series VAE of convolutions',
    () => wavesVae({ encoder: [conv1d(4, { kernel: 3, stride: 2 })] }) as Any,
    waves,
    (bytes) => Vae.fromBytes(bytes) as Any,
  ],
  ['text VAE', namesVae as () => Any, names, (bytes) => Vae.fromBytes(bytes) as Any],
  [
    'text VAE of many draws',
    () => namesVae({ objective: iwae({ samples: 3 }), prior: mixturePrior({ components: 2 }) }) as Any,
    names,
    (bytes) => Vae.fromBytes(bytes) as Any,
  ],
  ['strokes VAE', strokesVae as () => Any, strokes, (bytes) => Vae.fromBytes(bytes) as Any],
  ['series autoencoder', wavesAutoencoder as () => Any, waves, (bytes) => Autoencoder.fromBytes(bytes) as Any],
  ['text autoencoder', namesAutoencoder as () => Any, names, (bytes) => Autoencoder.fromBytes(bytes) as Any],
];
const error = (model: Any, rows: readonly unknown[]): number[] => [...model.reconstructionError(rows as never).data];

describe.each(models)('%s', (_name, make, rows, read) => {
  it('learns, and a row scores the same alone, among others and through a file', async () => {
    const model = make();
    await model.fit(rows as never, { epochs: 1, batchSize: 8, onWarning: () => {} });
    const before = error(model, rows).reduce((a, b) => a + b);
    await model.fit(rows as never, { epochs: 12, batchSize: 8, onWarning: () => {} });
    const scores = error(model, rows);
    expect(scores.reduce((a, b) => a + b)).toBeLessThan(before);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect([3, 0, 7].map((r) => error(model, [rows[r]])[0])).toEqual([scores[3], scores[0], scores[7]]);
    expect(error(model, [...rows].reverse())).toEqual([...scores].reverse());
    expect(error(read(model.toBytes()), rows)).toEqual(scores);
  });

  it('has scores by step that add up to the row’s, and nothing past its end', async () => {
    const model = make();
    await model.fit(rows as never, quick);
    const steps = model.reconstructionErrorPerStep(rows as never);
    expect(steps.shape).toEqual([rows.length, model.sequence!.steps]);
    const own = unpadded(steps);
    own.forEach((row, r) => {
      const end = model.sequence!.tokenizer === null ? (rows[r] as unknown[]).length : (rows[r] as string).length + 1;
      expect(row.length).toBe(end);
    });
    error(model, rows).forEach((score, r) => {
      expect(own[r]!.reduce((a, b) => a + b)).toBeCloseTo(score, 3);
    });
  });

  it('goes on from a checkpoint to the same bits', async () => {
    const path = join(folder, `${Math.random()}`);
    const straight = make();
    await straight.fit(rows as never, { ...quick, epochs: 4 });
    const stopped = make();
    await stopped.fit(rows as never, { ...quick, epochs: 2, checkpoint: { to: path } });
    const resumed = make();
    await resumed.fit(rows as never, { ...quick, epochs: 4, checkpoint: { to: path, resume: true } });
    expect(error(resumed, rows)).toEqual(error(straight, rows));
  });
});

describe('sequences', () => {
  it('are given back as long as they are, on their own scale', async () => {
    const vae = wavesVae();
    await vae.fit(waves, { ...quick, epochs: 60, learningRate: 0.01 } as never);
    const back = unpadded(vae.reconstruct(waves));
    expect(back.map((row) => row.length)).toEqual(waves.map((row) => 2 * row.length));
    expect(Math.abs(back[3]![1]! - 300)).toBeLessThan(30);
    expect(vae.sample(2).shape).toEqual([2, 20, 2]);
    expect(vae.encode(vae.sample(2)).mean.shape).toEqual([2, 2]);
    const { score, columns, kl } = vae.contributions(waves);
    expect(columns.shape).toEqual([40, 40]);
    const sums = [...columns.sum({ axis: 1 }).add(kl).data];
    [...score.data].forEach((value, r) => {
      expect(value).toBeCloseTo(sums[r]!, 3);
    });
    const { baseline } = await vae.diagnose(waves);
    expect(Number.isFinite(baseline)).toBe(true);
    expect(vae.logLikelihood(waves.slice(0, 2), { samples: 5 }).logLikelihood.shape).toEqual([2]);
  });

  it('end where they stop: texts come back as texts, and what is made can go in again', async () => {
    const vae = namesVae({ objective: elbo({ freeBits: 0.5 }) });
    await vae.fit(names, { epochs: 120, batchSize: 12, learningRate: 0.02 } as never);
    const texts = (x: Parameters<typeof unpadded>[0]): string[] => unpadded(x).map((row) => letters.decode(row));
    expect(texts(vae.reconstruct(names)).filter((text, i) => text === names[i]).length).toBeGreaterThan(6);
    const drawn = vae.sample(20, { output: 'draw', temperature: 0.5, seed: 1 });
    expect(texts(drawn)).toEqual(texts(vae.sample(20, { output: 'draw', temperature: 0.5, seed: 1 })));
    expect(new Set(texts(drawn)).size).toBeGreaterThan(3);
    const ended = unpadded(drawn).filter((row) => row.at(-1) === 0);
    expect(ended.length).toBeGreaterThan(10);
    for (const row of ended) expect(row.indexOf(0)).toBe(row.length - 1);
    expect(vae.encode(ended as never).mean.shape).toEqual([ended.length, 3]);
    expect(texts(vae.interpolate('abba', 'hedge', 4))).toHaveLength(4);
  });

  it('are scored by the true step before: what a decoder is shown later does not matter', () => {
    const vae = namesVae();
    const z = new Rng(1).normal([2, 3]);
    const x = tensor([
      [1, 2, 3, 0, 0, 0, 0, 0],
      [1, 2, 5, 4, 4, 4, 4, 4],
    ]);
    const same = tensor([[...z.data.slice(0, 3)], [...z.data.slice(0, 3)]]);
    const [a, b] = noGrad(() => vae.likelihoodParams(same, { x })).toArray() as number[][];
    expect(a!.slice(0, 3 * 9)).toEqual(b!.slice(0, 3 * 9));
    expect(a!.slice(3 * 9, 4 * 9)).not.toEqual(b!.slice(3 * 9, 4 * 9));
    expect(() => vae.likelihoodParams(z)).toThrow('this decoder sees the step before; give the rows, as { x }');
  });

  it('cost the same whatever their batch is padded to', () => {
    const vae = wavesVae({
      sequence: { steps: 20, features: 2, previous: true },
      decoder: [lstm(8, { returnSequences: true })],
    });
    const x = new Rng(1).normal([2, 6, 2]);
    const lengths = tensor([4, 6]);
    const wide = tensor(
      Array.from(x.toArray() as number[][][], (row) => [...row, ...Array.from({ length: 14 }, () => [9, 9])]),
    );
    const loss = (rows: typeof x) => vae.evaluate({ x: rows, lengths }, new Rng(2)).loss.item();
    expect(loss(wide)).toBeCloseTo(loss(x), 4);
  });

  it('leave the weights alone that padding would reach', () => {
    const vae = namesVae();
    vae.loss(tensor([[1, 0, 0, 0]]), new Rng(1), { lengths: tensor([2]) }).loss.backward();
    const grads = vae.namedParameters().map(([name, p]) => [name, p.grad] as const);
    expect(grads.every(([, grad]) => grad === null || [...grad.data].every(Number.isFinite))).toBe(true);
    // Token 5 stands nowhere.
    const table = grads.find(([name]) => name === 'encoder.0.weight')![1]!.toArray() as number[][];
    expect(table[5]!.every((value) => value === 0)).toBe(true);
    expect(table[1]!.some((value) => value !== 0)).toBe(true);
  });

  it.each([
    ['gaussian', gaussian()],
    ['mixture', gaussianMixture({ components: 2 })],
  ])('are drawn sharper or wider by the temperature: %s', (_name, of) => {
    const vae = new Vae({ sequence: { steps: 5 }, latentSize: 1, encoder: [lstm(3)], reconstruction: of });
    const codes = tensor(new Float32Array(400), { shape: [400, 1] });
    const spread = (temperature: number) => {
      const params = noGrad(() => vae.likelihoodParams(codes));
      const likelihood = vae.reconstructionDistribution;
      return likelihood
        .sample(likelihood.tempered!(params, temperature), new Rng(1))
        .variance({ axis: 0 })
        .mean()
        .item();
    };
    expect(spread(0.1)).toBeLessThan(0.5 * spread(1));
    expect(spread(2)).toBeGreaterThan(spread(1));
  });
});

describe('sequences are refused', () => {
  const ready = namesVae();
  const cases: [string, () => unknown, string][] = [
    [
      'with a letter that is not there',
      () => ready.encode(['abba', 'aX']),
      'Vae.encode: row 1, "aX": character "X" at position 1 is not in the alphabet',
    ],
    [
      'that are too long',
      () => ready.encode(['abbaabba']),
      'Vae.encode: row 0, "abbaabba", has 9 steps with its end, at most 8',
    ],
    [
      'that do not end',
      () => ready.encode([[1, 2]]),
      'Vae.encode: a row must end with a step whose column 0 is 0, got 2 at row 0, step 1',
    ],
    ['that go on after their end', () => ready.encode([[1, 0, 2, 0]]), 'but goes on after row 0, step 1'],
    [
      'with tokens that do not exist',
      () => ready.encode([[1, 9, 0]]),
      'tokens data must be a whole number from 0 to 8, got 9 at row 0, step 1',
    ],
    [
      'as texts where they are numbers',
      () => wavesVae({ transform: null }).encode(['a']),
      'Vae.encode: rows are texts; make the model with sequence: { steps, tokenizer }',
    ],
    ['before fit has learned their scale', () => wavesVae().encode(waves), 'Vae.encode: standardise() learns'],
    [
      'by their row and step where a transform cannot be',
      () => wavesVae({ transform: log() }).fit(waves),
      'log.fit: needs values > 0, got 0 at row 0, step 0, column 0',
    ],
    ['with missing values', () => wavesVae({ missing: true }), 'Vae: missing is of rows of one shape'],
    [
      'with an event beside them',
      () => wavesVae({ event: [20, 2] }),
      'Vae: sequence says what rows are; leave inputSize and event out',
    ],
    [
      'with a decoder that looks ahead',
      () => namesVae({ decoder: [lstm(12, { returnSequences: true, bidirectional: true })] }),
      'Vae: with sequence.previous a decoder goes step by step',
    ],
    [
      'with a decoder that makes no steps',
      () => namesVae({ decoder: [lstm(12)] }),
      'Vae: with sequence.previous a decoder goes step by step',
    ],
    [
      'without a decoder that goes step by step',
      () => namesVae({ decoder: undefined }),
      'Vae: sequence.previous needs a decoder that goes step by step',
    ],
    [
      'with a likelihood of other tokens',
      () => namesVae({ reconstruction: tokens(5) }),
      'Vae: reconstruction must be tokens(9), one for each of the tokenizer',
    ],
    [
      'with the variance of a batch',
      () => wavesVae({ reconstruction: gaussian({ variance: 'optimal' }) }),
      "take 'shared', 'perColumn' or 'perRow'",
    ],
    [
      'with a stop that is no column',
      () => wavesVae({ sequence: { steps: 4, stop: { column: 1, value: 0 } } }),
      'Vae: sequence.stop.column must be below the 1 features, got 1',
    ],
    [
      'with an option that does not exist',
      () => wavesVae({ sequence: { step: 4 } }),
      "there is no field 'step'; did you mean 'steps'?",
    ],
    [
      'by what takes rows of one shape',
      () => new Classifier({ encoder: wavesVae(), classes: 2 }),
      "Classifier: the encoder's rows are sequences",
    ],
    [
      'where rows are none',
      () => new Vae({ inputSize: 2, latentSize: 1, reconstruction: gaussian() }).reconstructionErrorPerStep([[1, 2]]),
      'Vae.reconstructionErrorPerStep: rows are no sequences',
    ],
    [
      'at a temperature that has no meaning',
      () =>
        new Vae({ sequence: { steps: 2 }, latentSize: 1, encoder: [lstm(2)], reconstruction: laplace() }).sample(1, {
          output: 'draw',
          temperature: 0.5,
        }),
      'has no temperature',
    ],
  ];
  it.each(cases)('%s', async (_name, run, message) => {
    await expect((async () => run())()).rejects.toThrow(message);
  });
});

describe('what would be ignored, or guessed', () => {
  const make = () => new Vae({ sequence: { steps: 3 }, latentSize: 1, encoder: [2], reconstruction: gaussian() });

  it('a hole within a sequence is refused by its row and step, wherever rows go in', async () => {
    const refused = /got NaN or null at row 1, step 1/;
    for (const hole of [
      [1, null, 3],
      [1, null],
    ]) {
      const rows = [[1, 2], hole, [4]] as unknown as number[][];
      expect(() => make().elbo(rows)).toThrow(refused);
      expect(() => make().encode(rows)).toThrow(refused);
      await expect(make().fit(rows, quick)).rejects.toThrow(refused);
    }
  });

  it('a temperature without draws is refused, and one of draws acts', () => {
    const vae = new Vae({ inputSize: 2, latentSize: 1, reconstruction: gaussian() });
    expect(() => vae.sample(2, { temperature: 0.5 })).toThrow("got 0.5 with output 'mean'; add output: 'draw'");
    expect(() => vae.moreLike([[1, 2]], 2, { temperature: 0.5 })).toThrow('Vae.moreLike: temperature is of draws');
    const drawn = (temperature: number) => vae.sample(2, { output: 'draw', temperature, seed: 1 }).toArray();
    expect(drawn(0.5)).not.toEqual(drawn(2));
  });

  it('a misspelt option of fit is named before what is missing', async () => {
    const vae = new Vae({ inputSize: 1, latentSize: 1, reconstruction: gaussian(), condition: { columns: 1 } });
    await expect(vae.fit([[1], [2]], { conditon: [[1], [2]] } as never)).rejects.toThrow("did you mean 'condition'?");
  });

  it('buckets are of a number of steps', () => {
    expect(bucketsOf(10)).toEqual([4, 8, 10]);
    for (const bad of [null, 0, 1.5, '3']) expect(() => bucketsOf(bad as never)).toThrow('bucketsOf: steps must be');
  });
});
