// A VAE of handwritten digits in K shards, in this process. First the bound of held-out digits at equal rows against that of one worker, each with several
// seeds (settings were chosen with 10 and 11, those of outer momentum after a look at 0 to 2 too); then, by shards and local steps, in how many steps of a worker a loss is reached that one worker has after 1,000:
// npx tsx --conditions=source bench/scale/digits.ts [equal|table]
import { adam, oneCycleSchedule } from '@latent/nn';
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

/** Nats of held-out digits after so many passes over the rows, in steps of 32 rows of all shards together. */
async function equalRows(
  seed: number,
  shards: number,
  { rate, localSteps, outer }: { rate: number; localSteps: number; outer?: { learningRate: number; momentum: number } },
): Promise<number> {
  const batchSize = BATCH / shards;
  const rounds = Math.floor((EPOCHS * Math.ceil(train.labels.length / shards / batchSize)) / localSteps);
  const learningRate = oneCycleSchedule({ rate, steps: rounds * localSteps });
  const model = vae(seed);
  await distributedFit(model, {
    ...{ rows: train.images, shards, batchSize, localSteps, rounds, optimizer: adam({ learningRate }) },
    ...(outer !== undefined && { outer }),
    ...{ store: memoryStore(), engine: localEngine() },
  });
  const { elbo } = model.elbo(test.images);
  return -elbo.mean().item();
}

const EPOCHS = 24;

async function told(what: string, seeds: readonly number[], run: (seed: number) => Promise<number>): Promise<void> {
  const nats: number[] = [];
  for (const seed of seeds) nats.push(await run(seed));
  const mean = nats.reduce((sum, x) => sum + x, 0) / nats.length;
  const spread = Math.sqrt(nats.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (nats.length - 1));
  console.log(`${what}: ${nats.map((x) => x.toFixed(2)).join(' ')}: ${mean.toFixed(2)} ± ${spread.toFixed(2)} nats`);
}

if (part !== 'table') {
  console.log(`${EPOCHS} passes, ${BATCH} rows a step of all shards together, one-cycle rates`);
  const whole = Math.ceil(train.labels.length / BATCH);
  await told('one worker', [0, 1, 2, 3, 4], (seed) => equalRows(seed, 1, { rate: 0.008, localSteps: whole }));
  const shards = (name: string, how: Parameters<typeof equalRows>[2]) =>
    told(`four shards, ${name}`, [0, 1, 2, 3, 4], (seed) => equalRows(seed, 4, how));
  await shards('gradients of each step', { rate: 0.008, localSteps: 1 });
  for (const localSteps of [2, 4, 8]) await shards(`averaged after ${localSteps} steps`, { rate: 0.016, localSteps });
  const outer = { learningRate: 1, momentum: 0.8 };
  await shards('21 local steps, outer momentum 0.8', { rate: 0.004, localSteps: 21, outer });
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
