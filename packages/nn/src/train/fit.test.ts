import { parameter } from '@latent/autograd';
import { LatentError, Rng, type Tensor, tensor } from '@latent/tensor';
import { describe, expect, it, vi } from 'vitest';
import { type Batch, dataset } from '../data/dataset.ts';
import { stream } from '../data/stream.ts';
import { dense } from '../layers/dense.ts';
import { Dropout } from '../layers/dropout.ts';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { mseLoss } from '../losses/losses.ts';
import { Module, scoring } from '../module/module.ts';
import { buffer } from '../module/role.ts';
import { network } from '../network/network.ts';
import { adam } from '../optim/adam.ts';
import { sgd } from '../optim/sgd.ts';
import { plateauSchedule } from '../schedule/schedule.ts';
import type { Callback } from './callback.ts';
import { fit as train } from './fit.ts';
import type { FitOptions } from './fit-options.ts';
import { DivergedError, type FitEvent } from './history.ts';
import { isTraining } from './lock.ts';
import type { Parts, Trainable } from './trainable.ts';

/** A model of a user's own, in few lines, with dropout. */
class Regression extends Module implements Trainable<'error'> {
  readonly net = network([dense(8, { activation: 'tanh', dropout: 0.2 }), dense(1, { activation: 'identity' })], {
    input: [3],
    rng: new Rng(1),
  });

  parts({ x, y }: Batch): Parts<'error'> {
    const loss = mseLoss(this.net.forward(x as Tensor), y as Tensor);
    return { loss, error: loss.detach().sqrt() };
  }
}

const x = new Rng(1).normal([50, 3]);
const y = x.matmul(tensor([[1], [-2], [0.5]]));
const data = dataset({ x, y });
const held = dataset({ x: x.slice([[0, 20]]), y: y.slice([[0, 20]]) });
const weights = (model: Module): Float32Array[] => model.parameters().map((p) => p.data as Float32Array);
const quiet = { onWarning: () => {} };

/** A model after a run, its weights by value. */
async function trained(
  options: FitOptions<'error'>,
  make = () => new Regression(),
  rows = data,
): Promise<Float32Array[]> {
  const model = make();
  await train(model, rows, { epochs: 3, batchSize: 16, ...options });
  return weights(model);
}

describe('a user’s own model', () => {
  it('learns, in a few lines', async () => {
    class Line extends Module implements Trainable {
      readonly layer = new Linear(1, 1, { rng: new Rng(0) });
      parts({ x, y }: Batch): Parts {
        return { loss: mseLoss(this.layer.forward(x as Tensor), y as Tensor) };
      }
    }
    const line = new Line();
    const { epochs } = await train(line, dataset({ x: [[0], [1], [2]], y: [[1], [3], [5]] }), {
      epochs: 300,
      learningRate: 0.05,
    });
    expect(epochs.at(-1)?.loss).toBeLessThan(1e-3);
    expect(line.layer.forward(tensor([[10]])).item()).toBeCloseTo(21, 0);
    expect(line.training).toBe(false);
  });

  it('may train in double precision', async () => {
    class Double extends Module implements Trainable {
      readonly w = parameter([[0]], { dtype: 'f64' });
      parts({ x }: Batch): Parts {
        return { loss: (x as Tensor).cast('f64').matmul(this.w).sub(2).square().mean() };
      }
    }
    for (const accumulate of [1, 2]) {
      const model = new Double();
      const options = { epochs: 200, batchSize: 2, accumulate, learningRate: 0.05, movingAverage: { decay: 0.5 } };
      await train(model, dataset({ x: [[1], [1], [1]] }), options);
      expect([model.w.dtype, Math.abs(model.w.item() - 2) < 1e-3]).toEqual(['f64', true]);
    }
  });

  it('is told what its parts must be', async () => {
    const broken = (parts: unknown): Promise<unknown> => {
      class Broken extends Regression {
        override parts(batch: Batch): Parts<'error'> {
          return (typeof parts === 'function' ? parts(super.parts(batch)) : parts) as Parts<'error'>;
        }
      }
      return train(new Broken(), data, quiet);
    };
    for (const [parts, said] of [
      [undefined, 'undefined'],
      [3, '3'],
      [{}, 'an object'],
      [tensor([1]), 'a Tensor'],
    ]) {
      await expect(broken(parts)).rejects.toThrow(`fit: parts(batch, rng) must give { loss }, got ${said}`);
    }
    await expect(broken({ loss: 3 })).rejects.toThrow(
      'fit: loss of parts(batch, rng) must be a scalar tensor, the mean over the rows, got 3',
    );
    await expect(broken({ loss: tensor([1, 2]) })).rejects.toThrow(
      'must be a scalar tensor, the mean over the rows, got one of [2]',
    );
    await expect(broken(({ loss }: Parts) => ({ loss, accuracy: 0.5 }))).rejects.toThrow(
      'fit: accuracy of parts(batch, rng)',
    );
    await expect(broken(({ loss }: Parts) => ({ loss, epoch: loss }))).rejects.toThrow(
      "fit: parts(…) reports 'epoch', which events use; choose another name",
    );
    await expect(broken({ loss: tensor([1]) })).rejects.toThrow(/backward|gradient/);
  });
});

