#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { LatentError, nearestName } from '@latent/tensor';
import type { WorkerModule } from './model/kind.ts';
import { type Status, status } from './status.ts';
import { startWorker } from './worker/start-worker.ts';

const HELP = `latent-worker: takes jobs of runs of Latent until it is told to stop

  latent-worker --connection redis://host:6379 --store DIR      works
  latent-worker status --connection … --store …                 says what is under way

  --connection URL   redis://…, rediss://… or postgres://…   (or LATENT_CONNECTION)
  --store PLACE      a folder, or redis://…                  (or LATENT_STORE)
  --queue NAME       the queue; 'latent' by default          (or LATENT_QUEUE)
  --data PLACE       a folder or https://… prefix that data may be read from; may be repeated
  --module FILE      a module of yours with sources, models and own
  --threads N        threads of this worker
  --deterministic    no fused multiply-add: the same bits on machines of different kinds
  --name NAME        what the worker is called; host and process by default
  --lock SECONDS     a job of a worker that is silent for so long is another's; 30 by default
  --run NAME         for status: a run that has no jobs now
  --json             for status: as JSON
  --help             says this

SIGTERM and SIGINT let the job under way finish; a second one ends at once, and the job is done again elsewhere.`;

const options = {
  connection: { type: 'string' },
  store: { type: 'string' },
  queue: { type: 'string' },
  data: { type: 'string', multiple: true },
  module: { type: 'string' },
  threads: { type: 'string' },
  deterministic: { type: 'boolean' },
  name: { type: 'string' },
  lock: { type: 'string' },
  run: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Options that one of the two alone has. */
const ALONE = {
  works: ['data', 'module', 'threads', 'deterministic', 'name', 'lock'],
  status: ['run', 'json'],
} as const;

/** A mistake on the command line. */
class CommandError extends Error {}

function parsed() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    const unknown = /Unknown option '(--?[\w-]+)'/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw new CommandError((error as Error).message);
    const near = nearestName(unknown.replace(/^--?/, ''), Object.keys(options));
    throw new CommandError(`there is no option ${unknown}${near === null ? '' : `; did you mean --${near}?`}`);
  }
}

function numberOf(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value))
    throw new CommandError(`--${name} must be a number, got ${given}`);
  return value;
}

async function main(): Promise<void> {
  const { values, positionals } = parsed();
  if (values.help) {
    console.log(HELP);
    return;
  }
  const [command, ...more] = positionals;
  if (more.length > 0 || (command !== undefined && command !== 'status')) {
    throw new CommandError(`there is no command ${positionals.join(' ')}; see latent-worker --help`);
  }
  const stray = ALONE[command === 'status' ? 'works' : 'status'].find((name) => values[name] !== undefined);
  if (stray !== undefined) {
    throw new CommandError(`--${stray} is for ${command === 'status' ? 'workers, not for status' : 'status'}`);
  }
  const { LATENT_CONNECTION, LATENT_STORE, LATENT_QUEUE } = process.env;
  const connection = values.connection ?? LATENT_CONNECTION;
  const store = values.store ?? LATENT_STORE;
  const queue = values.queue ?? LATENT_QUEUE;
  if (connection === undefined)
    throw new CommandError('give --connection redis://… or postgres://… (or LATENT_CONNECTION)');
  if (store === undefined) throw new CommandError('give --store, a folder or redis://… (or LATENT_STORE)');
  const place = { connection, store, ...(queue !== undefined && { queue }) };
  if (command === 'status') {
    const found = await status({ ...place, ...(values.run !== undefined && { run: values.run }) });
    console.log(values.json ? JSON.stringify(found, null, 2) : statusText(found));
    return;
  }
  const threads = numberOf('threads', values.threads);
  const lockSeconds = numberOf('lock', values.lock);
  const worker = await startWorker({
    ...place,
    data: values.data ?? [],
    deterministic: values.deterministic ?? false,
    ...(values.module !== undefined && { module: await moduleOf(values.module) }),
    ...(threads !== undefined && { threads }),
    ...(lockSeconds !== undefined && { lockSeconds }),
    ...(values.name !== undefined && { name: values.name }),
  });
  console.log(`${worker.name}: at work`);
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(1);
    asked = true;
    console.log(`${worker.name}: stops after the job under way`);
    void worker.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function moduleOf(file: string): Promise<WorkerModule> {
  const path = resolve(file);
  if (!existsSync(path)) throw new CommandError(`--module: there is no file ${file}`);
  try {
    return { ...((await import(pathToFileURL(path).href)) as WorkerModule) };
  } catch (error) {
    // What is wrong in it is its author's to find; of a mistake in its text the engine tells no more than this.
    const { stack, message } = error as Error;
    throw new CommandError(`--module: ${file} cannot be loaded: ${error instanceof SyntaxError ? message : stack}`);
  }
}

function statusText({ workers, waiting, active, failed, runs }: Status): string {
  const lines = [
    `${workers.length} workers: ${workers.join(', ') || 'none'}`,
    `${active.length} jobs under way, ${waiting} waiting, ${failed} failed`,
  ];
  for (const { job, note, worker } of active) {
    const { run, session: _, ...about } = job.data;
    const place = Object.entries(about).map(([name, value]) => `${name} ${value}`);
    const silent = note === null ? '' : `, ${Math.round((Date.now() - note.at) / 1000)} s since a word`;
    const lost = worker !== '' && !workers.includes(worker) ? ', which is gone: another takes over' : '';
    const done = note?.done === undefined ? '' : `, ${Math.round(100 * note.done)} %`;
    const refused = note?.refused === undefined ? '' : `, refused: ${note.refused}`;
    lines.push(`  ${run}: ${job.name} ${place.join(', ')} by ${worker || '?'}${done}${silent}${lost}${refused}`);
  }
  for (const { run, kind, rounds, gone } of runs) {
    const last = rounds.at(-1);
    if (last === undefined) {
      lines.push(`${run}: ${kind}`);
      continue;
    }
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    lines.push(
      `${run}: round ${last.round} of ${last.rounds}, loss ${last.loss.toFixed(4)}, ${Math.round(last.rowsPerSecond)} rows/s, ${Math.round(last.secondsLeft)} s left`,
      `  last round: ${megabytes(last.bytes.got)} read and ${megabytes(last.bytes.put)} written, ${last.workers.length} workers busy ${Math.round(100 * last.efficiency.throughput)} % of the time, ${last.moved} shards moved`,
    );
    if (gone.length > 0) lines.push(`  gone since: ${gone.join(', ')}`);
  }
  return lines.join('\n');
}

try {
  await main();
} catch (error) {
  const known = error instanceof LatentError || error instanceof CommandError;
  console.error(`latent-worker: ${known ? (error as Error).message : String((error as Error).stack)}`);
  process.exit(known ? 2 : 1);
}
