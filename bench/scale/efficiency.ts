// One and two worker processes of one thread each on this machine, against what the simulator says of two: from what one took, and from what
// each of two runs took that had nothing to do with each other, which is what the machine itself loses with both cores busy; and the table: npx tsx --conditions=source bench/scale/efficiency.ts [rounds]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributedFit, type RoundEvent, simulate } from '@latent/scale';
import { Rng } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { RedisServer } from '../../packages/scale/test/redis.ts';
import { WorkerProcess } from '../../packages/scale/test/worker-process.ts';

const rounds = Number(process.argv[2] ?? 6);
const rows = new Rng(1).bernoulli([4096, 784], { p: 0.15 }).data as Float32Array;
const localSteps = 200;
const vae = (): Vae => new Vae({ inputSize: 784, latentSize: 20, encoder: [400], reconstruction: bernoulli() });

/** Rounds of so many workers, each with a shard of its own. */
async function measure(workers: number): Promise<readonly RoundEvent[]> {
  const redis = await new RedisServer().start();
  const store = mkdtempSync(join(tmpdir(), 'latent-efficiency-'));
  const place = { connection: redis.url, store };
  const processes = Array.from(
    { length: workers },
    () => new WorkerProcess({ ...place, args: ['--threads', '1', '--lock', '30'] }),
  );
  try {
    await Promise.all(processes.map((worker) => worker.ready()));
    const { rounds: events } = await distributedFit(vae(), {
      ...place,
      rows,
      shards: workers,
      localSteps,
      rounds,
      batchSize: 128,
    });
    return events as unknown as readonly RoundEvent[];
  } finally {
    await Promise.all(processes.map((worker) => worker.end()));
    await redis.stop();
    rmSync(store, { recursive: true, force: true });
  }
}

/** The middle round but for the first, in which workers get to know the run, and the last, in which others may have ended before. */
function middle(events: readonly RoundEvent[]): RoundEvent {
  const sorted = events.slice(1, -1).sort((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)] as RoundEvent;
}

const weightsBytes =
  4 *
  vae()
    .parameters()
    .reduce((sum, { size }) => sum + size, 0);
const one = middle(await measure(1));
const two = middle(await measure(2));
const apart = (await Promise.all([measure(1), measure(1)])).map(middle);
const busy = mean(apart.map(({ seconds }) => seconds));
const busyTrained = mean(apart.map(({ workers }) => workers[0]?.seconds ?? 0));
// What a round of one worker takes beyond its training is hand-over, encoding and the store.
const trained = one.workers[0]?.seconds ?? one.seconds;
const latency = Math.max(1e-3, (one.seconds - trained) / 2);
const machine = { localSteps, weightsBytes, bandwidth: 1e9, latency, secondsPerByte: 4e-9 };
const stepSeconds = stepOf(trained);
const busyStep = stepOf(busyTrained);
const predicted = simulate({ ...machine, stepSeconds: busyStep, workers: 2 });
console.log(
  `one worker: ${one.seconds.toFixed(3)} s a round, of which ${trained.toFixed(3)} s in its job; a step ${(1000 * stepSeconds).toFixed(2)} ms`,
);
console.log(
  `two runs of one worker at once: ${busy.toFixed(3)} s a round; a step ${(1000 * busyStep).toFixed(2)} ms: the machine keeps ${(one.seconds / busy).toFixed(3)} of a core's speed`,
);
console.log(
  `two workers of one run: ${two.seconds.toFixed(3)} s a round of twice the rows, in their jobs ${two.workers.map(({ seconds }) => seconds.toFixed(3)).join(' and ')} s; predicted ${predicted.secondsPerRound.toFixed(3)} s, ${(predicted.secondsPerRound / two.seconds).toFixed(3)} of it`,
);
console.log(
  `efficiency of twice one worker: ${(one.seconds / two.seconds).toFixed(3)}, and ${(busy / two.seconds).toFixed(3)} of two that do not share a run`,
);
console.log(
  `bytes of a round: ${two.bytes.got + two.bytes.put - two.bytes.start}, by the formula ${two.bytes.expected}`,
);

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The step's share of a job of one worker: without its encoding and transfers. */
function stepOf(seconds: number): number {
  const bytes = 4 * weightsBytes;
  return Math.max(1e-6, (seconds - bytes * machine.secondsPerByte - bytes / machine.bandwidth) / localSteps);
}

console.log('\n784-400-20, a step of 10.5 ms, Adam, latency 5 ms, 4 ns a byte in the worker');
const counts = [1, 2, 4, 8, 16, 32, 64];
console.log(`| store, local steps | ${counts.join(' | ')} |\n|---|${counts.map(() => '---:|').join('')}`);
for (const [name, bandwidth, steps] of [
  ['1 Gbit/s, 200', 1.25e8, 200],
  ['1 Gbit/s, 1000', 1.25e8, 1000],
  ['10 Gbit/s, 50', 1.25e9, 50],
  ['10 Gbit/s, 200', 1.25e9, 200],
  ['10 Gbit/s, 1000', 1.25e9, 1000],
] as const) {
  const shares = counts.map((workers) =>
    simulate({ workers, localSteps: steps, stepSeconds: 0.0105, weightsBytes: 2.6e6, bandwidth }),
  );
  console.log(`| ${name} | ${shares.map(({ efficiency }) => `${Math.round(100 * efficiency)} %`).join(' | ')} |`);
}