describe('a run', () => {
  it('reports each step and epoch, with means over rows', async () => {
    const seen: FitEvent<'error'>[] = [];
    const { epochs, stopped, best, warnings } = await train(new Regression(), data, {
      epochs: 2,
      batchSize: 20,
      validation: held,
      warnings: ['odd'],
      onProgress: (event) => seen.push(event),
      ...quiet,
    });
    expect([stopped, best, warnings]).toEqual(['finished', null, ['odd']]);
    expect(seen.map(({ epoch, step, steps, rows }) => [epoch, step, steps, rows])).toEqual([
      [1, 1, 3, 20],
      [1, 2, 3, 40],
      [1, 3, 3, 50],
      [2, 1, 3, 20],
      [2, 2, 3, 40],
      [2, 3, 3, 50],
    ]);
    expect(epochs).toHaveLength(2);
    const { loss, error, validation, rowsPerSecond, secondsLeft } = epochs[1]!;
    expect([loss, error, validation?.loss, validation?.error, rowsPerSecond].every((n) => n! > 0)).toBe(true);
    expect(secondsLeft).toBe(0);
    expect(seen.every((event) => event.validation === undefined)).toBe(true);
  });

  it('averages losses over rows, not over batches', async () => {
    class Mean extends Module implements Trainable {
      readonly w = parameter([1]);
      parts({ x }: Batch): Parts {
        return { loss: (x as Tensor).mean().add(this.w.sum().mul(0)) };
      }
    }
    const { epochs } = await train(new Mean(), dataset({ x: [[1], [2], [3], [4], [5]] }), {
      epochs: 2,
      batchSize: 2,
      validation: dataset({ x: [[10], [20]] }),
    });
    for (const event of epochs) expect([event.loss, event.validation?.loss]).toEqual([3, 15]);
  });

  it('is the same for the same seed, and another for another', async () => {
    expect(await trained({ seed: 5 })).toEqual(await trained({ seed: 5 }));
    expect(await trained({ seed: 5 })).toEqual(await trained({ rng: new Rng(5) }));
    expect(await trained({ seed: 5 })).not.toEqual(await trained({ seed: 6 }));
  });

  it('learns from a stream what it learns from rows in memory of the same order', async () => {
    const rows = x.toArray() as number[][];
    const targets = y.toArray() as number[][];
    const source = (cut: number) =>
      stream(
        async function* () {
          for (let i = 0; i < 50; i += cut) yield { x: rows.slice(i, i + cut), y: targets.slice(i, i + cut) };
        },
        { spec: { x: [3], y: [1] }, shuffleBuffer: 25 },
      );
    const run = (cut: number): Promise<Float32Array[]> => trained({}, () => new Regression(), source(cut) as never);
    expect(await run(7)).toEqual(await run(50));
    // Two at once on one source do not take each other's batches.
    const both = source(7);
    const together = await Promise.all([1, 2].map((seed) => trained({ seed }, () => new Regression(), both as never)));
    expect(together).toEqual([
      await trained({ seed: 1 }, () => new Regression(), source(50) as never),
      await trained({ seed: 2 }, () => new Regression(), source(50) as never),
    ]);
    const { epochs } = await train(new Regression(), source(7), { epochs: 2, batchSize: 16 });
    expect(epochs.map(({ steps, rows, secondsLeft }) => [steps, rows, secondsLeft !== null])).toEqual([
      [4, 50, true],
      [4, 50, true],
    ]);
  });

  it('lets timers through while it works, and ends when it is aborted', async () => {
    const controller = new AbortController();
    let ticks = 0;
    const timer = setInterval(() => ++ticks === 3 && controller.abort(), 1);
    const { stopped, epochs } = await train(new Regression(), data, { epochs: 1e6, signal: controller.signal });
    clearInterval(timer);
    expect([stopped, epochs.length < 1e6]).toEqual(['aborted', true]);
  });

  it('ends after a step that is aborted; after the last of an epoch the epoch is whole', async () => {
    const ended = async (at: number): Promise<[string, number, number]> => {
      const controller = new AbortController();
      let steps = 0;
      const options = { epochs: 3, batchSize: 25, signal: controller.signal };
      const { stopped, epochs } = await train(new Regression(), data, {
        ...options,
        onProgress: () => void (++steps === at && controller.abort()),
      });
      return [stopped, epochs.length, steps];
    };
    expect([await ended(1), await ended(2), await ended(3), await ended(6)]).toEqual([
      ['aborted', 0, 1],
      ['aborted', 1, 2],
      ['aborted', 1, 3],
      ['finished', 3, 6],
    ]);
    const { epochs } = await train(new Regression(), data, { signal: AbortSignal.abort() });
    expect(epochs).toEqual([]);
  });

  it('ends after a time, or when a callback says so', async () => {
    expect(await train(new Regression(), data, { epochs: 50, maxSeconds: 0 })).toMatchObject({
      stopped: 'time',
      epochs: [{ epoch: 1 }],
    });
    const afterEpoch = ({ epoch }: FitEvent) => (epoch === 2 ? ('callback' as const) : undefined);
    const history = await train(new Regression(), data, { epochs: 50, callbacks: [{ name: 'mine', afterEpoch }] });
    expect([history.stopped, history.epochs.length]).toEqual(['callback', 2]);
    expect((await train(new Regression(), data, { epochs: 0 })).epochs).toEqual([]);
  });

  it('gives callbacks their turns, and ends when one throws, with the model free again', async () => {
    const calls: string[] = [];
    const log = (name: string) => () => void calls.push(name);
    const mine: Callback = {
      name: 'mine',
      begin: log('begin'),
      afterStep: log('afterStep'),
      beforeEvaluation: log('before'),
      afterEvaluation: log('after'),
      afterEpoch: () => {
        calls.push('afterEpoch');
        return undefined;
      },
      end: log('end'),
    };
    await train(new Regression(), data, { epochs: 1, batchSize: 25, validation: held, callbacks: [mine] });
    expect(calls).toEqual(['begin', 'afterStep', 'afterStep', 'before', 'after', 'afterEpoch', 'end']);
    const model = new Regression();
    const fails = {
      name: 'fails',
      afterStep: () => {
        throw new Error('mine');
      },
    };
    await expect(train(model, data, { callbacks: [fails] })).rejects.toThrow('mine');
    expect([isTraining(model), model.training]).toEqual([false, false]);
    await train(model, data, { epochs: 1 });
  });
});

