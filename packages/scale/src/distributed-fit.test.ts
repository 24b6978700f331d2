import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  adam,
  type Batch,
  cosineSchedule,
  dataset,
  fit,
  Linear,
  Module,
  mseLoss,
  type Parts,
  sgd,
  standardise,
  type Trainable,
} from '@latent/nn';
import { encodeNpy } from '@latent/onnx/npy';
import { Rng } from '@latent/tensor';
import { Autoencoder, bernoulli, Classifier, DenoisingAutoencoder, gaussian, gaussianNoise, Vae } from '@latent/vae';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitsOf } from '../test/bits.ts';
import {
  type DistributedFitOptions,
  distributedFit,
  type Job,
  localEngine,
  memoryStore,
  type RoundEvent,
  type Store,
} from './index.ts';

const rows = new Rng(2).normal([96, 5], { mean: 3, std: 4 }).data as Float32Array;
const held = new Rng(3).normal([30, 5], { mean: 3, std: 4 }).data as Float32Array;
const vae = (seed = 0): Vae =>
  new Vae({ inputSize: 5, latentSize: 2, encoder: [6], reconstruction: gaussian(), transform: standardise(), seed });
const base = { rows, shards: 4, localSteps: 2, rounds: 3, batchSize: 8, learningRate: 0.01 };
const place = (workers = 1) => ({ store: memoryStore(), engine: localEngine({ workers }) });

/** A line whose weights workers make by name. */
class Line extends Module implements Trainable {
  readonly layer = new Linear(3, 2, { rng: new Rng(4) });
  parts({ x, y }: Batch): Parts {
    return { loss: mseLoss(this.layer.forward(x!), y!) };
  }
}
const lines = dataset({
  x: Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(i), i / 40]),
  y: Array.from({ length: 40 }, (_, i) => [i / 20, 1 - i / 40]),
});
const module = { models: { line: () => new Line() } };

describe('one shard is fit, to the bit', () => {
  const models: readonly [name: string, make: () => Vae | Autoencoder, options: object][] = [
    ['a Vae with a transform', vae, { learningRate: 0.01 }],
    [
      'a schedule and clipping',
      vae,
      { optimizer: adam({ learningRate: cosineSchedule({ rate: 0.1, steps: 30 }) }), clipNorm: 1 },
    ],
    ['accumulation', vae, { accumulate: 3, optimizer: sgd({ learningRate: 0.01, momentum: 0.9 }) }],
    [
      'a denoising autoencoder',
      () =>
        new DenoisingAutoencoder({
          inputSize: 5,
          encoder: [4],
          reconstruction: gaussian(),
          corruption: gaussianNoise(0.3),
        }),
      { l2: 1e-3 },
    ],
  ];

  // 96 rows in batches of 32 are 3 steps an epoch: rounds of 4 steps begin and end within epochs.
  it.each(models)('%s', async (_name, make, options) => {
    const [whole, rounds] = [make(), make()];
    const { epochs } = await whole.fit(rows, { ...options, epochs: 4, batchSize: 32 });
    const steps = { localSteps: (options as { accumulate?: number }).accumulate === 3 ? 2 : 4 };
    const updates = (options as { accumulate?: number }).accumulate === 3 ? 4 : 12;
    const history = await distributedFit(rounds as Vae, {
      ...place(),
      ...options,
      rows,
      shards: 1,
      ...steps,
      rounds: updates / steps.localSteps,
      batchSize: 32,
    });
    expect(bitsOf(rounds)).toBe(bitsOf(whole));
    expect(rounds.metadata()).toEqual(whole.metadata());
    const mean = (of: readonly { loss: number; rows: number }[]): number =>
      of.reduce((sum, { loss, rows: n }) => sum + loss * n, 0) / of.reduce((sum, { rows: n }) => sum + n, 0);
    expect(mean(history.rounds)).toBeCloseTo(mean(epochs), 8);
  });

  it('a module of the caller, made by name, with names beside x', async () => {
    const [whole, rounds] = [new Line(), new Line()];
    await fit(whole, lines, { epochs: 6, batchSize: 10, learningRate: 0.1, seed: 5 });
    const options = { rows: lines, shards: 1, localSteps: 8, rounds: 3, batchSize: 10, learningRate: 0.1, seed: 5 };
    await distributedFit(rounds, { ...place(), ...options, as: 'line', module });
    expect(bitsOf(rounds)).toBe(bitsOf(whole));
  });
});

