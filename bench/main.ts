import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { microKernelPeak } from '../packages/tensor/src/kernels/matmul/peak.ts';
import {
  type Contender,
  ELEMENTWISE_SHAPE,
  elementwiseNames,
  matmulConfigs,
  testData,
  type VaeConfig,
  vaeConfigs,
  type Work,
} from './contender.ts';
import { imageWork } from './images.ts';
import { latentWith } from './latent.ts';
import { sequenceWork } from './sequences.ts';
import { line, type Result } from './table.ts';

const HELP = `Times Latent beside its peers: every round runs each contestant once in turn, and medians are printed.

usage: npm run bench -- [options]

  --only NAME    benchmarks whose name contains NAME (vae, matmul, 32³, sigmoid …); may be given several times
  --rounds N     rounds of each benchmark (15)
  --ours         without the peers
  --peers NAME   only peers whose name contains NAME (pytorch, jax …)
  --cpu          processor time in place of the clock's, on one thread: for machines that others use too
  --json FILE    also write the figures to FILE
  --help         this text`;

interface Benchmark {
  readonly name: string;
  readonly flop?: number;
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
    prepare: (contender: Contender) => contender.elementwise(name),
  })),
  ...vaeConfigs.map((config) => ({ name: config.name, prepare: (contender: Contender) => contender.vaeStep(config) })),
  { name: 'score of one row, 30-16-8-2', prepare: (contender) => contender.scoreRow(small) },
  ...imageWork.map(({ image, ...benchmark }) => ({
    ...benchmark,
    prepare: (contender: Contender) => contender.image(image),
  })),
  ...sequenceWork.map(({ name, sequence }) => ({
    name,
    prepare(contender: Contender) {
      if (contender.sequence === undefined) throw new Error('recurrent layers are not written for it');
      return contender.sequence(sequence);
    },
  })),
];

/** Peers by name: the module that wraps them and its argument. */
const peers = [
  { name: 'jax-js', module: 'jax', backend: 'wasm' },
  { name: 'tfjs-wasm', module: 'tfjs', backend: 'wasm' },
  { name: 'tfjs-cpu', module: 'tfjs', backend: 'cpu' },
  { name: 'pytorch ×1', module: 'pytorch', backend: '1' },
  { name: 'pytorch ×2', module: 'pytorch', backend: '2' },
];

/** Work shorter than this is repeated within a round, so that the clock's grain and waking up do not count. */
const SHORTEST_MS = 100;
/** Between two contestants: threads that wait for more work by spinning (PyTorch's, and ours) go to sleep. */
const PAUSE_MS = 100;
/** Work longer than this runs once to warm up, once in each round, and in a few rounds only. */
const LONG_MS = 2000;
const LONG_ROUNDS = 3;

/** Whether time is the processor's. */
let byProcessor = false;

await main();

