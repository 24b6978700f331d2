import {
  cosineSchedule,
  DivergedError,
  dataset,
  dense,
  fit,
  flatten,
  type History,
  plateauSchedule,
  sgd,
  standardise,
  weightsOf,
} from '@latent/nn';
import { Rng } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { bernoulli } from '../reconstruction/bernoulli.ts';
import { gaussian } from '../reconstruction/gaussian.ts';
import { Vae } from '../variational/vae.ts';
import type { FitOptions } from '../variational/verb-options.ts';
import { progressLine } from './progress.ts';

const rows = new Rng(2).bernoulli([90, 12], { p: 0.3 }).data as Float32Array;
const held = new Rng(3).bernoulli([40, 12], { p: 0.3 }).data as Float32Array;

function model(seed = 0): Vae {
  return new Vae({ inputSize: 12, latentSize: 2, encoder: [8], reconstruction: bernoulli(), seed });
}
const weights = (vae: Vae): Float32Array[] => vae.parameters().map((p) => p.data as Float32Array);

/** A place for checkpoints that keeps every one. */
function memoryStore() {
  const saved: Uint8Array[] = [];
  return {
    saved,
    read: async () => saved.at(-1) ?? null,
    write: async (bytes: Uint8Array) => {
      saved.push(bytes);
    },
  };
}

/** A history without what depends on the clock. */
function timeless(history: History): unknown {
  return { ...history, epochs: history.epochs.map(({ rowsPerSecond: _r, secondsLeft: _s, ...rest }) => rest) };
}

describe('early stopping', () => {
  it('ends when the validation loss no longer falls, with the best weights', async () => {
    const vae = model();
    const seen: Float32Array[][] = [];
    const history = await vae.fit(rows.slice(0, 12 * 12), {
      epochs: 300,
      learningRate: 0.03,
      validationData: held,
      earlyStopping: { patience: 5 },
      onEpoch: () => seen.push(weights(vae)),
    });
    expect(history.stopped).toBe('patience');
    const losses = history.epochs.map((epoch) => epoch.validation?.loss as number);
    expect(history.best?.loss).toBe(Math.min(...losses));
    expect(losses.length).toBe((history.best?.epoch as number) + 5);
    expect(weights(vae)).toEqual(seen[(history.best?.epoch as number) - 1]);
  });

  it('ends at a target, after a time, and keeps the last weights when told to', async () => {
    const target = await model().fit(rows, { epochs: 50, earlyStopping: { target: 1e9 } });
    expect([target.stopped, target.epochs.length]).toEqual(['target', 1]);
    const time = await model().fit(rows, { epochs: 50, maxSeconds: 0 });
    expect([time.stopped, time.epochs.length]).toEqual(['time', 1]);
    const vae = model();
    let last: Float32Array[] = [];
    await vae.fit(rows, {
      epochs: 12,
      learningRate: 0.5,
      earlyStopping: { patience: 2, restoreBest: false },
      onEpoch: () => {
        last = weights(vae);
      },
    });
    expect(weights(vae)).toEqual(last);
  });

  it('ends with finite weights when the loss is not finite', async () => {
    const vae = new Vae({ inputSize: 2, latentSize: 1, encoder: [4], reconstruction: gaussian() });
    const before = weights(vae);
    const warnings: string[] = [];
    const run = vae.fit(
      Array.from({ length: 20 }, (_, i) => [1e30 * (i + 1), i]),
      { epochs: 5, optimizer: sgd({ learningRate: 1e10 }), onWarning: (message) => warnings.push(message) },
    );
    await expect(run).rejects.toBeInstanceOf(DivergedError);
    await expect(run).rejects.toThrow(
      /^fit: the loss became \w+ in step 1 of epoch 1; the weights are as they were before the run\. Try .*column 0 spreads up to [\d,]+ times as much as column 1/,
    );
    expect(weights(vae)).toEqual(before);
    expect(warnings).toEqual([expect.stringContaining('column 0 spreads up to')]);
  });

  it('names columns that training will hardly see, and no pixels', async () => {
    const warned = async (event: readonly number[]): Promise<string[]> => {
      const warnings: string[] = [];
      const vae = new Vae({ event, latentSize: 1, encoder: [flatten(), dense(4)], reconstruction: gaussian() });
      const rows = Array.from({ length: 20 }, (_, i) => [i % 3, i % 5, 1e-4 * (i % 2), i % 7]);
      await vae.fit(rows, { epochs: 1, onWarning: (message) => warnings.push(message) });
      return warnings;
    };
    expect(await warned([4])).toEqual([
      expect.stringMatching(
        /^.*column 2 spreads up to [\d,]+ times less than the others, so that training will hardly/,
      ),
    ]);
    expect(await warned([2, 2, 1])).toEqual([]);
  });

  it('refuses options that cannot be', async () => {
    await expect(model().fit(rows, { earlyStopping: { patience: 0 } })).rejects.toThrow(
      'patience must be a whole number ≥ 1',
    );
    await expect(model().fit(rows, { l2: -1 })).rejects.toThrow('fit: l2 must be a number ≥ 0, got -1');
  });
});

