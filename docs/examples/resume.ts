import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Rng } from '@latent/tensor';
import { bernoulli, Vae } from '@latent/vae';
import type { Example, Setting } from './example.ts';

/** Trains with a checkpoint after each epoch, going on from one that is there. */
async function trainTo(checkpoint: string, result: string): Promise<void> {
  const rows = new Rng(1).bernoulli([2000, 64], { p: 0.3 }).data as Float32Array;
  const vae = new Vae({ inputSize: 64, latentSize: 8, encoder: [64], reconstruction: bernoulli() });
  await vae.fit(rows, { epochs: 30, checkpoint: { to: checkpoint, everyMinutes: 0.001, resume: true } });
  writeFileSync(result, vae.toBytes());
}

/** Runs the training in a process of its own, and kills it after so many milliseconds. */
function inProcess(checkpoint: string, result: string, killAfter?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const flags = [...process.execArgv, fileURLToPath(import.meta.url), checkpoint, result];
    const child = spawn(process.execPath, flags, { stdio: 'ignore' });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

/**
 * A training run is killed again and again and goes on from its checkpoint. You should see the same bytes at the end as
 * those of a run that was left alone.
 */
export const resume: Example = async (setting: Setting) => {
  const [whole, killed] = [setting.path('resume-whole.safetensors'), setting.path('resume-killed.safetensors')];
  for (const file of [whole, killed]) rmSync(`${file}.checkpoint`, { force: true });
  await inProcess(`${whole}.checkpoint`, whole);
  let kills = 0;
  for (let patience = 900; !(await inProcess(`${killed}.checkpoint`, killed, patience)); patience += 200) {
    kills++;
    const kept = existsSync(`${killed}.checkpoint`) ? 'goes on from its checkpoint' : 'had saved nothing yet';
    setting.say(`killed after ${patience} ms; the next run ${kept}`);
  }
  const same = readFileSync(whole).equals(readFileSync(killed));
  setting.say(
    same ? 'the same bytes as the run that was left alone' : 'DIFFERENT bytes from the run that was left alone',
  );
  return { kills, same: same ? 1 : 0 };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [checkpoint = '', result = ''] = process.argv.slice(2);
  await trainTo(checkpoint, result);
}