async function main(): Promise<void> {
  let options: {
    only?: string[];
    rounds: string;
    ours: boolean;
    cpu: boolean;
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
        peers: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
    if (!/^[1-9]\d*$/.test(options.rounds))
      throw new Error(`--rounds must be a whole number ≥ 1, got '${options.rounds}'`);
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

  byProcessor = options.cpu;
  const contenders: (Contender | { name: string; missing: string })[] = [
    ...(options.cpu ? [] : [latentWith('auto', 'latent')]),
    latentWith(1, options.cpu ? 'latent' : 'latent ×1'),
    ...(options.ours ? [] : await loadPeers(options.peers ?? (options.cpu ? '×1' : ''))),
  ];
  const peak = microKernelPeak();
  console.log(
    `\nNode ${process.version} · ${cpus()[0]?.model.trim()} · ${availableParallelism()} cores · micro-kernel ${peak.toFixed(1)} GFLOP/s`,
  );
  const clock = options.cpu ? ' of the processor' : '';
  console.log(`median ms${clock} (fastest … slowest) and how many times our median\n`);
  const results: Result[] = [];
  for (const benchmark of chosen) {
    console.log(benchmark.name);
    const figures = await measure(benchmark, contenders, Number(options.rounds));
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

async function loadPeers(chosen: string): Promise<(Contender | { name: string; missing: string })[]> {
  const folder = fileURLToPath(new URL('./peers/', import.meta.url));
  if (!existsSync(`${folder}node_modules`)) {
    console.log('installing the peers (once) …');
    const { status } = spawnSync('npm', ['ci', '--prefix', folder, '--no-audit'], { stdio: 'inherit' });
    if (status !== 0) console.log('npm could not install the peers; they will be reported as missing');
  }
  const loaded = [];
  for (const { name, module, backend } of peers.filter((peer) => peer.name.includes(chosen))) {
    try {
      const file = new URL(`./peers/${module}.js`, import.meta.url).href;
      const { create } = (await import(file)) as { create(backend: string, tools: object): Promise<Contender> };
      loaded.push(await create(backend, { testData, ELEMENTWISE_SHAPE }));
    } catch (error) {
      loaded.push({ name, missing: firstLine(error) });
    }
  }
  return loaded;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

/** Interleaved rounds: each contestant's work in turn, after a warm-up of each. */
async function measure(
  { name, flop, prepare }: Benchmark,
  contenders: readonly (Contender | { name: string; missing: string })[],
  rounds: number,
): Promise<Result[]> {
  const empty = {
    median: Number.NaN,
    min: Number.NaN,
    max: Number.NaN,
    rounds: 0,
    ...(flop !== undefined && { flop }),
  };
  const runners: { name: string; work?: Work; long?: boolean; repeats: number; times: number[]; missing?: string }[] =
    [];
  for (const contender of contenders) {
    const runner = { name: contender.name, repeats: 1, times: [] as number[] };
    runners.push(runner);
    try {
      if ('missing' in contender) throw new Error(contender.missing);
      const work = await prepare(contender);
      const first = await time(work, 1);
      if (first < LONG_MS) await warmUp(work);
      const once = first < LONG_MS ? await time(work, 1) : first;
      Object.assign(runner, { work, long: once >= LONG_MS, repeats: Math.max(1, Math.ceil(SHORTEST_MS / once)) });
    } catch (error) {
      Object.assign(runner, { missing: firstLine(error) });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      if (!runner.work || (runner.long && round >= LONG_ROUNDS)) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (!runner.long) await time(runner.work, Math.ceil(runner.repeats / 4));
      runner.times.push(await time(runner.work, runner.repeats));
    }
  }
  return runners.map(({ name: contender, times, missing }) => {
    if (missing !== undefined) return { benchmark: name, contender, ...empty, missing };
    const sorted = times.toSorted((a, b) => a - b);
    return {
      benchmark: name,
      contender,
      ...empty,
      median: sorted[Math.floor(sorted.length / 2)] as number,
      min: sorted[0] as number,
      max: sorted.at(-1) as number,
      rounds: sorted.length,
    };
  });
}

/** Until compilers have settled and threads have started: at least three runs and up to a second and a half. */
async function warmUp(work: Work): Promise<void> {
  const started = performance.now();
  for (let i = 0; i < 3 || (i < 10_000 && performance.now() - started < 1500); i++) {
    if (typeof work === 'function') await work();
    else await work.timed(1, byProcessor);
  }
}

/** Milliseconds of one run. Only asynchronous work is awaited: a turn of the event loop is not part of synchronous work. */
async function time(work: Work, repeats: number): Promise<number> {
  if (typeof work !== 'function') return work.timed(repeats, byProcessor);
  const started = now();
  for (let i = 0; i < repeats; i++) {
    const pending = work();
    if (pending !== undefined) await pending;
  }
  return (now() - started) / repeats;
}

function now(): number {
  if (!byProcessor) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
