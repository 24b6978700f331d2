import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PROGRAM = `
import { compile, Rng, step, threadCount, useThreads } from './index.ts';
useThreads(2);
const work = (x) => x.matmul(x).mul(0.1).tanh().sum({ axis: 0 });
const x = new Rng(0).normal([200, 200]);
const run = compile(work);
const want = JSON.stringify([...step(() => work(x)).data]);
for (let i = 0; i < 30; i++) {
  if (JSON.stringify([...run(x).data]) !== want) throw new Error('other numbers');
  await new Promise((resolve) => setTimeout(resolve, 5));
}
console.log(threadCount());
`;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-permission-'));
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL('..', import.meta.url)), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['source'],
    external: ['node:*'],
  });
  writeFileSync(join(folder, 'program.mjs'), outputFiles[0]?.text ?? '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("runs under Node's permission model, which forbids workers, on one thread and with one warning", () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const flags = [flag, '--allow-fs-read=*', '--no-warnings'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, join(folder, 'program.mjs')], {
    encoding: 'utf8',
  });
  expect(stderr.trim()).toMatch(/^threads: workers cannot be started here \(.*\); steps run on one thread$/);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
});
