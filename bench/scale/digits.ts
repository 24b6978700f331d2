// A VAE of handwritten digits in K shards, in this process. First the bound of held-out digits at equal rows against that of one worker with several
// seeds; then, by shards and local steps, in how many steps of a worker a loss is reached that one worker has after 1,000:
// npx tsx --conditions=source bench/scale/digits.ts [equal|table]
import { distributedFit, localEngine, memoryStore, type RoundEvent } from '@latent/scale';
import { bernoulli, Vae } from '@latent/vae';
import { loadDigits } from '../../demo/digits.ts';

const { train, test } = loadDigits();
const part = process.argv[2] ?? 'all';
const BATCH = 32;
const vae = (seed: number): Vae =>
  new Vae({ inputSize: 784, latentSize: 8, encoder: [64], reconstruction: bernoulli(), seed });

/** Validation losses after each round. */
async function losses(
  seed: number,
  shards: number,
  localSteps: number,
  rounds: number,
  learningRate: number,
): Promise<readonly number[]> {
  const { rounds: events } = await distributedFit(vae(seed), {
    rows: train.images,
    validation: test.images,
    shards,
    localSteps,
    rounds,
    batchSize: BATCH,
    learningRate,
    store: memoryStore(),
    engine: localEngine(),
  });
  return (events as unknown as readonly RoundEvent[]).map(({ validation }) => validation?.loss ?? Number.NaN);
}

/** The best of several learning rates, since more shards stand a larger one. */
async function bestOf(rates: readonly number[], run: (rate: number) => Promise<readonly number[]>) {
  let best: { rate: number; all: readonly number[] } | null = null;
  for (const rate of rates) {
    const all = await run(rate);
    if (best === null || (all.at(-1) as number) < (best.all.at(-1) as number)) best = { rate, all };
  }
  return best as { rate: number; all: readonly number[] };
}

if (part !== 'table') {
  const EPOCHS = 24;
  const steps = EPOCHS * Math.ceil(train.labels.length / BATCH);
  const one: number[] = [];
  for (let seed = 0; seed < 5; seed++) one.push((await losses(seed, 1, steps, 1, 0.004)).at(-1) as number);
  const mean = one.reduce((sum, loss) => sum + loss, 0) / one.length;
  const spread = Math.sqrt(one.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (one.length - 1));
  console.log(
    `one worker, ${EPOCHS} epochs, five seeds: ${one.map((x) => x.toFixed(2)).join(' ')}: ${mean.toFixed(2)} ± ${spread.toFixed(2)} nats`,
  );
  const own = Math.ceil(train.labels.length / 4 / BATCH);
  for (const localSteps of [own / 3, own, 3 * own]) {
    const rounds = Math.round((EPOCHS * own) / Math.round(localSteps));
    const { rate, all } = await bestOf([0.004, 0.008, 0.012], (each) =>
      losses(0, 4, Math.round(localSteps), rounds, each),
    );
    const loss = all.at(-1) as number;
    console.log(
      `four shards, ${Math.round(localSteps)} local steps, rate ${rate}: ${loss.toFixed(2)}, ${((loss - mean) / spread).toFixed(1)} spreads from the mean`,
    );
  }
}

if (part !== 'equal') {
  const one = await bestOf([0.002, 0.004, 0.008], (rate) => losses(0, 1, 1000, 1, rate));
  const target = one.all.at(-1) as number;
  console.log(
    `\none worker after 1,000 steps at its best rate, ${one.rate}: ${target.toFixed(2)} nats; 1,000 over the steps of each of K to there:\n`,
  );
  const steps = [5, 20, 50];
  console.log(
    `| shards | ${steps.map((h) => `${h} local steps`).join(' | ')} |\n|---:|${steps.map(() => '---:|').join('')}`,
  );
  for (const shards of [2, 4, 8]) {
    const cells: string[] = [];
    for (const localSteps of steps) {
      let fewest = Infinity;
      for (const rate of [0.008, 0.016]) {
        const all = await losses(0, shards, localSteps, Math.ceil(800 / localSteps), rate);
        const at = all.findIndex((loss) => loss <= target);
        if (at >= 0) fewest = Math.min(fewest, (at + 1) * localSteps);
      }
      cells.push(fewest === Infinity ? '–' : `${(1000 / fewest).toFixed(2)}×`);
    }
    console.log(`| ${shards} | ${cells.join(' | ')} |`);
  }
}
