import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parameter } from '@latent/autograd';
import { Rng, type Tensor, tensor } from '@latent/tensor';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type Batch, type Dataset, dataset } from '../data/dataset.ts';
import { stream } from '../data/stream.ts';
import { dense } from '../layers/dense.ts';
import { mseLoss } from '../losses/losses.ts';
import { Module } from '../module/module.ts';
import { network } from '../network/network.ts';
import { adam } from '../optim/adam.ts';
import { sgd } from '../optim/sgd.ts';
import { decodeSafetensors, encodeSafetensors } from '../save/safetensors.ts';
import { cosineSchedule, plateauSchedule } from '../schedule/schedule.ts';
import { encodeCheckpoint, type RunParts, restoreCheckpoint } from './checkpoint.ts';
import { fit as train } from './fit.ts';
import type { FitOptions } from './fit-options.ts';
import type { FitEvent, History } from './history.ts';
import type { Parts, Trainable } from './trainable.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = new Rng(1).normal([50, 3]);
const y = x.matmul(tensor([[1], [-2], [0.5]]));
const data = dataset({ x, y });
const held = dataset({ x: x.slice([[0, 20]]).mul(1.1), y: y.slice([[0, 20]]) });

class Regression extends Module implements Trainable {
  readonly net;
  constructor(seed = 1) {
    super();
    const spec = [dense(6, { activation: 'tanh', dropout: 0.2 }), dense(1, { activation: 'identity' })];
    this.net = network(spec, { input: [3], rng: new Rng(seed) });
  }
  parts({ x, y }: Batch): Parts {
    return { loss: mseLoss(this.net.forward(x as Tensor), y as Tensor) };
  }
}

const weights = (model: Module): Float32Array[] => model.parameters().map((p) => p.data as Float32Array);
const timeless = (history: History): unknown => ({
  ...history,
  epochs: history.epochs.map(({ rowsPerSecond: _r, secondsLeft: _s, epochs: _e, ...rest }) => rest),
});

/** A place for checkpoints that keeps every one. */
function memory() {
  const saved: Uint8Array[] = [];
  return {
    saved,
    read: async () => saved.at(-1) ?? null,
    write: async (bytes: Uint8Array) => {
      saved.push(bytes);
    },
    at: (bytes: Uint8Array | null) => ({ read: async () => bytes, write: async () => {} }),
  };
}

/** The source of `data`, in chunks. */
const source = (length?: number): Dataset =>
  stream(
    async function* () {
      const [rows, targets] = [x.toArray() as number[][], y.toArray() as number[][]];
      for (let i = 0; i < 50; i += 7) yield { x: rows.slice(i, i + 7), y: targets.slice(i, i + 7) };
    },
    { spec: { x: [3], y: [1] }, shuffleBuffer: 20, ...(length !== undefined && { length }) },
  );

const base = { epochs: 3, batchSize: 16 };
const runs: [string, FitOptions, (() => Dataset)?][] = [
  ['plain', {}],
  [
    'a schedule by step, clipping and penalties',
    { learningRate: cosineSchedule({ rate: 0.02, steps: 20 }), clipNorm: 1, l2: 1e-3 },
  ],
  ['a schedule by epoch', { learningRate: cosineSchedule({ rate: 0.02, steps: 5, by: 'epoch' }) }],
  ['a plateau', { learningRate: plateauSchedule({ rate: 0.3, patience: 0, factor: 0.5 }), validation: held }],
  ['momentum', { optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }), constraints: [{ kind: 'maxNorm', limit: 1 }] }],
  ['a moving average', { movingAverage: { decay: 0.9 }, validation: held }],
  ['early stopping', { earlyStopping: { patience: 2 }, validation: held, learningRate: 0.3 }],
  [
    'early stopping of an average',
    { earlyStopping: { patience: 2 }, movingAverage: { decay: 0.5 }, validation: held, learningRate: 0.3 },
  ],
  ['accumulation', { accumulate: 3 }],
  ['accumulation of an average', { accumulate: 2, movingAverage: { decay: 0.9 } }],
  ['a stream', {}, () => source()],
  ['a stream of known length, accumulated', { accumulate: 2 }, () => source(50)],
];

