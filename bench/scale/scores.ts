// Scores a million rows in 100 parts by worker processes that are killed meanwhile, and compares with one process:
// npx tsx --conditions=source bench/scale/scores.ts [rows]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from '@latent/onnx/npy';
import { distributedScore } from '@latent/scale';
import { Rng } from '@latent/tensor';
import { gaussian, Vae } from '@latent/vae';
import { RedisServer } from '../../packages/scale/test/redis.ts';
import { WorkerProcess } from '../../packages/scale/test/worker-process.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const WIDTH = 8;
const PARTS = 100;
const vae = new Vae({ inputSize: WIDTH, latentSize: 2, encoder: [16], reconstruction: gaussian() });
await vae.fit(new Rng(1).normal([2000, WIDTH]), { epochs: 2 });

const folder = mkdtempSync(join(tmpdir(), 'latent-scores-'));
const [data, store] = [join(folder, 'data'), join(folder, 'store')];
mkdirSync(data);
const perPart = Math.ceil(count / PARTS);
const parts = Array.from({ length: PARTS }, (_, p) => {
  const rows = Math.min(perPart, count - p * perPart);
  const url = join(data, `part-${p}.npy`);
  writeFileSync(url, encodeNpy(new Rng(100 + p).normal([rows, WIDTH])));
  return { url, rows };
});
const redis = await new RedisServer().start();
const place = { connection: redis.url, store };
const begin = (): WorkerProcess => new WorkerProcess({ ...place, args: ['--data', data] });
const workers = [begin(), begin()];
let running = true;
let kills = 0;
const rng = new Rng(5);
const killing = (async () => {
  while (running) {
    await new Promise((resolve) => setTimeout(resolve, 1000 + 4000 * rng.uniform([1]).item()));
    if (!running) break;
    await workers.shift()?.end('SIGKILL');
    kills++;
    workers.push(begin());
  }
})();
const started = performance.now();
let different = 0;
let rows = 0;
await distributedScore(vae, {
  ...place,
  parts,
  out({ part, scores, rows: own, first }) {
    if (first !== rows) different++;
    rows += own;
    const expected = vae.elbo(new Rng(100 + part).normal([own, WIDTH])).elbo.data;
    const got = scores.elbo?.data;
    if (got?.length !== expected.length || !expected.every((nats, i) => Object.is(nats, got[i]))) different++;
  },
});
running = false;
console.log(
  `${rows} rows in ${PARTS} parts, ${((performance.now() - started) / 1000).toFixed(1)} s, ${kills} workers killed; parts that differ: ${different}`,
);
if (different > 0 || rows !== count) process.exitCode = 1;
await killing;
await Promise.all(workers.map((worker) => worker.end()));
await redis.stop();
rmSync(folder, { recursive: true, force: true });
