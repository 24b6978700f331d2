// The command line with workers in processes of their own, over a Redis of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from '@latent/nn';
import { distributedFit, localEngine, memoryStore } from '@latent/scale';
import { TableModel } from '@latent/tables';
import { Rng } from '@latent/tensor';
import { afterAll, expect, it } from 'vitest';
import { latent } from '../packages/latent/test/terminal.ts';
import { RedisServer, redisFile } from '../packages/scale/test/redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-workers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** A worker as a user starts it. */
function worker(url: string): { readonly child: ChildProcess; readonly ready: Promise<void> } {
  const main = fileURLToPath(new URL('../packages/latent/src/main.ts', import.meta.url));
  const words = ['--import', 'tsx', '--conditions=source', main, 'worker', url, '--lock', '2'];
  const child = spawn(process.execPath, words, {
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ready = new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes('at work')) resolve();
    });
    child.on('exit', () => reject(new Error(`the worker ended and said: ${said}`)));
  });
  return { child, ready };
}

/** All numbers of a file, as text; what is said of the fit has its time. */
const numbersOf = (bytes: Uint8Array): string =>
  Object.entries(decodeSafetensors(bytes).tensors)
    .filter(([name]) => name !== 'learned')
    .map(([name, { data }]) => `${name} ${Array.from(data)}`)
    .join('\n');

it.skipIf(redisFile === undefined)(
  'latent train --workers learns what its shards say, whoever does the work',
  async () => {
    const numbers = new Rng(1).normal([400 * 3]).data;
    const rows = Array.from({ length: 400 }, (_, i) => ({
      a: numbers[3 * i] as number,
      b: (numbers[3 * i] as number) + 0.1 * (numbers[3 * i + 1] as number),
      level: (numbers[3 * i + 2] as number) > 0 ? 'high' : 'low',
    }));
    const cells = rows.map(({ a, b, level }) => `${a},${b},${level}`);
    writeFileSync(at('rows.csv'), `a,b,level\n${cells.join('\n')}\n`);
    const redis = await new RedisServer().start();
    const [first, second] = [worker(redis.url), worker(redis.url)];
    try {
      await Promise.all([first.ready, second.ready]);
      const words = ['train', at('rows.csv'), '-o', at('m.st'), '--epochs', '6', '--seed', '2', '--shards', '3'];
      const running = latent([...words, '--workers', redis.url]);
      first.child.kill('SIGKILL');
      expect(await running).toMatchObject({ code: 0 });

      const columns = Object.fromEntries(
        (['a', 'b', 'level'] as const).map((name) => [name, rows.map((row) => String(row[name]))]),
      );
      const here = await TableModel.fit(columns as never, {
        ...{ epochs: 6, seed: 2, onWarning: () => {} },
        train: async ({ model, rows: learned, options: { epochs = 1, batchSize = 1, optimizer, validationData } }) => {
          const localSteps = Math.ceil(learned.length / 3 / batchSize);
          const { rounds } = await distributedFit(model, {
            ...{ rows: learned, validation: validationData as never, shards: 3, localSteps, rounds: epochs, batchSize },
            ...{ engine: localEngine(), store: memoryStore(), onWarning: () => {} },
            ...(optimizer !== undefined && { optimizer }),
          });
          return { epochs: rounds as never, stopped: 'finished', best: null, warnings: [] };
        },
      });
      expect(numbersOf(readFileSync(at('m.st')))).toBe(numbersOf(here.toBytes()));
      // The same command finds the run that is done.
      expect((await latent([...words, '--workers', redis.url])).code).toBe(0);
      // And rows are scored there as here.
      const scoring = ['score', at('m.st'), at('rows.csv'), '--false-alarms', '0.1'];
      const [there, local] = [await latent([...scoring, '--workers', redis.url]), await latent(scoring)];
      expect(there).toMatchObject({ code: 0, out: local.out, said: local.said });
      const ended = new Promise((resolve) => second.child.on('exit', resolve));
      second.child.kill('SIGTERM');
      expect(await ended).toBe(0);
    } finally {
      first.child.kill('SIGKILL');
      second.child.kill('SIGKILL');
      await redis.stop();
    }
  },
  60_000,
);