describe.each(runs)('a run with %s', (_name, options, rows = () => data) => {
  it('goes on from every checkpoint, within epochs too, to the same bits', async () => {
    const whole = new Regression();
    const store = memory();
    const rng = new Rng(3);
    const history = await train(whole, rows(), {
      ...base,
      ...options,
      rng,
      checkpoint: { to: store, everyMinutes: 0 },
    });
    expect(store.saved.length).toBeGreaterThan(6);
    for (const bytes of store.saved) {
      const resumed = new Regression(99);
      const mine = new Rng(77);
      const again = await train(resumed, rows(), {
        ...base,
        ...options,
        rng: mine,
        checkpoint: { to: store.at(bytes), resume: true },
      });
      expect(weights(resumed)).toEqual(weights(whole));
      expect(timeless(again)).toEqual(timeless(history));
      expect(mine.state).toEqual(rng.state);
    }
  });

  it('goes on for more epochs as if there had been more', async () => {
    const store = memory();
    const short = await train(new Regression(), rows(), { ...base, ...options, epochs: 2, checkpoint: { to: store } });
    const [longer, long] = [new Regression(9), new Regression()];
    const more = await train(longer, rows(), { ...base, ...options, checkpoint: { to: store, resume: true } });
    const whole = await train(long, rows(), { ...base, ...options });
    if (short.stopped !== 'finished') return;
    expect(weights(longer)).toEqual(weights(long));
    expect(timeless(more)).toEqual(timeless(whole));
  });

  it('goes on from where it was aborted', async () => {
    const want = new Regression();
    await train(want, rows(), { ...base, ...options });
    for (const at of [0, 1, 3, 4, 6, 8]) {
      const store = memory();
      const controller = new AbortController();
      let steps = 0;
      if (at === 0) controller.abort();
      const checkpoint = { to: store, everyEpochs: 100, resume: true };
      await train(new Regression(), rows(), {
        ...base,
        ...options,
        checkpoint,
        signal: controller.signal,
        onProgress: () => void (++steps === at && controller.abort()),
      });
      const resumed = new Regression(5);
      await train(resumed, rows(), { ...base, ...options, checkpoint });
      expect(weights(resumed), `aborted after step ${at}`).toEqual(weights(want));
    }
  });
});

describe('a run that ended by itself', () => {
  it('by patience or at its target trains no more when it is resumed, and has the weights that it ended with', async () => {
    for (const [stopped, options] of [
      ['patience', { earlyStopping: { patience: 2 }, validation: held, learningRate: 0.5, epochs: 60 }],
      ['target', { earlyStopping: { target: 1e9 }, epochs: 60 }],
    ] as const) {
      const store = memory();
      const whole = new Regression();
      const history = await train(whole, data, { ...base, ...options, checkpoint: { to: store } });
      expect(history.stopped).toBe(stopped);
      const resumed = new Regression(4);
      const onEpoch = vi.fn();
      const again = await train(resumed, data, {
        ...base,
        ...options,
        onEpoch,
        checkpoint: { to: store, resume: true },
      });
      expect([onEpoch.mock.calls.length, timeless(again)]).toEqual([0, timeless(history)]);
      expect(weights(resumed)).toEqual(weights(whole));
    }
  });

  it('keeps in its file the weights that the model has, and the last ones to go on with', async () => {
    const store = memory();
    const model = new Regression();
    await train(model, data, { ...base, movingAverage: {}, checkpoint: { to: store } });
    const file = decodeSafetensors(store.saved.at(-1)!);
    const names = Object.keys(file.tensors);
    expect(file.tensors['net.0.weight']?.data).toEqual(model.parameters()[0]?.data);
    expect(names.some((name) => name.startsWith('training.last.'))).toBe(true);
  });
});

