import { expect, it } from 'vitest';
import type { Overview } from './engine/engine.ts';
import { localEngine, memoryStore } from './index.ts';
import { prepareFlow } from './jobs/flows.ts';
import { status } from './status.ts';

it('names runs that nobody works on, and none that is no name', async () => {
  const engine = localEngine();
  await engine.add(prepareFlow({ run: 'waiting-run', session: 0 }, 2, 0));
  await engine.add({ name: 'train', data: { run: '../../etc', session: 0 } });
  const { runs, waiting, workers } = await status({ engine, store: memoryStore() });
  expect({ waiting, workers }).toEqual({ waiting: 4, workers: [] });
  expect(runs).toEqual([{ run: 'waiting-run', kind: 'unknown', rounds: [], gone: [] }]);
  const own = await status({ engine, store: memoryStore(), run: 'other' });
  expect(own.runs.map(({ run }) => run)).toEqual(['waiting-run', 'other']);
  await engine.close();
});

it('does not believe what jobs say', async () => {
  const job = { name: 'train', data: { run: 7, session: 0 } };
  const active = [{ job, note: null, worker: 'w' }] as unknown as Overview['active'];
  const overview = async () => ({
    waiting: 1,
    waitingRuns: ['', 'A B', { run: 'x' }, 'known'] as string[],
    active,
    failed: 0,
    workers: [],
  });
  const { runs } = await status({ engine: { ...localEngine(), overview }, store: memoryStore() });
  expect(runs.map(({ run }) => run)).toEqual(['known']);
});
