// Peak resident memory of 100 large training steps, in a process of their own, beside PyTorch's.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Contender, ELEMENTWISE_SHAPE, testData, type VaeConfig, vaeConfigs } from './contender.ts';
import { latentWith } from './latent.ts';

const config = vaeConfigs[0] as VaeConfig;
const STEPS = 100;

if (process.argv.includes('--ours')) {
  const work = await latentWith('auto', 'latent').vaeStep(config);
  for (let i = 0; i < STEPS && typeof work === 'function'; i++) await work();
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
} else {
  console.log(`peak memory of ${STEPS} steps of ${config.name}`);
  const flags = [...process.execArgv, fileURLToPath(import.meta.url), '--ours'];
  console.log(`  latent   ${spawnSync(process.execPath, flags, { encoding: 'utf8' }).stdout.trim()} MiB`);
  try {
    const { create } = (await import(new URL('./peers/pytorch.js', import.meta.url).href)) as {
      create(threads: string, tools: object): Promise<Contender & { peakMemory(): Promise<number> }>;
    };
    const pytorch = await create('1', { testData, ELEMENTWISE_SHAPE });
    const work = await pytorch.vaeStep(config);
    if (typeof work !== 'function') await work.timed(STEPS);
    console.log(`  pytorch  ${Math.round((await pytorch.peakMemory()) / 2 ** 20)} MiB`);
    pytorch.close?.();
  } catch (error) {
    console.log(`  pytorch  missing: ${(error as Error).message}`);
  }
}