describe('progressLine', () => {
  it('says where a run is', async () => {
    const lines: string[] = [];
    await model().fit(rows, { epochs: 2, batchSize: 45, onProgress: (event) => lines.push(progressLine(event)) });
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^epoch 1\/2 {2}50 % {2}loss \d+\.\d+ {2}[\d,]+ rows\/s {2}\d+ s left$/);
  });
});

describe('options of a step', () => {
  it('l1 and l2 make weights smaller, constraints hold them, and none changes the reported loss', async () => {
    const size = async (options: FitOptions): Promise<number> => {
      const vae = model();
      await vae.fit(rows, { epochs: 15, learningRate: 0.02, ...options });
      return weightsOf(vae).reduce((sum, w) => sum + w.abs().sum().item(), 0);
    };
    const free = await size({});
    expect(await size({ l1: 0.05 })).toBeLessThan(0.8 * free);
    expect(await size({ l2: 0.2 })).toBeLessThan(0.9 * free);
    const vae = model();
    await vae.fit(rows, { epochs: 3, learningRate: 0.1, constraints: [{ kind: 'maxNorm', limit: 0.3 }] });
    for (const w of weightsOf(vae)) {
      for (const norm of w.square().sum({ axis: 1 }).sqrt().data) expect(norm).toBeLessThan(0.3001);
    }
    await vae.fit(rows, { epochs: 1, constraints: [{ kind: 'nonNegative' }] });
    for (const w of weightsOf(vae)) expect(w.min().item()).toBeGreaterThanOrEqual(0);
    await vae.fit(rows, { epochs: 1, constraints: [{ kind: 'unitNorm' }] });
    for (const w of weightsOf(vae).slice(-1)) {
      for (const norm of w.square().sum({ axis: 1 }).sqrt().data) expect(norm).toBeCloseTo(1, 5);
    }
  });
});

