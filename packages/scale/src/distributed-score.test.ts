import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { standardise } from '@latent/nn';
import { decodeNpy } from '@latent/onnx/npy';
import { Rng } from '@latent/tensor';
import { Classifier, gaussian, Vae } from '@latent/vae';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { distributedScore, localEngine, memoryStore, type ScoredPart, type Store } from './index.ts';

const COUNT = 20_000;
const rows = new Rng(1).normal([COUNT, 3]).data as Float32Array;
const vae = new Vae({
  inputSize: 3,
  latentSize: 1,
  encoder: [4],
  reconstruction: gaussian(),
  transform: standardise(),
});
const part = (p: number) => rows.subarray(3 * 200 * p, 3 * 200 * (p + 1));
const module = { sources: { part: (p: string) => [{ x: part(Number(p)) }] } };
const parts = Array.from({ length: 100 }, (_, p) => ({ url: `source:part?${p}`, rows: 200 }));
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-scores-'));
  await vae.fit(rows.subarray(0, 3000), { epochs: 1 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('100 parts, some done twice and some lost: the bits of one process, each row once', async () => {
  const rng = new Rng(3);
  const draw = (): number => rng.uniform([1]).item();
  const engine = localEngine({
    workers: 3,
    fault: () => (draw() < 0.2 ? 'lose' : draw() < 0.2 ? 'twice' : undefined),
    pick: (waiting) => Math.floor(draw() * waiting.length),
  });
  const { scores, rows: count } = await distributedScore(vae, { parts, module, store: memoryStore(), engine });
  const expected = vae.elbo(rows);
  expect(count).toBe(COUNT);
  for (const name of ['elbo', 'reconstruction', 'kl'] as const) {
    expect(Buffer.compare(new Uint8Array(scores[name]!.data.buffer), new Uint8Array(expected[name].data.buffer))).toBe(
      0,
    );
  }
});

it('of any method, with its options', async () => {
  const place = () => ({ store: memoryStore(), engine: localEngine() });
  const few = rows.subarray(0, 300);
  const own = { score: 'logLikelihood', options: { samples: 7, seed: 2 } };
  const { scores } = await distributedScore(vae, { parts: few, ...place(), ...own });
  const expected = vae.logLikelihood(few, { samples: 7, seed: 2 });
  expect(scores.logLikelihood?.data).toEqual(expected.logLikelihood.data);
  expect(scores.standardError?.data).toEqual(expected.standardError.data);
  const encoded = await distributedScore(vae, { parts: few, ...place(), score: 'encode' });
  expect(encoded.scores.mean?.toArray()).toEqual(vae.encode(few).mean.toArray());
  const classifier = new Classifier({ inputSize: 3, classes: 3, encoder: [4] });
  const classes = await distributedScore(classifier, { parts: few, ...place(), score: 'predict' });
  expect([...classes.scores.predict!.data]).toEqual(classifier.predict(few));
});

it('goes to a function part by part, or to files', async () => {
  const seen: ScoredPart[] = [];
  const few = { parts: parts.slice(0, 3), module };
  const told = await distributedScore(vae, {
    ...few,
    store: memoryStore(),
    engine: localEngine(),
    out: (scored) => void seen.push(scored),
  });
  expect(told).toMatchObject({ rows: 600, scores: {} });
  expect(seen.map(({ first, rows: count, url }) => [first, count, url])).toEqual([
    [0, 200, 'source:part?0'],
    [200, 200, 'source:part?1'],
    [400, 200, 'source:part?2'],
  ]);
  const out = join(folder, 'scores');
  await distributedScore(vae, { ...few, store: memoryStore(), engine: localEngine(), out });
  expect(readdirSync(out).filter((name) => name.startsWith('elbo'))).toEqual([0, 1, 2].map((p) => `elbo-0000${p}.npy`));
  expect(decodeNpy(readFileSync(join(out, 'elbo-00001.npy'))).data).toEqual(vae.elbo(part(1)).elbo.data);
  expect(existsSync(join(out, 'kl-00002.npy'))).toBe(true);
});

it('writes where it can, and not among other scores', async () => {
  const place = () => ({ store: memoryStore(), engine: localEngine(), module });
  const out = join(folder, 'mixed');
  await distributedScore(vae, { parts: parts.slice(0, 3), ...place(), out });
  await distributedScore(vae, { parts: parts.slice(0, 3), ...place(), out });
  await expect(distributedScore(vae, { parts: parts.slice(0, 2), ...place(), out })).rejects.toThrow(
    /distributedScore: out: \S+ has \w+-00002.npy of another scoring, and these are 2 parts; give an empty folder/,
  );
  const file = join(out, 'elbo-00000.npy');
  await expect(distributedScore(vae, { parts, ...place(), out: file })).rejects.toThrow(
    'npy cannot be written: EEXIST',
  );
});

it('ends at the signal, and goes on later', async () => {
  const [store, engine, control] = [memoryStore(), localEngine(), new AbortController()];
  const sources = {
    part(p: string) {
      if (p === '3') control.abort(new Error('enough'));
      return module.sources.part(p);
    },
  };
  const call = { parts, store, engine, module: { sources } };
  await expect(distributedScore(vae, { ...call, signal: control.signal })).rejects.toThrow('enough');
  expect([...store.blobs.keys()].filter((key) => key.includes('/scores/')).length).toBeLessThan(100);
  const { scores } = await distributedScore(vae, call);
  expect(scores.elbo?.data).toEqual(vae.elbo(rows).elbo.data);
  const never = distributedScore(vae, { ...call, store: memoryStore(), signal: AbortSignal.abort(new Error('no')) });
  await expect(never).rejects.toThrow('no');
});

it('goes on where it was after its store failed, and is found when it is over', async () => {
  const inner = memoryStore();
  let room = 5;
  const store: Store = {
    get: (key) => inner.get(key),
    putOnce: async (key, bytes) => {
      if (key.includes('/scores/') && room-- <= 0) throw new Error('no space left');
      return inner.putOnce(key, bytes);
    },
  };
  const ask = () => distributedScore(vae, { parts: parts.slice(0, 10), module, store, engine: localEngine() });
  await expect(ask()).rejects.toThrow(
    /stopped: store: cannot write .*no space left. When that is put right, the same call goes on/,
  );
  room = 5;
  const { scores } = await ask();
  expect(scores.elbo?.data).toEqual(vae.elbo(rows.subarray(0, 6000)).elbo.data);
  expect((await ask()).scores.elbo?.data).toEqual(scores.elbo?.data);
});

it.each([
  [{ score: 'save' }, "distributedScore: there is no score 'save'"],
  [{ score: 'constructor' }, "distributedScore: there is no score 'constructor'"],
  [{ score: 'predict' }, /this model has no predict; it is a Vae, which has elbo, contributions, /],
  [{ parts: [{ url: 'source:part?0', rows: 3 }] }, 'it has 200 rows, but 3 were announced'],
  [{ options: { sample: 3 } }, "did you mean 'samples'?"],
  [{ out: 3 }, 'distributedScore: out must be a folder or a function'],
  [{ score: 'elbo', batchSize: 3 }, "there is no option 'batchSize'"],
])('%j is refused', async (options, message) => {
  const call = { parts: parts.slice(0, 1), module, store: memoryStore(), engine: localEngine(), ...options };
  await expect(distributedScore(vae, call as never)).rejects.toThrow(message);
});