describe('the same bits', () => {
  const result = async (options: Partial<DistributedFitOptions>, engine = localEngine()): Promise<string> => {
    const model = vae();
    await distributedFit(model, { ...base, ...options, store: memoryStore(), engine } as never);
    return bitsOf(model);
  };
  const kinds: readonly [name: string, options: object][] = [
    ['averaging', {}],
    ['outer momentum', { outer: { learningRate: 0.7, momentum: 0.9 } }],
    ['large batches', { localSteps: 1, rounds: 5 }],
  ];

  it.each(kinds)('for any number of workers, order and accident: %s', async (_name, options) => {
    const expected = await result(options);
    const rng = new Rng(9);
    const draw = (): number => rng.uniform([1]).item();
    const engines = [
      localEngine({ workers: 4 }),
      localEngine({ workers: 3, pick: (waiting) => Math.floor(draw() * waiting.length) }),
      localEngine({ workers: 2, fault: () => 'twice' }),
      localEngine({ workers: 2, fault: () => (draw() < 0.4 ? 'lose' : undefined) }),
    ];
    for (const engine of engines) expect(await result(options, engine)).toBe(expected);
    expect(await result({ ...options, shards: 3 })).not.toBe(expected);
  });

  it('the same job done twice at once leaves one blob', async () => {
    const store = memoryStore();
    const puts = new Map<string, number>();
    const refused: string[] = [];
    const counted: Store = {
      get: (key) => store.get(key),
      async putOnce(key, bytes) {
        const first = await store.putOnce(key, bytes);
        if (first) puts.set(key, (puts.get(key) ?? 0) + 1);
        else refused.push(key);
        return first;
      },
    };
    const engine = localEngine({ workers: 2, fault: (job: Job) => (job.name === 'train' ? 'twice' : undefined) });
    const { run, rounds } = await distributedFit(vae(), { ...base, store: counted, engine });
    expect([...puts.values()].every((count) => count === 1)).toBe(true);
    for (let round = 0; round < 3; round++) {
      for (let shard = 0; shard < 4; shard++) expect(puts.get(`${run}/shard/${round}/${shard}`)).toBe(1);
    }
    expect(refused.some((key) => key.startsWith(`${run}/shard/`))).toBe(true);
    // Each shard-round counts once: 2 steps of 8 rows.
    expect(rounds.map((round) => round.rows)).toEqual([64, 64, 64]);
  });
});

describe('one local step', () => {
  it('is one step over the rows of all shards', async () => {
    const make = () =>
      new Autoencoder({ inputSize: 5, encoder: [4], reconstruction: gaussian(), transform: standardise() });
    const [whole, parts] = [make(), make()];
    const options = { batchSize: 96, optimizer: adam({ learningRate: 0.02 }), clipNorm: 5, l2: 0.01 };
    const { epochs } = await whole.fit(rows, { ...options, epochs: 25 });
    const { rounds } = await distributedFit(parts, {
      ...place(3),
      ...options,
      rows,
      shards: 4,
      localSteps: 1,
      rounds: 25,
    });
    const [a, b] = [whole.parameters(), parts.parameters()].map((of) => of.flatMap((p) => [...p.data]));
    const far = Math.max(...a!.map((weight, i) => Math.abs(weight - b![i]!)));
    expect(far).toBeLessThan(1e-6);
    expect(far).toBeGreaterThan(0);
    for (const [i, { loss }] of epochs.entries()) expect(rounds[i]?.loss).toBeCloseTo(loss, 5);
  });

  it('draws anew in each step and shard', async () => {
    const seen: number[] = [];
    const options = {
      localSteps: 1,
      rounds: 4,
      batchSize: 24,
      learningRate: 0,
      onRound: (event: RoundEvent) => seen.push(event.loss),
    };
    await distributedFit(vae(), { ...base, ...options, ...place() } as never);
    expect(new Set(seen).size).toBe(4);
  });
});