describe('accumulation', () => {
  it('of several batches is one large batch', async () => {
    // No dropout, so that the loss of rows is the same however they are cut.
    const make = (): Regression => {
      const model = new Regression();
      for (const [, module] of model.namedModules())
        if (module instanceof Dropout) (module as { rate: number }).rate = 0;
      return model;
    };
    const wide = await trained({ batchSize: 24, optimizer: sgd({ learningRate: 0.1 }), l2: 1e-2, clipNorm: 1 }, make);
    const cut = { accumulate: 3, batchSize: 8, optimizer: sgd({ learningRate: 0.1 }) };
    const added = await trained({ ...cut, l2: 1e-2, clipNorm: 1 }, make);
    added.forEach((values, i) => {
      values.forEach((value, j) => {
        expect(Math.abs(value - wide[i]![j]!)).toBeLessThan(1e-6);
      });
    });
  });

  it('begins anew with each epoch, and counts the last, smaller batch by its rows', async () => {
    const updates: number[] = [];
    let steps = 0;
    await train(new Regression(), data, {
      epochs: 2,
      batchSize: 16,
      accumulate: 3,
      callbacks: [{ name: 'count', afterStep: () => void updates.push(steps) }],
      onProgress: () => void steps++,
    });
    // Four batches an epoch: one update after three, one after the last.
    expect(updates).toEqual([2, 4, 6, 8]);
  });
});

