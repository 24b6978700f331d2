import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, TRAINING, type Trained } from './bundle.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-node-'));
  program = join(folder, 'train.mjs');
  writeFileSync(program, await bundle(`${TRAINING}\nconsole.log(JSON.stringify(trainSome()));`, 'esm'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...flags: string[]): Trained {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [...flags, program], {
    encoding: 'utf8',
    timeout: 600_000,
  });
  // What Node itself says of its flags is not ours.
  const said = stderr.replace(/^Warning: disabling flag .*\n/, '');
  expect({ status, signal, said }).toEqual({ status: 0, signal: null, said: '' });
  return JSON.parse(stdout) as Trained;
}

describe('a process of its own', () => {
  it('trains, and ends although its workers still wait', () => {
    const { losses } = run();
    expect(losses[11]).toBeLessThan(losses[0]!);
  });

  it('trains without WebAssembly, on the reference kernels', () => {
    const [usual, jitless] = [run(), run('--jitless')];
    expect(jitless.threads).toBe(1);
    for (const [i, loss] of jitless.losses.entries()) expect(loss / usual.losses[i]!).toBeCloseTo(1, 4);
    expect(jitless.score / usual.score).toBeCloseTo(1, 3);
  });
});
