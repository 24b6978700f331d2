// Worker processes over a Redis server, killed and started again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gaussian, Vae } from '@latent/vae';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitsOf } from '../test/bits.ts';
import { testRows } from '../test/deadly-module.ts';
import { RedisServer, redisFile } from '../test/redis.ts';
import { WorkerProcess } from '../test/worker-process.ts';
import {
  bullmqEngine,
  distributedFit,
  distributedScore,
  folderStore,
  localEngine,
  memoryStore,
  type RoundEvent,
  status,
} from './index.ts';

const rows = testRows;
const vae = (): Vae => new Vae({ inputSize: 8, latentSize: 2, encoder: [16], reconstruction: gaussian() });
const base = { rows, shards: 4, localSteps: 60, rounds: 5, batchSize: 10, learningRate: 0.01 };

/** The bits that a run must have, whoever does it. */
async function expectedBits(options: object = {}): Promise<string> {
  const model = vae();
  await distributedFit(model, { ...base, ...options, store: memoryStore(), engine: localEngine() });
  return bitsOf(model);
}

describe.skipIf(redisFile === undefined)('worker processes over Redis (skipped where there is no redis-server)', () => {
  let redis: RedisServer;
  let store: string;
  let workers: WorkerProcess[] = [];
  const connected = () => ({ connection: redis.url, store });
  const module = fileURLToPath(new URL('../test/deadly-module.ts', import.meta.url));
  const start = async (count: number): Promise<WorkerProcess[]> => {
    const started = Array.from(
      { length: count },
      () => new WorkerProcess({ ...connected(), args: ['--module', module] }),
    );
    workers.push(...started);
    await Promise.all(started.map((worker) => worker.ready()));
    return started;
  };

  beforeAll(async () => {
    redis = await new RedisServer().start();
    store = mkdtempSync(join(tmpdir(), 'latent-scale-'));
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.end()));
    await redis.stop();
    rmSync(store, { recursive: true, force: true });
  });

  it('workers killed in the middle of things, and the server killed: the same bits, each shard-round once', async () => {
    const model = vae();
    const seen: number[] = [];
    const warnings: string[] = [];
    const running = distributedFit(model, {
      ...base,
      ...connected(),
      rows: [{ url: 'source:rows' }],
      run: 'killed',
      onWarning: (message: string) => warnings.push(message),
      onRound: ({ round }: RoundEvent) => seen.push(round),
    } as never);
    // Three that kill themselves while the run goes on: nobody else is there to end it.
    const doomed = [20, 250, 700].map(
      (after) => new WorkerProcess({ ...connected(), args: ['--module', module], env: { KILL_AFTER: String(after) } }),
    );
    workers.push(...doomed);
    expect(await Promise.all(doomed.map((worker) => worker.ended))).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
    expect(seen.length).toBeLessThan(base.rounds);
    await redis.kill();
    await redis.start();
    workers = [];
    await start(2);
    const { rounds } = await running;
    expect(bitsOf(model)).toBe(await expectedBits());
    // While nobody worked and no server was there, if it was long enough.
    expect(warnings.filter((text) => !/no worker is connected|the queue does not answer/.test(text))).toEqual([]);
    expect(rounds.map((round) => round.rows)).toEqual(new Array(base.rounds).fill(4 * 60 * 10));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('a run whose caller dies goes on, and is found again', async () => {
    const model = vae();
    const control = distributedFit(vae(), { ...base, ...connected(), run: 'orphan' });
    const found = await status({ ...connected(), run: 'orphan' });
    expect(found.runs.map(({ run }) => run)).toContain('orphan');
    // Two callers at once join the same run.
    await distributedFit(model, { ...base, ...connected(), run: 'orphan' });
    await control;
    expect(bitsOf(model)).toBe(await expectedBits());
    const after = await status({ ...connected(), run: 'orphan' });
    expect(after.workers).toHaveLength(2);
    expect(after.runs[0]?.rounds.at(-1)).toMatchObject({ round: 5, rounds: 5 });
  });

  it('a worker with other arithmetic refuses the job and says so', async () => {
    const bits = { bits: '00000000', fused: true };
    const { encodeJson } = await import('./store/blob.ts');
    // As if another machine had begun the run.
    const warnings: string[] = [];
    const control = new AbortController();
    const put = await folderStore(store).putOnce('other/arithmetic', encodeJson('arithmetic', bits));
    expect(put).toBe(true);
    const running = distributedFit(vae(), {
      ...base,
      ...connected(),
      run: 'other',
      onWarning: (message) => warnings.push(message),
      signal: control.signal,
    }).catch((error: Error) => error);
    const [worker] = workers as [WorkerProcess];
    await worker.says('so its results would have other bits; ');
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(warnings[0]).toMatch(/a worker refuses the run other: this worker computes with.* fused multiply-add/);
    // The run waits for a worker that fits. Here one comes.
    expect((await status(connected())).runs.map(({ run }) => run)).toEqual(['other']);
    rmSync(join(store, 'other', 'arithmetic'));
    expect(await running).toMatchObject({ stopped: 'finished' });
  });

  it('what somebody else writes to the queue is validated: nothing of it is done', async () => {
    const queue = new Queue('latent', { connection: { url: redis.url } });
    const hostile: readonly [name: string, data: unknown, reason: RegExp][] = [
      ['eval', { run: 'killed', session: 0 }, /there is no type of jobs 'eval'/],
      ['constructor', { run: 'killed', session: 0 }, /there is no type of jobs 'constructor'/],
      ['__proto__', { run: 'killed', session: 0 }, /there is no type of jobs '__proto__'/],
      ['train', { run: '../../etc/passwd', session: 0, round: 0, shard: 0 }, /run must be a name/],
      ['train', { run: 'killed', session: 0, round: -1, shard: 0 }, /round must be a whole number/],
      ['train', { run: 'killed', session: 0, round: 0, shard: 99 }, /there is no shard 99/],
      ['train', { run: 'killed', session: 0, round: '0', shard: 0 }, /round must be a whole number/],
      ['train', { run: 'killed', session: 0, round: 0, shard: 0, code: 'x' }, /there is no option 'code'/],
      ['train', ['killed'], /must be an object/],
      ['survey', { run: 'killed', session: 0, set: 'constructor', part: 0 }, /set must be one of/],
      ['score', { run: 'killed', session: 0, part: 0 }, /the run killed is a fit/],
      ['reduce', { run: 'nobody', session: 0, round: 0 }, /there is no nobody\/order/],
      ['reduce', { run: 'killed', session: 0, round: 0, x: 'y'.repeat(2000) }, /a job has at most 1024 bytes/],
    ];
    try {
      const jobs = await Promise.all(hostile.map(([name, data]) => queue.add(name, data)));
      for (const [i, job] of jobs.entries()) {
        let state = await job.getState();
        while (state !== 'failed' && state !== 'completed') {
          await new Promise((resolve) => setTimeout(resolve, 50));
          state = await job.getState();
        }
        const { failedReason } = (await Queue.prototype.getJob.call(queue, job.id as string)) as {
          failedReason: string;
        };
        expect([hostile[i]?.[0], state]).toEqual([hostile[i]?.[0], 'failed']);
        expect(failedReason).toMatch(hostile[i]?.[2] as RegExp);
      }
    } finally {
      await queue.close();
    }
    // The workers are well.
    const model = vae();
    const { scores } = await distributedScore(model, { ...connected(), parts: rows, run: 'after' });
    expect(scores.elbo?.data).toEqual(model.elbo(rows).elbo.data);
  });

  it('a server that is not there is said', async () => {
    const engine = bullmqEngine({ connection: 'redis://127.0.0.1:1', connectSeconds: 0.5 });
    const gone = distributedFit(vae(), { ...base, store, engine });
    await expect(gone).rejects.toThrow(
      /the server at 127\.0\.0\.1:1 does not answer within 0\.5 s \(.*ECONNREFUSED.*\); is the address right and the server/,
    );
    await engine.close();
  });

  it('a server that refuses is said at once, without what is secret', async () => {
    const secret = redis.url.replace('//', '//nobody:hush@');
    for (const place of [
      { connection: secret, store },
      { connection: redis.url, store: secret },
    ]) {
      const refused = await distributedFit(vae(), { ...base, ...place }).catch((error: Error) => error.message);
      expect(refused).toMatch(
        /the server at 127\.0\.0\.1:\d+ refuses: (WRONGPASS|ERR AUTH).*redis:\/\/:PASSWORD@HOST:PORT/,
      );
      expect(refused).not.toContain('hush');
    }
  });
});