describe('checkpoints', () => {
  it('are written at the start, every so many epochs, after so many minutes, and at the end', async () => {
    const count = async (options: object, epochs = 7): Promise<number> => {
      const store = memory();
      await train(new Regression(), data, { ...base, epochs, checkpoint: { to: store, ...options } });
      return store.saved.length;
    };
    expect(await count({})).toBe(8);
    expect(await count({ everyEpochs: 3 })).toBe(4); // at 0, 3, 6 and 7
    expect(await count({ everyEpochs: 100 })).toBe(2);
    expect(await count({ everyEpochs: 100, everyMinutes: 0 })).toBe(2 + 7 * 4);
    expect(await count({ everyEpochs: 100, everyMinutes: 1e6 })).toBe(2);
    expect(await count({ everyEpochs: 100, everySteps: 4 })).toBe(2 + 7);
    expect(await count({ everyEpochs: 100, everySteps: 5 })).toBe(2 + Math.floor((7 * 4) / 5));
    expect(await count({}, 0)).toBe(2);
  });

  it('after so many steps are waited for, and what was changed meanwhile is trained on', async () => {
    const model = new Regression();
    const seen: number[] = [];
    const to = {
      read: async () => null,
      write: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        model.loadStateDict(Object.fromEntries(model.namedTensors().map(([name, x]) => [name, x.full(x.shape, 7)])));
        seen.push((model.parameters()[0] as Tensor).data[0] as number);
      },
    };
    let steps = 0;
    const frozen = { ...base, epochs: 1, learningRate: 0, checkpoint: { to, everySteps: 1, everyEpochs: 100 } };
    await train(model, data, { ...frozen, onProgress: () => steps++ });
    expect(seen).toHaveLength(2 + steps);
    expect(
      weights(model)
        .flatMap((x) => [...x])
        .every((weight) => weight === 7),
    ).toBe(true);
  });

  it('go to a file by its path, and come from it', async () => {
    const path = join(folder, 'run.safetensors');
    const model = new Regression();
    await train(model, data, { ...base, epochs: 2, checkpoint: path });
    await train(model, data, { ...base, checkpoint: { to: path, resume: true } });
    const whole = new Regression();
    await train(whole, data, base);
    expect(weights(model)).toEqual(weights(whole));
    expect(readdirSync(folder)).toEqual(['run.safetensors']);
  });

  it('that cannot be written show before anything is trained, also when a run is resumed', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    const path = join(closed, 'run.safetensors');
    await train(new Regression(), data, { ...base, epochs: 1, checkpoint: path });
    const fails = async (checkpoint: FitOptions['checkpoint'], message: string | RegExp): Promise<void> => {
      const model = new Regression();
      const before = weights(model);
      const [onProgress, onStart] = [vi.fn(), vi.fn()];
      await expect(train(model, data, { ...base, checkpoint: checkpoint!, onProgress, onStart })).rejects.toThrow(
        message,
      );
      expect([onProgress.mock.calls.length, onStart.mock.calls.length, weights(model)]).toEqual([0, 0, before]);
    };
    await fails(join(folder, 'nowhere', 'run'), 'there is no such folder');
    await fails(folder, 'is a folder; give the path of a file in it');
    writeFileSync(join(folder, 'file'), '');
    await fails(join(folder, 'file', 'run'), 'a part of the path is a file');
    const write = async (): Promise<void> => {
      throw new Error('the store is full');
    };
    await fails({ to: { read: async () => null, write } }, 'the store is full');
    const good = memory();
    await train(new Regression(), data, { ...base, epochs: 1, checkpoint: { to: good } });
    await expect(
      train(new Regression(), data, { ...base, checkpoint: { to: { ...good, write }, resume: true } }),
    ).rejects.toThrow('the store is full');
    chmodSync(closed, 0o755);
  });

  it('of what cannot be are refused', async () => {
    const run = (checkpoint: unknown): Promise<unknown> =>
      train(new Regression(), data, { ...base, checkpoint: checkpoint as string });
    const store = memory();
    await expect(run('')).rejects.toThrow(
      'fit: checkpoint.to must be a path, or an object with read and write, got ""',
    );
    await expect(run({})).rejects.toThrow(
      'fit: checkpoint.to must be a path, or an object with read and write, got undefined',
    );
    await expect(run({ to: {} })).rejects.toThrow(
      'fit: checkpoint.to must be a path, or an object with read and write',
    );
    await expect(run({ to: store, every: 1 })).rejects.toThrow("fit: checkpoint: there is no field 'every'");
    await expect(run({ to: store, resume: 'yes' })).rejects.toThrow('fit: checkpoint.resume must be true or false');
    for (const everyEpochs of [0, -1, 1.5, Number.NaN, '1', null]) {
      await expect(run({ to: store, everyEpochs })).rejects.toThrow(
        'fit: checkpoint.everyEpochs must be a whole number ≥ 1',
      );
    }
    for (const everyMinutes of [-1, Number.NaN, '1', null]) {
      await expect(run({ to: store, everyMinutes })).rejects.toThrow(
        'fit: checkpoint.everyMinutes must be a number ≥ 0',
      );
    }
    expect(store.saved).toEqual([]);
  });

  it('start a run where there is none yet', async () => {
    const store = memory();
    const model = new Regression();
    await train(model, data, { ...base, checkpoint: { to: store, resume: true } });
    const plain = new Regression();
    await train(plain, data, base);
    expect(weights(model)).toEqual(weights(plain));
  });
});

