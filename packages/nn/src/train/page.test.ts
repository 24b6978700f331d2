import { createHash } from 'node:crypto';
import { Rng, type Tensor } from '@latent/tensor';
import { afterEach, expect, it, vi } from 'vitest';
import { type Batch, dataset } from '../data/dataset.ts';
import { Linear } from '../layers/linear.ts';
import { BatchNorm } from '../layers/normalization/batch-norm.ts';
import { mseLoss } from '../losses/losses.ts';
import { Module } from '../module/module.ts';
import { fit } from './fit.ts';
import type { TrainingOptions } from './fit-options.ts';
import type { Trainable } from './trainable.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

class Net extends Module implements Trainable {
  // So large that first weights and slots are put off on a page.
  readonly first = new Linear(160, 512, { rng: new Rng(1) });
  readonly norm = new BatchNorm(512);
  readonly second = new Linear(512, 160, { rng: new Rng(2) });

  parts({ x }: Batch) {
    const input = x as Tensor;
    return { loss: mseLoss(this.second.forward(this.norm.forward(this.first.forward(input)).tanh()), input) };
  }
}

const x = new Rng(3).normal([96, 160]);
const rows = Array.from(
  { length: 96 },
  (_, r) =>
    x
      .slice([[r, r + 1]])
      .reshape([160])
      .toArray() as number[],
);

/** All weights, in few; running statistics move with every batch, so they count at the end. */
function digest(model: Module, tensors: readonly Tensor[] = model.parameters()): string {
  const hash = createHash('sha1');
  for (const { data } of tensors) hash.update(new Uint8Array(data.buffer));
  return hash.digest('hex');
}

async function train(options: TrainingOptions, began: (model: Net) => void = () => {}) {
  const model = new Net();
  const states: string[] = [];
  began(model);
  const history = await fit(model, dataset({ x: rows }), {
    ...{ epochs: 2, batchSize: 32, seed: 4 },
    validation: dataset({ x: rows.slice(0, 40) }),
    callbacks: [{ name: 'states', afterStep: () => states.push(digest(model)) }],
    ...options,
  });
  const losses = history.epochs.map(({ loss, validation }) => [loss, validation?.loss]);
  return { losses, states, last: digest(model, Object.values(model.stateDict())) };
}

it.each<[string, TrainingOptions]>([
  ['an update a batch', {}],
  ['an update for two batches', { accumulate: 2 }],
])('with %s, fit on a page is made in slices, with the same bits', async (_name, options) => {
  const expected = await train(options);
  // Every look at the clock finds that much time has gone by, so there is a turn of the event loop after every piece.
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 30;
    return now;
  });
  const soon = setImmediate;
  const seen = new Set<string>();
  let [turns, of]: [number, Net | null] = [0, null];
  vi.stubGlobal('setImmediate', (next: () => void) => {
    turns++;
    // Who looks between two pieces sees the weights between two updates.
    if (of !== null && turns % 3 === 0) seen.add(digest(of));
    soon(next);
  });
  vi.stubGlobal('document', {});
  const page = await train(options, (model) => {
    of = model;
  });
  expect(page).toEqual(expected);
  const start = digest(new Net());
  expect([...seen].filter((state) => state !== start && !expected.states.includes(state))).toEqual([]);
  expect(seen.size).toBeGreaterThan(2);
  expect(turns).toBeGreaterThan(4 * expected.states.length);
});
