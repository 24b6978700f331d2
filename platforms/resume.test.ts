import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from './bundle.ts';

const PROGRAM = `
import { Rng } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import { writeFileSync } from 'node:fs';
const [checkpoint, result] = process.argv.slice(2);
const rows = new Rng(4).bernoulli([400, 20], { p: 0.3 }).data;
const vae = new Vae({ inputSize: 20, latentSize: 3, encoder: [16], reconstruction: bernoulli() });
await vae.fit(rows, {
  epochs: 60, batchSize: 16, validationData: rows.slice(0, 400), earlyStopping: { patience: 60 },
  checkpoint: { to: checkpoint, everyEpochs: 3, everyMinutes: 0.0002, resume: true },
});
writeFileSync(result, vae.toBytes());
`;

let folder: string;
let program: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-resume-'));
  program = join(folder, 'train.mjs');
  writeFileSync(program, await bundle(PROGRAM, 'esm'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs to the end, or is killed after so many milliseconds. */
function run(checkpoint: string, result: string, killAfter?: number): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, checkpoint, result], { stdio: 'ignore' });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

it('a run that is killed again and again ends with the bits of one that never was', async () => {
  const at = (name: string): string => join(folder, name);
  expect(await run(at('whole.safetensors'), at('whole.bin'))).toBe(0);
  let kills = 0;
  // Each attempt gets a little further; where it is killed is up to the clock.
  for (let patience = 150; (await run(at('killed.safetensors'), at('killed.bin'), patience)) !== 0; patience += 40)
    kills++;
  expect(kills).toBeGreaterThan(0);
  expect(readFileSync(at('killed.bin')).equals(readFileSync(at('whole.bin')))).toBe(true);
});
