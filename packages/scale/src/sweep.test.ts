import { sgd, standardise, stepSchedule } from '@latent/nn';
import { Rng } from '@latent/tensor';
import { gaussian, Vae } from '@latent/vae';
import { expect, it } from 'vitest';
import { bitsOf } from '../test/bits.ts';
import { localEngine, memoryStore, sweep, type Trial } from './index.ts';

const rows = new Rng(2).normal([80, 4], { mean: 2 }).data as Float32Array;
const validation = new Rng(3).normal([40, 4], { mean: 2 }).data as Float32Array;
const vae = (latentSize: number, seed = 0): Vae =>
  new Vae({ inputSize: 4, latentSize, encoder: [6], reconstruction: gaussian(), transform: standardise(), seed });
const trials = (): readonly Trial<Vae>[] => [
  { name: 'slow', model: vae(1), learningRate: 1e-5, batchSize: 20 },
  { name: 'good', model: vae(2), learningRate: 0.02, batchSize: 20 },
  { name: 'fair', model: vae(2, 1), learningRate: 0.005, batchSize: 20 },
  { name: 'mad', model: vae(1, 2), optimizer: sgd({ learningRate: 1e9 }), batchSize: 20 },
];
const base = { rows, validation, rungs: [1, 2, 5], keep: 0.5 };
const place = (workers = 1) => ({ store: memoryStore(), engine: localEngine({ workers }) });

it('halves: the best go on from where they were, to the bits of one fit', async () => {
  const given = trials();
  const { best, trials: ranked } = await sweep(given, { ...base, ...place(2) });
  expect(ranked[0]?.name).toBe('good');
  expect(ranked.map(({ rung, epochs }) => [rung, epochs])).toEqual([
    [2, 5],
    [1, 2],
    [0, 1],
    [0, 1],
  ]);
  expect(ranked.find(({ name }) => name === 'mad')?.loss).toBeNull();
  const whole = vae(2);
  const { epochs } = await whole.fit(rows, {
    epochs: 5,
    learningRate: 0.02,
    batchSize: 20,
    validationData: validation,
  });
  expect(best).toBe(given[1]?.model);
  expect(bitsOf(best)).toBe(bitsOf(whole));
  expect(best.metadata()).toEqual(whole.metadata());
  expect(ranked[0]?.loss).toBe(epochs[4]?.validation?.loss);
});

it('comes to the same with any number of workers and after accidents, and is found when it is over', async () => {
  const store = memoryStore();
  const one = await sweep(trials(), { ...base, ...place(1) });
  const lost = new Set<string>();
  const fault = (job: object) => {
    const first = !lost.has(JSON.stringify(job));
    lost.add(JSON.stringify(job));
    return first ? 'lose' : undefined;
  };
  const three = await sweep(trials(), { ...base, store, engine: localEngine({ workers: 3, fault }) });
  expect(three.trials).toEqual(one.trials);
  expect(bitsOf(three.best)).toBe(bitsOf(one.best));
  const again = await sweep(trials(), { ...base, store, engine: localEngine() });
  expect(bitsOf(again.best)).toBe(bitsOf(one.best));
});

it('of which the best diverges later has the best of the others', async () => {
  const late = stepSchedule({ rate: 0.02, gamma: 1e12, every: 5 });
  const { best, trials: ranked } = await sweep(
    [
      { name: 'late', model: vae(2), optimizer: sgd({ learningRate: late }), batchSize: 20 },
      { name: 'sound', model: vae(2), learningRate: 1e-6, batchSize: 20 },
    ],
    { ...base, ...place() },
  );
  expect(ranked.map(({ name, rung, loss }) => [name, rung, loss === null])).toEqual([
    ['sound', 0, false],
    ['late', 1, true],
  ]);
  const whole = vae(2);
  await whole.fit(rows, { epochs: 1, learningRate: 1e-6, batchSize: 20 });
  expect(bitsOf(best)).toBe(bitsOf(whole));
});

it('ends at the signal', async () => {
  const sweeping = sweep(trials(), { ...base, ...place(), signal: AbortSignal.abort(new Error('enough')) });
  await expect(sweeping).rejects.toThrow('enough');
});

const frozen = vae(1);
frozen.encoder.freeze();
it.each([
  [[], {}, 'sweep: needs at least one trial'],
  [[{ model: vae(1), epochs: 3 }], {}, "sweep: trials[0]: there is no option 'epochs'"],
  [[{ model: vae(1) }], { rungs: [3, 3] }, 'sweep: rungs must rise, got 3, 3'],
  [[{ model: vae(1) }], { keep: 1 }, 'sweep: keep must be a number'],
  [[null], {}, 'sweep: trials[0] must be { model, … }, got null'],
  [[{ model: frozen }], {}, 'sweep: trials[0]: parts of this model are frozen'],
  [[{ model: {} }], {}, 'sweep: the model must be a module'],
  [[{ model: vae(1), optimizer: sgd({ learningRate: 1e12 }) }], {}, 'sweep: every trial diverged'],
])('%#: is refused', async (given, options, message) => {
  await expect(sweep(given as never, { ...base, ...place(), ...options })).rejects.toThrow(message);
});

it('of one model twice is refused', async () => {
  const model = vae(1);
  await expect(sweep([{ model }, { model }], { ...base, ...place() })).rejects.toThrow(
    'two trials have the same model',
  );
});