describe('resuming', () => {
  const run: FitOptions = {
    epochs: 6,
    batchSize: 25,
    learningRate: cosineSchedule({ rate: 0.02, steps: 6, by: 'epoch' }),
    validationData: held,
    earlyStopping: { patience: 3 },
    clipNorm: 5,
    l2: 1e-3,
  };

  it('goes on from every checkpoint, within epochs too, to the same bits', async () => {
    const whole = model();
    const store = memoryStore();
    const history = await whole.fit(rows, { ...run, checkpoint: { to: store, everyMinutes: 0 } });
    expect(store.saved.length).toBeGreaterThan(20);
    for (const bytes of store.saved.filter((_, i) => i % 3 === 0)) {
      const resumed = model(99);
      const again = await resumed.fit(rows, {
        ...run,
        checkpoint: { to: { ...store, read: async () => bytes, write: async () => {} }, resume: true },
      });
      expect(weights(resumed)).toEqual(weights(whole));
      expect(timeless(again)).toEqual(timeless(history));
      expect(resumed.rng.state).toEqual(whole.rng.state);
    }
    // A checkpoint is a model file too.
    expect(Vae.fromBytes(store.saved.at(-1) as Uint8Array).options.latentSize).toBe(2);
  });

  it('keeps what a plateau has seen', async () => {
    const options = (): FitOptions => ({
      epochs: 8,
      learningRate: plateauSchedule({ rate: 0.5, patience: 1, factor: 0.5 }),
    });
    const whole = model();
    const store = memoryStore();
    await whole.fit(rows, { ...options(), checkpoint: { to: store } });
    const resumed = model();
    const middle = store.saved[4]!;
    await resumed.fit(rows, {
      ...options(),
      checkpoint: { to: { ...store, read: async () => middle, write: async () => {} }, resume: true },
    });
    expect(weights(resumed)).toEqual(weights(whole));
  });

  it('starts anew where there is no checkpoint, and may go on for more epochs', async () => {
    const store = memoryStore();
    const short = model();
    await short.fit(rows, { epochs: 2, checkpoint: { to: store, resume: true } });
    await short.fit(rows, { epochs: 4, checkpoint: { to: store, resume: true } });
    const long = model();
    await long.fit(rows, { epochs: 4 });
    expect(weights(short)).toEqual(weights(long));
  });

  it('refuses a checkpoint of another run, by name', async () => {
    const store = memoryStore();
    await model().fit(rows, { epochs: 1, checkpoint: { to: store } });
    const resume = (options: FitOptions, data = rows): Promise<unknown> =>
      model().fit(data, { epochs: 2, ...options, checkpoint: { to: store, resume: true } });
    await expect(resume({ batchSize: 64 })).rejects.toThrow(
      'resume: batchSize is 64, but the run was started with 128',
    );
    await expect(resume({}, held)).rejects.toThrow('resume: rows is 40, but the run was started with 90');
    await expect(resume({ learningRate: 0.1 })).rejects.toThrow(
      'resume: optimizer.learningRate is 0.1, but the run was started with 0.001',
    );
    store.saved.push(model().toBytes());
    await expect(resume({})).rejects.toThrow(
      'resume: the file holds a model but no training state, expected version 2',
    );
  });
});

describe('learning apart from training', () => {
  const wide = new Rng(5).normal([60, 4], { mean: 3, std: 20 }).data as Float32Array;
  const make = () => new Vae({ inputSize: 4, latentSize: 2, reconstruction: gaussian(), transform: standardise() });
  const all = dataset({ x: wide }, { shapes: { x: [4] } });

  it('is what fit does: the same scales, range and weights', async () => {
    const [whole, parts] = [make(), make()];
    await whole.fit(wide, { epochs: 2 });
    expect(await parts.learn(all)).toEqual([]);
    await fit(parts, parts.scaled(all), { epochs: 2, rng: parts.rng });
    expect(weights(parts)).toEqual(weights(whole));
    expect(parts.metadata()).toEqual(whole.metadata());
  });

  it('is asked for where it is missing', () => {
    expect(() => make().scaled(all)).toThrow(
      "Vae.scaled: standardise() learns the columns' scales from the first fit; call fit before",
    );
  });

  it('refuses rows of another shape, and a model that is being trained', async () => {
    await expect(make().learn(dataset({ x: wide }, { shapes: { x: [3] } }))).rejects.toThrow(
      'Vae.learn: the data set must have x of [4], got [3]',
    );
    const model = make();
    const running = model.fit(wide, { epochs: 3 });
    await expect(model.learn(all)).rejects.toThrow('Vae.learn: this model is being trained');
    await running;
  });
});
