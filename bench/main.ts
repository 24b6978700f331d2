import { renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { microKernelPeak } from '../packages/tensor/src/kernels/matmul/peak.ts';
import {
  type Contender,
  ELEMENTWISE_SHAPE,
  elementwiseNames,
  matmulConfigs,
  type VaeConfig,
  vaeConfigs,
  type Work,
} from './contender.ts';
import { imageWork } from './images.ts';
import { latentWith } from './latent.ts';
import { Stopped } from './peer.ts';
import { firstLine, loadPeers, type Missing } from './peers.ts';
import { sequenceWork } from './sequences.ts';
import { line, type Result } from './table.ts';
import { time } from './timing.ts';

const HELP = `Times Latent beside its peers: every round runs each contestant once in turn, and medians are printed.

usage: npm run bench -- [options]

  --only NAME    benchmarks whose name contains NAME (vae, matmul, 32³, sigmoid …); may be given several times
  --rounds N     rounds of each benchmark (15)
  --ours         without the peers
  --peers NAME   only peers whose name contains NAME (pytorch, jax …)
  --limit S      a peer's run that takes longer than so many seconds is stopped (60), and is a lower bound in the table
  --cpu          processor time in place of the clock's, on one thread: for machines that others use too
  --json FILE    also write the figures to FILE
  --help         this text`;

interface Benchmark {
  readonly name: string;
  readonly flop?: number;
  /** Whether everybody computes with the same numbers, so that first runs must come to the same. */
  readonly same?: boolean;
  prepare(contender: Contender): Promise<Work>;
}

const small = vaeConfigs[2] as VaeConfig;

const benchmarks: readonly Benchmark[] = [
  ...matmulConfigs.map((config) => ({
    name: config.name,
    flop: 2 * config.m * config.n * config.k,
    prepare: (contender: Contender) => contender.matmul(config),
  })),
  ...elementwiseNames.map((name) => ({
    name: `${name} [${ELEMENTWISE_SHAPE.join(', ')}]`,
    prepare: (contender: Contender) => contender.elementwise({ name, shape: ELEMENTWISE_SHAPE }),
  })),
  ...vaeConfigs.map((config) => ({ name: config.name, prepare: (contender: Contender) => contender.vaeStep(config) })),
  { name: 'score of one row, 30-16-8-2', prepare: (contender) => contender.scoreRow(small) },
  ...imageWork.map(({ image, ...benchmark }) => ({
    ...benchmark,
    prepare: (contender: Contender) => contender.image(image),
  })),
  ...sequenceWork.map(({ name, sequence }) => ({
    name,
    same: true,
    prepare: (contender: Contender) => contender.sequence(sequence),
  })),
];

/** Work shorter than this is repeated within a round, so that the clock's grain and waking up do not count. */
const SHORTEST_MS = 100;
/** Between two contestants: threads that wait for more work by spinning (PyTorch's, and ours) go to sleep. */
const PAUSE_MS = 100;
/** Work longer than this runs once to warm up, once in each round, and in a few rounds only. */
const LONG_MS = 2000;
const LONG_ROUNDS = 3;

/** How far apart, as a share, numbers may be that all contestants must come to. */
const AGREEMENT = 1e-5;

await main();

async function main(): Promise<void> {
  let options: {
    only?: string[];
    rounds: string;
    ours: boolean;
    cpu: boolean;
    limit: string;
    peers?: string;
    json?: string;
    help: boolean;
  };
  try {
    options = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string', default: '15' },
        ours: { type: 'boolean', default: false },
        cpu: { type: 'boolean', default: false },
        limit: { type: 'string', default: '60' },
        peers: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
    for (const name of ['rounds', 'limit'] as const) {
      if (!/^[1-9]\d*$/.test(options[name]))
        throw new Error(`--${name} must be a whole number ≥ 1, got '${options[name]}'`);
    }
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) return console.log(HELP);
  const { only = [''] } = options;
  const chosen = benchmarks.filter(({ name }) => only.some((part) => name.includes(part)));
  if (chosen.length === 0) {
    console.error(
      `bench: no benchmark contains '${only.join("' or '")}'; there are:\n${benchmarks.map(({ name }) => `  ${name}`).join('\n')}`,
    );
    process.exitCode = 2;
    return;
  }

  const limit = 1000 * Number(options.limit);
  const contenders: (Contender | Missing)[] = [
    ...(options.cpu ? [] : [latentWith('auto', 'latent')]),
    latentWith(1, options.cpu ? 'latent' : 'latent ×1'),
    ...(options.ours ? [] : await loadPeers(options.peers ?? (options.cpu ? '×1' : ''), limit)),
  ];
  let peak = microKernelPeak();
  console.log(
    `\nNode ${process.version} · ${cpus()[0]?.model.trim()} · ${availableParallelism()} cores · micro-kernel ${peak.toFixed(1)} GFLOP/s`,
  );
  const clock = options.cpu ? ' of the processor' : '';
  console.log(`median ms${clock} (fastest … slowest) and how many times our median\n`);
  const results: Result[] = [];
  for (const benchmark of chosen) {
    console.log(benchmark.name);
    // The limit is what it comes to at its best: a processor's speed is not always the same.
    if (benchmark.flop !== undefined) peak = Math.max(peak, microKernelPeak());
    const figures = await measure(benchmark, contenders, {
      rounds: Number(options.rounds),
      limit,
      byProcessor: options.cpu,
    });
    const ours = figures.find(({ contender }) => contender === 'latent')?.median;
    for (const figure of figures) console.log(line(figure, ours, peak));
    results.push(...figures);
  }
  for (const contender of contenders) if ('close' in contender) contender.close?.();
  if (options.json !== undefined) {
    const report = {
      node: process.version,
      cpu: cpus()[0]?.model.trim(),
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      microKernelGflops: peak,
      versions: Object.fromEntries(
        contenders.flatMap((c) => ('version' in c && c.version ? [[c.name, c.version]] : [])),
      ),
      results,
    };
    writeFileSync(`${options.json}.tmp`, `${JSON.stringify(report, null, 2)}\n`);
    renameSync(`${options.json}.tmp`, options.json);
  }
}

/** Interleaved rounds: each contestant's work in turn, after a warm-up of each. */
async function measure(
  { name, flop, same, prepare }: Benchmark,
  contenders: readonly (Contender | Missing)[],
  { rounds, limit, byProcessor }: { rounds: number; limit: number; byProcessor: boolean },
): Promise<Result[]> {
  const runners: Runner[] = [];
  for (const contender of contenders) {
    const runner: Runner = { name: contender.name, repeats: 1, rounds, times: [] };
    runners.push(runner);
    try {
      if ('missing' in contender) throw new Error(contender.missing);
      const work = await prepare(contender);
      runner.work = work;
      const first = await time(work, 1, byProcessor);
      runner.first = first.milliseconds;
      if (same) mustAgree(first.value, runners[0] as Runner, runner);
      const long = first.milliseconds >= LONG_MS;
      if (!long) await warmUp(work, byProcessor);
      const once = long ? first.milliseconds : (await time(work, 1, byProcessor)).milliseconds;
      runner.repeats = Math.max(1, Math.ceil(SHORTEST_MS / once));
      if (once >= LONG_MS) runner.rounds = Math.max(1, Math.min(rounds, LONG_ROUNDS, Math.floor(limit / once)));
    } catch (error) {
      giveUp(runner, error, byProcessor);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      if (!runner.work || round >= runner.rounds) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        if (runner.repeats > 1) await time(runner.work, Math.ceil(runner.repeats / 4), byProcessor);
        runner.times.push((await time(runner.work, runner.repeats, byProcessor)).milliseconds);
      } catch (error) {
        giveUp(runner, error, byProcessor);
      }
    }
  }
  return runners.map(({ name: contender, times, first, missing, stopped }) => {
    const sorted = times.toSorted((a, b) => a - b);
    const [median, min, max] = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)];
    return {
      benchmark: name,
      contender,
      ...{ median: median ?? Number.NaN, min: min ?? Number.NaN, max: max ?? Number.NaN, rounds: sorted.length },
      ...(flop !== undefined && { flop }),
      ...(first !== undefined && { first }),
      ...(missing !== undefined && { missing }),
      ...(stopped !== undefined && { stopped }),
    };
  });
}

