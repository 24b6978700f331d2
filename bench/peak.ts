// Peak resident memory of many training steps, in a process of their own, beside PyTorch's.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Contender, type VaeConfig, vaeConfigs, type Work } from './contender.ts';
import { tensorflowCvae } from './images.ts';
import { latentWith } from './latent.ts';
import { startPytorch } from './peers.ts';

const dense = vaeConfigs[0] as VaeConfig;

const steps: readonly { name: string; count: number; prepare(contender: Contender): Promise<Work> }[] = [
  { name: dense.name, count: 100, prepare: (contender) => contender.vaeStep(dense) },
  {
    name: 'cvae of TensorFlow, latent 20, batch 128',
    count: 10,
    prepare: (contender) => contender.image({ work: 'step', model: tensorflowCvae }),
  },
];

/** Of all runs of PyTorch. */
const LIMIT_MS = 600_000;

const own = process.argv.indexOf('--ours');
if (own >= 0) {
  const { count, prepare } = steps[Number(process.argv[own + 1])] as (typeof steps)[number];
  const work = await prepare(latentWith('auto', 'latent'));
  for (let i = 0; i < count && typeof work === 'function'; i++) await work();
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
} else {
  for (const [i, { name, count, prepare }] of steps.entries()) {
    console.log(`peak memory of ${count} steps of ${name}`);
    const flags = [...process.execArgv, fileURLToPath(import.meta.url), '--ours', String(i)];
    console.log(`  latent   ${spawnSync(process.execPath, flags, { encoding: 'utf8' }).stdout.trim()} MiB`);
    try {
      const pytorch = await startPytorch(LIMIT_MS);
      const work = await prepare(pytorch);
      if (typeof work !== 'function') await work.timed(count);
      console.log(`  pytorch  ${Math.round((await pytorch.peakMemory()) / 2 ** 20)} MiB`);
      pytorch.close?.();
    } catch (error) {
      console.log(`  pytorch  missing: ${(error as Error).message}`);
    }
  }
}