describe('modes and draws', () => {
  it('of what a callback does leave the run as it was', async () => {
    const want = await trained({});
    const disturb = (model: Regression) => ({
      onProgress: () => {
        model.eval();
        model.net.eval();
        scoring(() => model.net.forward(x));
        model.stateDict();
      },
      onEpoch: () => {
        model.train();
        (model.net as Sequential).layers[2]?.eval();
        model.net.forward(x).data.at(0);
      },
    });
    const model = new Regression();
    // Draws of dropout outside of scores are the caller's own: only those inside scores are none.
    await train(model, data, { epochs: 3, batchSize: 16, ...disturb(model), onEpoch: () => model.eval() });
    expect(weights(model)).toEqual(want);
  });

  it('are dropout in steps and none in validation', async () => {
    const modes: boolean[] = [];
    class Watching extends Regression {
      override parts(batch: Batch): Parts<'error'> {
        modes.push(this.training);
        return super.parts(batch);
      }
    }
    const model = new Watching().eval();
    const { epochs } = await train(model, data, { epochs: 3, validation: held });
    expect([...new Set(modes)]).toEqual([true, false]);
    // Held-out losses are those of the model without dropout.
    const again = scoring(() => mseLoss(model.net.forward(x.slice([[0, 20]])), y.slice([[0, 20]]))).item();
    expect(epochs.at(-1)?.validation?.loss).toBeCloseTo(again, 6);
  });
});

describe('two runs at once', () => {
  it('of one model, or of models that share a module, are refused, and the first goes on', async () => {
    const model = new Regression();
    class Other extends Regression {
      override readonly net = model.net;
    }
    const first = train(model, data, { epochs: 20 });
    await expect(train(model, data)).rejects.toThrow(
      'fit: this model, or a module it shares with another, is being trained; wait for that run to end',
    );
    await expect(train(new Other(), data)).rejects.toThrow('a module it shares with another');
    expect(isTraining(new Other())).toBe(true);
    await first;
    expect(weights(model)).toEqual(await trained({ epochs: 20, batchSize: 128 }));
    await train(new Other(), data, { epochs: 1 });
  });

  it('of different models go well together', async () => {
    const models = [new Regression(), new Regression()] as const;
    await Promise.all(models.map((model, seed) => train(model, data, { epochs: 3, batchSize: 16, seed })));
    expect(weights(models[0])).toEqual(await trained({ seed: 0 }));
    expect(weights(models[1])).toEqual(await trained({ seed: 1 }));
  });

  it('may share an optimizer as a value: what a plateau has seen is of the run', async () => {
    const options = {
      optimizer: sgd({ learningRate: plateauSchedule({ rate: 0.5, patience: 0, factor: 0.5 }) }),
      epochs: 12,
    };
    const want = await trained(options);
    expect(await trained(options)).toEqual(want);
    expect(await Promise.all([trained(options), trained({ ...options, seed: 3 })])).toEqual([
      want,
      await trained({ ...options, seed: 3 }),
    ]);
  });
});

