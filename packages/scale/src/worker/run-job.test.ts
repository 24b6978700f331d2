import { decodeSafetensors, encodeSafetensors } from '@latent/nn';
import { gaussian, Vae } from '@latent/vae';
import { expect, it } from 'vitest';
import { localEngine, memoryStore, startWorker } from '../index.ts';
import { keys } from '../run/keys.ts';
import { encodeJson } from '../store/blob.ts';

const vae = new Vae({ inputSize: 2, latentSize: 1, encoder: [2], reconstruction: gaussian() });
/** A file of a model of another package. */
const { tensors, metadata } = decodeSafetensors(vae.toBytes());
const foreign = encodeSafetensors(tensors, { ...metadata, model: 'foreignVae' });

it.each([
  ['foreign', vae.toBytes(), "this worker knows no models 'foreign' (known: model, own); start workers that know them"],
  ['model', foreign, "this worker knows no models 'foreignVae' (known: "],
])('a worker that does not know the model (%s) leaves the job to others and says so', async (model, bytes, reason) => {
  const [store, engine] = [memoryStore(), localEngine()];
  const data = { parts: [{ url: 'source:none' }], spec: { x: [2] }, holes: false, assign: 'rows', records: false };
  const order = { kind: 'score', model, data, score: 'elbo', options: {} };
  await store.putOnce(keys.order('r'), encodeJson('order', order));
  await store.putOnce(keys.model('r', 0), bytes);
  const said: string[] = [];
  const worker = await startWorker({ engine, store, onMessage: (message) => said.push(message) });
  const job = { name: 'score', data: { run: 'r', session: 0, part: 0 } };
  await engine.add(job);
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(said[0]).toContain(`r: ${reason}`);
  const { state, note } = await engine.state(job);
  expect([state, note?.refused]).toEqual(['waiting', said[0]?.slice(3)]);
  await worker.close();
});

it.each([
  [{ name: 'gpu box' }, 'startWorker: name must be a name of at most 60 letters'],
  [{ module: { sources: { a: 7 } } }, 'startWorker: module.sources.a must be a function, got 7'],
  [{ module: { models: 'mine' } }, 'startWorker: module.models must be functions by name'],
])('%j is refused', async (options, message) => {
  const place = { engine: localEngine(), store: memoryStore() };
  await expect(startWorker({ ...place, ...options } as never)).rejects.toThrow(message);
});

it('a folder of rows that is not there is said', async () => {
  const said: string[] = [];
  const place = { engine: localEngine(), store: memoryStore(), onMessage: (message: string) => said.push(message) };
  const worker = await startWorker({ ...place, data: ['/nowhere/rows', 'https://host/rows/'] });
  expect(said).toEqual(['data: there is no /nowhere/rows here; parts below it will not be found']);
  await worker.close();
});