describe('a checkpoint of another run is refused, by what differs, and changes nothing', () => {
  const run: FitOptions = { ...base, validation: held, earlyStopping: {}, movingAverage: {}, l2: 1e-3 };
  const refused = async (
    bytes: Uint8Array,
    options: FitOptions,
    message: string | RegExp,
    model: Regression = new Regression(8),
    rows: Dataset = data,
  ): Promise<void> => {
    const [before, generators] = [weights(model), JSON.stringify(model.generators().map(([, g]) => g.state))];
    const rng = new Rng(6);
    const store = memory();
    store.saved.push(bytes);
    const attempt = train(model, rows, { ...run, ...options, rng, checkpoint: { to: store, resume: true } });
    await expect(attempt).rejects.toThrow(message);
    expect([weights(model), JSON.stringify(model.generators().map(([, g]) => g.state)), rng.state]).toEqual([
      before,
      generators,
      new Rng(6).state,
    ]);
    expect(store.saved).toHaveLength(1);
  };
  let whole: Uint8Array | undefined;
  const checkpoint = async (): Promise<Uint8Array> => {
    if (whole === undefined) {
      const store = memory();
      await train(new Regression(), data, { ...run, checkpoint: { to: store } });
      whole = store.saved[2]!;
    }
    return whole;
  };

  it.each<[string, FitOptions, string | RegExp]>([
    ['batch size', { batchSize: 8 }, 'resume: batchSize is 8, but the run was started with 16'],
    [
      'learning rate',
      { learningRate: 0.1 },
      'resume: optimizer.learningRate is 0.1, but the run was started with 0.001',
    ],
    ['optimizer', { optimizer: sgd({ learningRate: 1e-3 }) }, /resume: optimizer\.\w+ is/],
    [
      'option of the optimizer',
      { optimizer: adam({ beta1: 0.8 }) },
      'resume: optimizer.beta1 is 0.8, but the run was started with 0.9',
    ],
    ['clipping', { clipNorm: 1 }, 'resume: clipNorm is 1, but the run was started with none'],
    ['penalty', { l2: 0.1 }, 'resume: l2 is 0.1, but the run was started with 0.001'],
    ['constraints', { constraints: [{ kind: 'nonNegative' }] }, 'resume: constraints is'],
    ['accumulation', { accumulate: 2 }, 'resume: accumulate is 2, but the run was started with 1'],
    [
      'patience',
      { earlyStopping: { patience: 3 } },
      'resume: callbacks.earlyStopping.patience is 3, but the run was started with 10',
    ],
    ['average', { movingAverage: { decay: 0.5 } }, 'resume: callbacks.movingAverage.decay is 0.5'],
    ['callbacks', { callbacks: [{ name: 'mine' }] }, 'resume: callbacks.mine is {}, but the run was started with none'],
    ['validation data', { validation: data }, 'resume: validation is'],
  ])('another %s', async (_name, options, message) => refused(await checkpoint(), options, message));

  it('other rows', async () => {
    const bytes = await checkpoint();
    const other = dataset({ x: x.mul(2), y });
    await refused(bytes, {}, /resume: data is "[0-9a-f]{8}", but the run was started with "/, new Regression(), other);
    await refused(bytes, {}, 'resume: rows is 20, but the run was started with 50', new Regression(), held);
  });

  it('another model', async () => {
    class Wider extends Regression {
      readonly extra = parameter([1]);
      override parts(batch: Batch): Parts {
        return { loss: super.parts(batch).loss.add(this.extra.sum()) };
      }
    }
    await refused(await checkpoint(), {}, 'resume: the training state does not fit: adam', new Wider());
    const store = memory();
    class Named extends Regression {
      metadata(): Record<string, string> {
        return { config: '{"beta":4,"seed":1}' };
      }
    }
    await train(new Named(), data, { ...run, checkpoint: { to: store } });
    await refused(store.saved[1]!, {}, 'resume: the model: config is not given', new Regression());
  });

  it('a model without a run, another format, an older version, nothing that can be read', async () => {
    const model = new Regression();
    const state = model.stateDict();
    await refused(
      encodeSafetensors(state),
      {},
      'resume: the file holds a model but no training state, expected version 2',
    );
    await refused(
      encodeSafetensors(state, { training: '{}' }),
      {},
      'a training state of version 1, expected version 2',
    );
    await refused(Uint8Array.of(1, 2, 3), {}, 'safetensors: the file is too short');
    const bytes = (await checkpoint()).slice();
    bytes[bytes.length - 9]! ^= 1;
    await refused(bytes, {}, 'safetensors: the checksum is');
    await refused('text' as never, {}, 'safetensors: expected the bytes of a file');
  });

  it('whatever its training state says that cannot be', async () => {
    const file = decodeSafetensors(await checkpoint());
    const text = new TextDecoder().decode(file.bytes['training.state']);
    /** The checkpoint with a change to its state, written anew with a sound checksum. */
    const changed = (
      change: (state: Record<string, never>, tensors: Record<string, Tensor | Uint8Array>) => void,
    ): Uint8Array => {
      const state = JSON.parse(text) as Record<string, never>;
      const { 'training.state': _old, ...tensors }: Record<string, Tensor | Uint8Array> = { ...file.tensors };
      change(state, tensors);
      return encodeSafetensors(
        { ...tensors, 'training.state': new TextEncoder().encode(JSON.stringify(state)) },
        file.metadata,
      );
    };
    const set = (path: string, value: unknown) =>
      changed((state) => {
        const names = path.split('.');
        const last = names.pop()!;
        const owner = names.reduce<Record<string, unknown>>((at, name) => at[name] as Record<string, unknown>, state);
        if (value === undefined) delete owner[last];
        else owner[last] = value;
      });
    const junk = ['5', '', null, -1, 1.5, [], {}, true, 1e300, [1], { key: 1 }];
    const paths = [
      'version',
      'position',
      'position.epoch',
      'position.step',
      'position.rows',
      'position.order',
      'position.totals',
      'history',
      'warnings',
      'stopped',
      'run',
      'generators',
      'rng',
      'rng.key',
      'rng.counter',
      'optimizer',
      'optimizer.t',
      'optimizer.epoch',
      'optimizer.learningRate',
      'optimizer.slots',
      'callbacks',
      'callbacks.earlyStopping',
      'callbacks.earlyStopping.best',
      'callbacks.earlyStopping.waited',
      'callbacks.movingAverage',
      'callbacks.movingAverage.steps',
    ];
    // What happens to be of the right kind.
    const sound: Record<string, readonly unknown[]> = {
      'position.order': [null],
      'position.totals': [{}, { key: 1 }],
      history: [[]],
      warnings: [[]],
      stopped: [null],
      'optimizer.learningRate': [1.5, 1e300],
      'callbacks.earlyStopping.best': [null],
    };
    for (const path of paths) {
      for (const value of [...junk, undefined]) {
        if (sound[path]?.some((fine) => JSON.stringify(fine) === JSON.stringify(value))) continue;
        await refused(set(path, value), {}, /^resume: /).catch((error: unknown) => {
          throw new Error(`${path} as ${JSON.stringify(value)}`, { cause: error });
        });
      }
    }
    for (const bad of [[null], [5], [{ loss: 'low' }], [{ loss: 1, validation: 5 }], ['NaN']])
      await refused(set('history', bad), {}, /^resume: /);
    await refused(
      changed((state) => Object.assign(state, { more: 1 })),
      {},
      "resume: the training state: there is no field 'more'",
    );
    const tensors: [string, (tensors: Record<string, Tensor | Uint8Array>) => void, string][] = [
      ['no slots', (t) => delete t['training.slot.0.0'], 'the training state does not fit: adam keeps 2 numbers'],
      [
        'other slots',
        (t) => (t['training.slot.1.1'] = tensor([1])),
        'the training state does not fit: adam keeps 2 numbers',
      ],
      [
        'slots that are not finite',
        (t) => (t['training.slot.3.0'] = tensor([Number.NaN])),
        "the optimizer's numbers are not finite",
      ],
      [
        'no best weights',
        (t) => {
          for (const name of Object.keys(t)) if (name.includes('earlyStopping')) delete t[name];
        },
        'it has no weights of the best epoch',
      ],
      [
        'a best weight too few',
        (t) => delete t['training.callback.earlyStopping.net.0.weight'],
        'it has no weight of net.0.weight',
      ],
      [
        'other averages',
        (t) => (t['training.callback.movingAverage.net.0.weight'] = tensor([1])),
        'its average of net.0.weight must be [6, 3], got [1]',
      ],
      [
        'averages that are not finite',
        (t) => (t['training.callback.movingAverage.net.3.bias'] = tensor([Infinity])),
        'its average of net.3.bias is not finite',
      ],
      ['no weights', (t) => delete t['net.0.weight'], 'loadStateDict: missing net.0.weight'],
      [
        'weights that are not finite',
        (t) => (t['net.3.bias'] = tensor([Number.NaN])),
        'loadStateDict: numbers must be finite',
      ],
    ];
    for (const [, change, message] of tensors)
      await refused(
        changed((_, t) => change(t)),
        {},
        message,
      );
  });
});

describe('a long history', () => {
  const event = (epoch: number): FitEvent => ({
    epoch,
    epochs: 30_000,
    step: 4,
    steps: 4,
    rows: 50,
    rowsPerSecond: 12345.678,
    secondsLeft: 1 / 3,
    loss: Math.PI / epoch,
    validation: { loss: epoch === 2 ? Number.NaN : Infinity },
  });
  const parts = (model = new Regression()): RunParts => ({
    model: model as unknown as Trainable<string>,
    optimizer: adam().create(model.trainableParameters()),
    callbacks: [],
    rng: new Rng(1),
  });

  it('of 30,000 epochs comes back as it was, numbers that are not finite too', () => {
    const history = Array.from({ length: 30_000 }, (_, i) => event(i + 1));
    const position = { epoch: 30_001, step: 0, rows: 0, order: null, totals: { loss: Number.NaN } };
    const state = { position, history, warnings: ['one'], stopped: null };
    const bytes = encodeCheckpoint(parts(), { rows: 50 }, state, null);
    const again = restoreCheckpoint(bytes, parts(), { rows: 50 }, null as never);
    expect(again.history).toEqual(history);
    expect([again.position, again.warnings, again.stopped]).toEqual([position, ['one'], null]);
  });
});
