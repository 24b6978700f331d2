// Worker processes over a Redis server, killed and started again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '@latent/tensor';
import { gaussian, Vae } from '@latent/vae';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitsOf } from '../test/bits.ts';
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

const rows = new Rng(2).normal([400, 8]).data as Float32Array;
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
  const start = async (count: number, args: readonly string[] = [], queue = 'latent'): Promise<WorkerProcess[]> => {
    const started = Array.from({ length: count }, () => {
      const own = ['--queue', queue, ...args];
      return new WorkerProcess({ ...connected(), args: own });
    });
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

  it('one and two, of which one is killed at random moments and the server once: the same bits', async () => {
    const expected = await expectedBits();
    const one = vae();
    const [alone] = (await start(1)) as [WorkerProcess];
    const seen: number[] = [];
    await distributedFit(one, {
      ...base,
      ...connected(),
      run: 'one',
      onRound: ({ round }: RoundEvent) => seen.push(round),
    } as never);
    expect(bitsOf(one)).toBe(expected);
    expect(seen).toEqual([1, 2, 3, 4, 5]);

    // A worker at a time is killed while the run goes on, and another takes its place.
    const two = vae();
    const rng = new Rng(7);
    let running = true;
    let kills = 0;
    const killing = (async () => {
      let victim = (await start(1))[0] as WorkerProcess;
      while (running && kills < 2) {
        await new Promise((resolve) => setTimeout(resolve, 100 + 400 * rng.uniform([1]).item()));
        await victim.end('SIGKILL');
        kills++;
        if (kills === 1) {
          await redis.kill();
          await redis.start();
        }
        victim = (await start(1))[0] as WorkerProcess;
      }
    })();
    const history = await distributedFit(two, { ...base, ...connected(), run: 'two', rounds: 6 });
    running = false;
    await killing;
    expect(kills).toBeGreaterThan(0);
    expect(bitsOf(two)).toBe(await expectedBits({ rounds: 6 }));
    // Each shard-round counts once.
    expect(history.rounds.map((round) => round.rows)).toEqual(new Array(6).fill(4 * 60 * 10));
    expect(await alone.end('SIGTERM')).toBe(0);
    await Promise.all(workers.map((worker) => worker.end()));
    workers = [];
  });

  it('a run whose caller dies goes on, and is found again', async () => {
    const model = vae();
    const control = distributedFit(vae(), { ...base, ...connected(), run: 'orphan' });
    const found = await status({ ...connected(), run: 'orphan' });
    expect(found.runs.map(({ run }) => run)).toContain('orphan');
    await start(1);
    // Two callers at once join the same run.
    await distributedFit(model, { ...base, ...connected(), run: 'orphan' });
    await control;
    expect(bitsOf(model)).toBe(await expectedBits());
    const after = await status({ ...connected(), run: 'orphan' });
    expect(after.workers).toHaveLength(1);
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
    rmSync(join(store, 'other', 'arithmetic'));
    expect(await running).toMatchObject({ stopped: 'finished' });
  });

  it('what somebody else writes to the queue is validated: nothing of it is done', async () => {
    const queue = new Queue('latent', { connection: { url: redis.url } });
    const hostile: readonly [name: string, data: unknown, reason: RegExp][] = [
      ['eval', { run: 'one', session: 0 }, /there is no type of jobs 'eval'/],
      ['constructor', { run: 'one', session: 0 }, /there is no type of jobs 'constructor'/],
      ['__proto__', { run: 'one', session: 0 }, /there is no type of jobs '__proto__'/],
      ['train', { run: '../../etc/passwd', session: 0, round: 0, shard: 0 }, /run must be a name/],
      ['train', { run: 'one', session: 0, round: -1, shard: 0 }, /round must be a whole number/],
      ['train', { run: 'one', session: 0, round: 0, shard: 99 }, /there is no shard 99/],
      ['train', { run: 'one', session: 0, round: '0', shard: 0 }, /round must be a whole number/],
      ['train', { run: 'one', session: 0, round: 0, shard: 0, code: 'x' }, /there is no option 'code'/],
      ['train', ['one'], /must be an object/],
      ['survey', { run: 'one', session: 0, set: 'constructor', part: 0 }, /set must be one of/],
      ['score', { run: 'one', session: 0, part: 0 }, /the run one is a fit/],
      ['reduce', { run: 'nobody', session: 0, round: 0 }, /there is no nobody\/order/],
      ['reduce', { run: 'one', session: 0, round: 0, x: 'y'.repeat(2000) }, /a job has at most 1024 bytes/],
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
    // The worker is well.
    const model = vae();
    const { scores } = await distributedScore(model, { ...connected(), parts: rows, run: 'after' });
    expect(scores.elbo?.data).toEqual(model.elbo(rows).elbo.data);
  });

  it('a server that is not there is said', async () => {
    const engine = bullmqEngine({ connection: 'redis://127.0.0.1:1', connectSeconds: 0.5 });
    const gone = distributedFit(vae(), { ...base, store, engine });
    await expect(gone).rejects.toThrow(
      'the queue does not answer within 0.5 s; is the connection right and the server',
    );
    await engine.close();
  });
});