describe('divergence', () => {
  class Exploding extends Regression {
    readonly kept = buffer([1]);
  }
  const hot = { epochs: 30, batchSize: 16, optimizer: sgd({ learningRate: 30 }), ...quiet };
  const diverged = async (model: Regression, options: FitOptions<'error'>): Promise<DivergedError> => {
    const error = await train(model, data, { ...hot, ...options }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DivergedError);
    expect(error).toBeInstanceOf(LatentError);
    for (const values of weights(model)) expect(values.every(Number.isFinite)).toBe(true);
    expect(isTraining(model)).toBe(false);
    return error as DivergedError;
  };
  class Quickly extends Exploding {
    override parts(batch: Batch): Parts<'error'> {
      const { loss, error } = super.parts(batch);
      return { loss: loss.exp(), error };
    }
  }

  it('rejects with epoch, step and remedies, and the weights of the last sound epoch', async () => {
    const seen: Float32Array[][] = [];
    const model = new Quickly();
    const { message, history } = await diverged(model, {
      onEpoch: () => seen.push(weights(model)),
      warnings: ['column 3 is wide'],
    });
    expect(message).toMatch(
      /^fit: the loss became (NaN|Infinity) in step \d of epoch \d+; the weights are .*\. Try a smaller learning rate than sgd's 30, or clipNorm: 1, or columns on a common scale \(transform: standardise\(\)\)\. column 3 is wide$/,
    );
    expect(history.epochs.length).toBe(seen.length);
    if (seen.length === 0) {
      expect(message).toContain('the weights are as they were before the run');
      expect(weights(model)).toEqual(weights(new Quickly()));
    } else {
      expect(message).toContain(`the weights are those of epoch ${seen.length}`);
      expect(weights(model)).toEqual(seen.at(-1));
    }
  });

  it('with early stopping leaves those of the best epoch, unless told not to', async () => {
    let scale = 0;
    /** Sound for three epochs, then not: the losses of epochs are 1, 3 and 2. */
    class Staged extends Regression {
      readonly factor = buffer([1]);
      beginEpoch(epoch: number): void {
        scale = [1, 3, 2, Number.NaN][epoch]!;
        this.factor.assign([scale]);
      }
      override parts(batch: Batch): Parts<'error'> {
        const { loss, error } = super.parts(batch);
        return { loss: loss.mul(0).add(this.factor.sum()).add(loss.mul(1e-6)), error };
      }
    }
    for (const [earlyStopping, kept, at] of [
      [{ patience: 5 }, 'those of the best epoch, 1', 0],
      [{ patience: 5, restoreBest: false }, 'those of epoch 3', 2],
    ] as const) {
      const seen: Float32Array[][] = [];
      const model = new Staged();
      const { message, history } = await diverged(model, { earlyStopping, onEpoch: () => seen.push(weights(model)) });
      expect(message).toContain(`in step 1 of epoch 4; the weights are ${kept}`);
      expect(weights(model)).toEqual(seen[at]);
      expect(history.best).toMatchObject({ epoch: 1 });
    }
  });

  it('of the last step of an epoch is found too', async () => {
    class Last extends Module implements Trainable {
      readonly w = parameter([1]);
      parts({ x }: Batch): Parts {
        return { loss: this.w.mul(x as Tensor).mean() };
      }
    }
    const model = new Last();
    const run = train(model, dataset({ x: [[1e30]] }), { epochs: 3, optimizer: sgd({ learningRate: 1e10 }), ...quiet });
    await expect(run).rejects.toThrow(
      'fit: w is no longer finite after epoch 1; the weights are as they were before the run',
    );
    expect(model.w.item()).toBe(1);
  });

  it('with accumulation, moving average, validation and checkpoints leaves finite weights', async () => {
    const store = { read: async () => null, write: vi.fn(async () => {}) };
    for (const options of [
      { accumulate: 2 },
      { movingAverage: {} },
      { validation: held, earlyStopping: {} },
      { checkpoint: { to: store, everyMinutes: 0 } },
    ]) {
      await diverged(new Quickly(), options);
    }
    expect(store.write).toHaveBeenCalled();
  });
});