interface Runner {
  readonly name: string;
  work?: Work;
  repeats: number;
  rounds: number;
  times: number[];
  /** Milliseconds of its first run. */
  first?: number;
  /** What its first run came to. */
  value?: number;
  missing?: string;
  stopped?: number;
}

/** Throws where the first run of a contestant came to another number than the first contestant's. */
function mustAgree(value = Number.NaN, first: Runner, runner: Runner): void {
  runner.value = value;
  const { value: ours = Number.NaN } = first;
  if (!(Math.abs(value - ours) <= AGREEMENT * Math.abs(ours)))
    throw new Error(`its first run came to ${value}, that of ${first.name} to ${ours}`);
}

/** No figures of a contestant that failed; a first run that was stopped is a bound, by the clock. */
function giveUp(runner: Runner, error: unknown, byProcessor: boolean): void {
  const first = runner.work !== undefined && runner.first === undefined;
  if (error instanceof Stopped && first && !byProcessor) runner.stopped = error.milliseconds;
  else runner.missing = firstLine(error);
  delete runner.work;
  runner.times = [];
}

/** Until compilers have settled and threads have started: at least three runs and up to a second and a half. */
async function warmUp(work: Work, byProcessor: boolean): Promise<void> {
  const started = performance.now();
  for (let i = 0; i < 3 || (i < 10_000 && performance.now() - started < 1500); i++) await time(work, 1, byProcessor);
}