describe('rows', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latent-parts-'));
    const part = (from: number, to: number) => rows.slice(5 * from, 5 * to);
    writeFileSync(join(folder, 'a.npy'), encodeNpy({ data: part(0, 30), shape: [30, 5] }));
    const text = Array.from({ length: 40 }, (_, r) => Array.from(part(30 + r, 31 + r)).join(','));
    writeFileSync(join(folder, 'b.csv'), `a,b,c,d,e\r\n${text.join('\r\n')}\n`);
    writeFileSync(join(folder, 'c.npy'), encodeNpy({ data: part(70, 96), shape: [26, 5] }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const files = () => [
    { url: join(folder, 'a.npy'), rows: 30 },
    { url: `file://${join(folder, 'b.csv')}` },
    { url: join(folder, 'c.npy') },
  ];
  const trained = async (options: object): Promise<string> => {
    const model = vae();
    await distributedFit(model, { ...base, ...place(), ...options } as never);
    return bitsOf(model);
  };

  it('in files, in memory and from a source are the same rows', async () => {
    const expected = await trained({ rows: Array.from({ length: 96 }, (_, r) => [...rows.slice(5 * r, 5 * r + 5)]) });
    expect(await trained({ rows: files(), data: [folder] })).toBe(expected);
    const sources = {
      async *numbers(argument: string) {
        expect(argument).toBe('96');
        for (let r = 0; r < 96; r += 10) yield { x: rows.slice(5 * r, Math.min(5 * r + 50, rows.length)) };
      },
    };
    expect(await trained({ rows: [{ url: 'source:numbers?96' }], module: { sources } })).toBe(expected);
  });

  it('go to shards by part, or as they are dealt', async () => {
    const [a, b, c] = files();
    const dealt = await trained({ shards: [[a, c], [b]], rows: undefined, data: [folder] });
    expect(await trained({ shards: 2, rows: { parts: files(), assign: 'parts' }, data: [folder] })).toBe(dealt);
    expect(await trained({ shards: 2, rows: files(), data: [folder] })).not.toBe(dealt);
  });

  it('that change while a run is under way stop it', async () => {
    const store = memoryStore();
    let reads = 0;
    const sources = {
      *moving() {
        reads++;
        yield { x: reads < 4 ? rows : rows.map((value) => value + 1) };
      },
    };
    const run = distributedFit(vae(), {
      ...base,
      store,
      engine: localEngine(),
      rows: [{ url: 'source:moving' }],
      module: { sources },
    });
    await expect(run).rejects.toThrow(/data source:moving: it is no longer what it was when the run began/);
  });

  it('that nobody allowed, or that are not there, are refused with the remedy', async () => {
    const refused = (list: readonly object[], data: readonly string[] = []) => trained({ rows: list, data });
    await expect(refused(files())).rejects.toThrow(/this worker may read no files; start it with data: \[folder\]/);
    await expect(refused([{ url: '/etc/hostname.csv' }], [folder])).rejects.toThrow(/may read below .* alone/);
    await expect(refused([{ url: `${folder}/../x.csv` }], [folder])).rejects.toThrow(/may read below .* alone/);
    await expect(refused([{ url: 'http://127.0.0.1:1/x.csv' }], [folder])).rejects.toThrow(/may read no URLs/);
    await expect(refused([{ url: 'source:nobody' }])).rejects.toThrow(
      "there is no source in the worker's module 'nobody'",
    );
    await expect(refused([{ url: 'gopher:x.csv' }])).rejects.toThrow("got 'gopher'");
    await expect(refused([{ url: join(folder, 'a.npy'), rows: 31 }], [folder])).rejects.toThrow(
      'it has 30 rows, but 31 were announced',
    );
    await expect(refused([{ url: join(folder, 'a.parquet') }], [folder])).rejects.toThrow(
      "there is no format of files 'parquet'",
    );
    await expect(refused([{ url: join(folder, 'a') }], [folder])).rejects.toThrow(
      'must end in .npy, .csv, .safetensors',
    );
    writeFileSync(join(folder, 'bad.npy'), 'no array');
    await expect(refused([{ url: join(folder, 'bad.npy') }], [folder])).rejects.toThrow(/data \S+bad\.npy: npy: /);
    for (const [source, message] of [
      [() => 7, 'a source must give chunks of rows one after the other'],
      [() => Promise.reject(new Error('no such table')), 'data source:own: no such table'],
    ] as const) {
      const failing = trained({ rows: [{ url: 'source:own' }], module: { sources: { own: source } } });
      await expect(failing).rejects.toThrow(message);
    }
  });

  it('of a classifier come with their labels', async () => {
    const labels = Array.from({ length: 96 }, (_, i) => i % 2);
    const model = new Classifier({ inputSize: 5, classes: 2, encoder: [4], transform: standardise() });
    const data = dataset({ x: rows, y: labels }, { shapes: { x: [5] } });
    const { rounds } = await distributedFit(model, { ...base, ...place(), rows: data, validation: data });
    expect(rounds[2]?.validation).toHaveProperty('accuracy');
    expect(model.predict(rows)).toHaveLength(96);
  });

  it('fewer than shards are refused, and none that are held out', async () => {
    const none = { sources: { none: () => [] } };
    await expect(trained({ rows, validation: [{ url: 'source:none' }], module: none })).rejects.toThrow(
      'distributedFit: validation has no rows; leave it out',
    );
    await expect(trained({ rows: rows.slice(0, 10) })).rejects.toThrow('shard 2 of 4 would have no rows, of 2 in all');
  });
});

describe('a run', () => {
  it('tells of each round, and of rows that are held out', async () => {
    const seen: RoundEvent<'reconstruction' | 'kl'>[] = [];
    const model = vae();
    const options = { ...base, ...place(2), validation: held, baseline: [{ seconds: 1e6, loss: -1e6 }] };
    const history = await distributedFit(model, { ...options, onRound: (event) => seen.push(event) });
    expect(history).toMatchObject({ stopped: 'finished', rounds: seen, warnings: [] });
    expect(seen.map(({ round }) => round)).toEqual([1, 2, 3]);
    for (const event of seen) {
      expect(event.loss).toBeCloseTo(event.reconstruction + event.kl, 4);
      expect(event.rows).toBe(64);
      expect(event.bytes.put).toBeGreaterThan(0);
      expect(event.validation?.loss).toBeGreaterThan(0);
      expect(event.workers.reduce((sum, { shards }) => sum + shards, 0)).toBe(4);
      expect(event.efficiency.throughput).toBeGreaterThan(0);
      expect(event.efficiency.toEqualLoss).toBeGreaterThan(1);
    }
    expect(seen[2]?.secondsLeft).toBe(0);
    // The last one's numbers are those of the model that came back.
    const evaluated = await vae().fit(rows, { epochs: 0, validationData: held });
    expect(evaluated.epochs).toEqual([]);
  });

  it('is joined by the same call, and found when it is over', async () => {
    const shared = { store: memoryStore(), engine: localEngine({ workers: 2 }) };
    const models = [vae(), vae()];
    const [a, b] = await Promise.all(models.map((model) => distributedFit(model, { ...base, ...shared })));
    expect(b?.run).toBe(a?.run);
    expect(bitsOf(models[0]!)).toBe(bitsOf(models[1]!));
    const later = vae();
    const seen: number[] = [];
    const onRound = ({ round }: RoundEvent): number => seen.push(round);
    const found = await distributedFit(later, {
      ...base,
      store: shared.store,
      engine: localEngine({ workers: 1 }),
      onRound,
    } as never);
    expect(found.rounds).toHaveLength(3);
    expect(seen).toEqual([]);
    expect(bitsOf(later)).toBe(bitsOf(models[0]!));
  });

  it('stops at the signal, and goes on later to the same bits', async () => {
    const store = memoryStore();
    const control = new AbortController();
    const options = { ...base, rounds: 6, store };
    const [first, second, whole] = [vae(), vae(), vae()];
    const onRound = ({ round }: RoundEvent): void => {
      if (round === 1) control.abort();
    };
    // The fourth round waits for the signal, or a quick machine were at the end before anybody saw the first.
    const signalled = new Promise<void>((resolve) => {
      control.signal.addEventListener('abort', () => resolve());
    });
    const waiting: Store = {
      get: (key) => store.get(key),
      async putOnce(key, bytes) {
        if (key.includes('/shard/3/')) await signalled;
        return store.putOnce(key, bytes);
      },
    };
    const stopped = await distributedFit(first, {
      ...options,
      store: waiting,
      engine: localEngine(),
      signal: control.signal,
      onRound: onRound as never,
    });
    expect(stopped.stopped).toBe('aborted');
    expect(stopped.rounds.length).toBeLessThan(6);
    const { stopped: how, rounds } = await distributedFit(second, { ...options, engine: localEngine() });
    expect([how, rounds.length]).toEqual(['finished', 6]);
    await distributedFit(whole, { ...options, store: memoryStore(), engine: localEngine() });
    expect(bitsOf(second)).toBe(bitsOf(whole));
    expect(bitsOf(first)).not.toBe(bitsOf(whole));
  });

  it('that nobody wants any more before it began is not begun', async () => {
    const { store, engine } = place();
    const [model, before] = [vae(), bitsOf(vae())];
    const found = await distributedFit(model, { ...base, store, engine, signal: AbortSignal.abort() });
    expect(found).toMatchObject({ stopped: 'aborted', rounds: [] });
    expect(bitsOf(model)).toBe(before);
    expect(await engine.overview()).toMatchObject({ waiting: 0, active: [] });
  });

  it('goes on for one caller where another stops it', async () => {
    const { store: inner, engine } = place();
    const control = new AbortController();
    const onRound = ({ round }: RoundEvent): void => {
      if (round === 1) control.abort();
    };
    // The fourth round waits for the signal, and that for the session's end.
    const ended = new Promise<void>((resolve) => {
      control.signal.addEventListener('abort', () => setTimeout(resolve, 20));
    });
    const store: Store = {
      get: (key) => inner.get(key),
      async putOnce(key, bytes) {
        if (key.includes('/shard/3/')) await ended;
        return inner.putOnce(key, bytes);
      },
    };
    const options = { ...base, rounds: 8 };
    const [stopping, going, whole] = [vae(), vae(), vae()];
    const [stopped, gone] = await Promise.all([
      distributedFit(stopping, { ...options, store, engine, signal: control.signal, onRound: onRound as never }),
      distributedFit(going, { ...options, store, engine }),
    ]);
    expect([stopped?.stopped, gone?.stopped, gone?.rounds.length]).toEqual(['aborted', 'finished', 8]);
    await distributedFit(whole, { ...options, ...place() });
    expect(bitsOf(going)).toBe(bitsOf(whole));
  });

  it('whose store was emptied begins anew, though the queue and the workers remember it', async () => {
    const { store, engine } = place();
    const [first, second, third, expected] = [vae(), vae(), vae(), vae()];
    await distributedFit(first, { ...base, store, engine, run: 'mine' });
    store.blobs.clear();
    await distributedFit(second, { ...base, store, engine, run: 'mine' });
    expect(bitsOf(second)).toBe(bitsOf(first));
    // The name may then stand for something else.
    store.blobs.clear();
    await distributedFit(third, { ...base, rounds: 5, store, engine, run: 'mine' });
    await distributedFit(expected, { ...base, rounds: 5, ...place() });
    expect(bitsOf(third)).toBe(bitsOf(expected));
  });

  it('waits for what onRound gives, and throws what it throws', async () => {
    const onRound = async ({ round }: RoundEvent): Promise<void> => {
      if (round === 2) throw new Error('mine');
    };
    await expect(distributedFit(vae(), { ...base, ...place(), onRound: onRound as never })).rejects.toThrow('mine');
  });

  it('whose store fails now and then goes on; whose store fills up says so, and goes on when there is room', async () => {
    const expected = vae();
    await distributedFit(expected, { ...base, ...place() });
    const inner = memoryStore();
    let calls = 0;
    let room = 12;
    const flaky: Store = {
      async get(key) {
        if (++calls % 7 === 0) throw new Error('connection reset');
        return inner.get(key);
      },
      async putOnce(key, bytes) {
        if (key.includes('/shard/') && room-- <= 0) throw new Error('ENOSPC: no space left on device');
        return inner.putOnce(key, bytes);
      },
    };
    const patient: Store = { ...flaky, get: (key) => flaky.get(key).catch(() => flaky.get(key)) };
    room = 5;
    const model = vae();
    await expect(distributedFit(model, { ...base, store: patient, engine: localEngine() })).rejects.toThrow(
      /the run fit-\w+ stopped: store: cannot write fit-\w+\/shard\/1\/\d: ENOSPC: no space left on device. When that is put right, the same call goes on/,
    );
    room = Infinity;
    await distributedFit(model, { ...base, store: patient, engine: localEngine() });
    expect(bitsOf(model)).toBe(bitsOf(expected));
  });

  it.each(['state', 'shard'])(
    'of whose round the %s alone was not written does it again, to the same bits',
    async (lost) => {
      const [whole, model] = [vae(), vae()];
      await distributedFit(whole, { ...base, ...place() });
      const inner = memoryStore();
      const left = new Set([`/${lost}/1/0`, `/${lost}/2/3`]);
      const store: Store = {
        get: (key) => inner.get(key),
        async putOnce(key, bytes) {
          for (const end of left) if (key.endsWith(end) && left.delete(end)) throw new Error('the disk is away');
          return inner.putOnce(key, bytes);
        },
      };
      await distributedFit(model, { ...base, store, engine: localEngine() });
      expect(left.size).toBe(0);
      expect(bitsOf(model)).toBe(bitsOf(whole));
    },
  );

  it('keeps the blobs of the last rounds, where its store can remove', async () => {
    const { store } = place();
    const { run } = await distributedFit(vae(), { ...base, rounds: 5, store, engine: localEngine() });
    const kept = [...store.blobs.keys()].filter((key) => key.startsWith(`${run}/shard/`)).sort();
    expect(kept).toEqual([3, 4].flatMap((round) => [0, 1, 2, 3].map((shard) => `${run}/shard/${round}/${shard}`)));
    expect(store.blobs.has(`${run}/summary/0`)).toBe(true);
  });

  it('that diverges stops with the remedy', async () => {
    const run = distributedFit(vae(), {
      ...base,
      ...place(),
      optimizer: sgd({ learningRate: 1e12 }),
      learningRate: undefined,
    } as never);
    await expect(run).rejects.toThrow(/the loss became|no longer finite/);
  });

  it('moves the bytes that the formula says', async () => {
    const wide = () => new Vae({ inputSize: 100, latentSize: 8, encoder: [64], reconstruction: bernoulli() });
    const data = new Rng(1).bernoulli([80, 100], { p: 0.3 }).data as Float32Array;
    for (const options of [{}, { outer: { learningRate: 0.9 } }, { localSteps: 1 }]) {
      const { rounds } = await distributedFit(wide(), {
        ...base,
        rounds: 4,
        rows: data,
        ...place(2),
        ...options,
      } as never);
      for (const { bytes } of rounds.slice(1)) {
        expect(Math.abs((bytes.got + bytes.put - bytes.start) / bytes.expected - 1)).toBeLessThan(0.02);
      }
      expect(rounds[0]?.bytes.start).toBeGreaterThan(0);
    }
  });
});

describe('bad calls', () => {
  it.each([
    [{ rows: undefined }, 'distributedFit: give rows: parts, a data set, or rows in memory'],
    [{ shards: 0 }, 'distributedFit: shards must be a whole number ≥ 1'],
    [{ localStep: 3 }, "distributedFit: there is no option 'localStep'; did you mean 'localSteps'?"],
    [{ engine: undefined }, 'distributedFit: give a connection'],
    [{ store: 7 }, 'distributedFit: store must be a folder'],
    [{ outer: { momentum: 2, learningRate: 1 } }, 'distributedFit: outer.momentum must be a number'],
    [{ run: 'A/../b' }, 'distributedFit: run must be a name of at most 64 small letters'],
    [{ localSteps: 1, accumulate: 2 }, 'take a larger batchSize, not accumulate'],
    [{ batchSize: 0 }, 'distributedFit: batchSize must be a whole number ≥ 1'],
    [{ engine: undefined, connection: 'mysql://x' }, 'connection must be redis://…'],
    [{ baseline: [{ loss: 1 }] }, 'baseline must be a list of { seconds, loss }'],
    [{ rows: [{ url: '' }] }, 'distributedFit: data.parts[0].url must be a URL'],
    [{ rows: [[1, 2, 3]] }, 'distributedFit: row 0 has 3 values, expected 5 values'],
    [{ rows: '/rows/a.npy' }, "rows that workers read are a list of parts, [{ url: '/rows/a.npy' }], got"],
    [{ rows: [{ path: '/rows/a.npy' }] }, 'rows that workers read are a list of parts'],
    [
      { store: 's3://bucket/latent' },
      "store must be a folder's path, a redis:// URL or an object with get and putOnce",
    ],
  ])('%j', async (options, message) => {
    await expect(distributedFit(vae(), { ...base, ...place(), ...options } as never)).rejects.toThrow(message);
  });

  it('of a name that stands for another run are refused with what differs', async () => {
    const store = memoryStore();
    await distributedFit(vae(), { ...base, store, engine: localEngine(), run: 'mine' });
    const again = (options: object, model = vae()) =>
      distributedFit(model, { ...base, store, engine: localEngine(), run: 'mine', ...options } as never);
    await expect(again({ rounds: 4 })).rejects.toThrow('there is a run mine already, but rounds is 4, and was 3');
    await expect(again({ learningRate: 0.5 })).rejects.toThrow('training.learningRate is 0.5, and was 0.01');
    await expect(again({}, vae(3))).rejects.toThrow('there is a run mine of another model');
  });

  it('of models that workers could not make say how', async () => {
    await expect(distributedFit(new Line(), { ...base, ...place(), rows: lines })).rejects.toThrow(
      "say by which name workers make this model: { as: 'name' }",
    );
    await expect(distributedFit({} as never, { ...base, ...place() })).rejects.toThrow(
      'the model must be a module with parts',
    );
    const unknown = distributedFit(new Line(), { ...base, ...place(), rows: lines, as: 'curve' });
    const frozen = vae();
    frozen.encoder.freeze();
    await expect(distributedFit(frozen, { ...base, ...place() })).rejects.toThrow('parts of this model are frozen');
    await expect(unknown).rejects.toThrow("there is no model in the worker's module 'curve'");
  });
});
