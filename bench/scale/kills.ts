// Kills workers at random moments, 50 by default, while a run goes on, and Redis now and then, and compares the bits of the result with those of one
// process: npx tsx --conditions=source bench/scale/kills.ts [kills]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributedFit, localEngine, memoryStore } from '@latent/scale';
import { Rng } from '@latent/tensor';
import { gaussian, Vae } from '@latent/vae';
import { bitsOf } from '../../packages/scale/test/bits.ts';
import { RedisServer } from '../../packages/scale/test/redis.ts';
import { WorkerProcess } from '../../packages/scale/test/worker-process.ts';

const wanted = Number(process.argv[2] ?? 50);
const rows = new Rng(2).normal([4000, 32]).data as Float32Array;
const vae = (): Vae => new Vae({ inputSize: 32, latentSize: 8, encoder: [128, 64], reconstruction: gaussian() });
const base = { rows, shards: 4, localSteps: 300, batchSize: 64, learningRate: 0.003 };

const redis = await new RedisServer().start();
const store = mkdtempSync(join(tmpdir(), 'latent-kills-'));
const rng = new Rng(11);
const place = { connection: redis.url, store };
const alive: WorkerProcess[] = [];
const begin = (): void => void alive.push(new WorkerProcess(place));
for (let i = 0; i < 3; i++) begin();

let kills = 0;
let rounds = 0;
let seconds = 0;
const started = performance.now();
// Run after run, until so many were killed.
while (kills < wanted) {
  const model = vae();
  let running = true;
  const count = 6 + (rounds % 3);
  const killing = (async () => {
    while (running && kills < wanted) {
      await new Promise((resolve) => setTimeout(resolve, 200 + 1500 * rng.uniform([1]).item()));
      if (!running) break;
      // A worker that never came to take a job would be no kill of one.
      const victim = alive.shift();
      await victim?.ready().catch(() => {});
      await victim?.end('SIGKILL');
      kills++;
      if (kills % 17 === 0) {
        await redis.kill();
        await redis.start();
      }
      begin();
    }
  })();
  const run = await distributedFit(model, { ...base, ...place, rounds: count, run: `kills-${rounds}` });
  running = false;
  await killing;
  const expected = vae();
  await distributedFit(expected, { ...base, rounds: count, store: memoryStore(), engine: localEngine() });
  const equal = bitsOf(model) === bitsOf(expected);
  const counted = run.rounds.every((round, r) => round.rows === rowsOf(base, r));
  seconds = (performance.now() - started) / 1000;
  console.log(
    `run ${++rounds}: ${count} rounds, ${kills} kills so far, equal bits: ${equal}, each shard-round once: ${counted}`,
  );
  if (!equal || !counted) process.exitCode = 1;
}
console.log(`${kills} workers killed in ${rounds} runs and ${seconds.toFixed(0)} s`);
await Promise.all(alive.map((worker) => worker.end()));
await redis.stop();
rmSync(store, { recursive: true, force: true });

/** The rows of a round, from 0: epochs go on over rounds, and the last batch of each has fewer rows. */
function rowsOf({ shards, localSteps, batchSize }: typeof base, round: number): number {
  const own = 4000 / shards;
  const perEpoch = Math.ceil(own / batchSize);
  const epochs = Math.floor(((round + 1) * localSteps) / perEpoch) - Math.floor((round * localSteps) / perEpoch);
  return shards * (localSteps * batchSize - epochs * (perEpoch * batchSize - own));
}