describe('what cannot be is refused', () => {
  const run = (options: unknown, model: unknown = new Regression(), rows: unknown = data): Promise<unknown> =>
    train(model as Regression, rows as typeof data, options as FitOptions<'error'>);
  const cases: [string, () => Promise<unknown>, string][] = [
    ['no model', () => run({}, null), 'fit: the model must be a module with parts(batch, rng) that gives { loss }'],
    [
      'a module without parts',
      () => run({}, new Sequential()),
      'fit: the model must be a module with parts(batch, rng)',
    ],
    [
      'parts without a module',
      () => run({}, { parts: () => ({}) }),
      'fit: the model must be a module with parts(batch, rng)',
    ],
    [
      'rows that are no data set',
      () => run({}, new Regression(), [[1, 2, 3]]),
      'fit: the data must be a data set: dataset({ x: rows }) or stream(…), got an array of 1',
    ],
    [
      'no rows',
      () =>
        run(
          {},
          new Regression(),
          stream(() => [], { spec: { x: [3], y: [1] } }),
        ),
      'fit: there are no rows',
    ],
    [
      'no validation rows',
      () => run({ validation: stream(() => [], { spec: { x: [3], y: [1] } }) }),
      'fit: there are no validation rows',
    ],
    ['validation rows that are no data set', () => run({ validation: x }), 'fit: validation must be a data set'],
    ['options that are none', () => run(5), 'fit: options must be an object, got 5'],
    ['an unknown option', () => run({ epoch: 5 }), "fit: there is no option 'epoch'; did you mean 'epochs'?"],
    ['lr', () => run({ lr: 5 }), "fit: there is no option 'lr'"],
    [
      'two learning rates',
      () => run({ learningRate: 1, optimizer: adam() }),
      'fit: give the learning rate to the optimizer, not beside it',
    ],
    ['a seed and a generator', () => run({ seed: 1, rng: new Rng(1) }), 'fit: give a seed or a generator, not both'],
    [
      'two callbacks of one name',
      () => run({ callbacks: [{ name: 'a' }, { name: 'a' }] }),
      "fit: there are two callbacks named 'a'",
    ],
    [
      'a callback of a name that is taken',
      () => run({ earlyStopping: {}, callbacks: [{ name: 'earlyStopping' }] }),
      "fit: there are two callbacks named 'earlyStopping'",
    ],
    [
      'patience 0',
      () => run({ earlyStopping: { patience: 0 } }),
      'earlyStopping: patience must be a whole number ≥ 1, got 0',
    ],
    [
      'early stopping that is none',
      () => run({ earlyStopping: true }),
      'fit: earlyStopping must be an object of its options ({} for the defaults), got true',
    ],
    [
      'a decay of 1',
      () => run({ movingAverage: { decay: 1 } }),
      'movingAverage: decay must be a number ≥ 0 and < 1, got 1',
    ],
    ['l2 below 0', () => run({ l2: -1 }), 'fit: l2 must be a number ≥ 0, got -1'],
    [
      'constraints that are none',
      () => run({ constraints: [{ kind: 'maxNorm' }] }),
      'fit: constraints[0].limit must be a number > 0, got undefined',
    ],
    ['a frozen model', () => run({}, new Regression().freeze()), 'adam: needs at least one parameter, got none'],
  ];
  it.each(cases)('%s', async (_name, attempt, message) => expect(attempt()).rejects.toThrow(message));

  const bad = ['5', '', null, Number.NaN, -1, 1.5, [], {}, true, new Date(0), () => {}];
  const numbers = [
    'epochs',
    'batchSize',
    'accumulate',
    'learningRate',
    'clipNorm',
    'clipParameterNorm',
    'clipValue',
    'l1',
    'l2',
    'seed',
    'maxSeconds',
  ];
  const reals = ['learningRate', 'clipNorm', 'clipParameterNorm', 'clipValue', 'l1', 'l2', 'maxSeconds'];
  it.each(numbers)('%s of another kind', async (name) => {
    for (const value of bad) {
      if (value === 1.5 && reals.includes(name)) continue;
      await expect(run({ [name]: value })).rejects.toThrow(new RegExp(`^fit: ${name} must be `));
    }
  });
  it.each([
    'optimizer',
    'constraints',
    'earlyStopping',
    'movingAverage',
    'callbacks',
    'checkpoint',
    'signal',
    'onProgress',
    'onEpoch',
    'onWarning',
    'onStart',
    'validation',
    'rng',
    'warnings',
  ])('%s of another kind', async (name) => {
    for (const value of ['5', '', null, Number.NaN, 5, true, new Date(0), [5]]) {
      const fine = name === 'checkpoint' && value === '5';
      if (!fine)
        await expect(run({ [name]: value }), `${name} ${String(value)}`).rejects.toThrow(
          /^fit: [\w.]+(\[0\])? must be |^fit: there is no/,
        );
    }
  });

  it('and leaves the model as it was, and free', async () => {
    const model = new Regression();
    const before = weights(model);
    const onStart = vi.fn();
    for (const options of [{ epochs: -1 }, { earlyStopping: { patience: 0 } }, { checkpoint: '' }]) {
      await expect(run({ ...options, onStart }, model)).rejects.toThrow(LatentError);
    }
    expect([weights(model), isTraining(model), onStart.mock.calls.length]).toEqual([before, false, 0]);
  });
});
