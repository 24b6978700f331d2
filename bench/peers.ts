import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Contender } from './contender.ts';
import { type PeerProgram, startPeer } from './peer.ts';
import { findPython, peerFile } from './programs.ts';

/** Of a library that is not here: why. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

/** A library for JavaScript: a module of `peers` and what it is to compute with. */
const javascript =
  (module: string, backend: string) =>
  (name: string): PeerProgram => ({
    name,
    command: [process.execPath, ...process.execArgv, peerFile('process.js'), module, backend],
  });

/** PyTorch on so many threads. */
const pytorch =
  (threads: string) =>
  (name: string): PeerProgram => ({
    name,
    command: [findPython(), peerFile('pytorch.py'), threads],
    environment: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  });

const programs: Readonly<Record<string, (name: string) => PeerProgram>> = {
  'jax-js': javascript('jax', 'wasm'),
  'tfjs-wasm': javascript('tfjs', 'wasm'),
  'tfjs-cpu': javascript('tfjs', 'cpu'),
  'pytorch ×1': pytorch('1'),
  'pytorch ×2': pytorch('2'),
};

/** The peers whose name contains `chosen`; a run of theirs that takes longer than `limit` milliseconds is stopped. */
export async function loadPeers(chosen: string, limit: number): Promise<(Contender | Missing)[]> {
  if (!existsSync(peerFile('node_modules'))) {
    console.log('installing the peers (once) …');
    const { status } = spawnSync('npm', ['ci', '--prefix', peerFile(''), '--no-audit'], { stdio: 'inherit' });
    if (status !== 0) console.log('npm could not install the peers; they will be reported as missing');
  }
  const loaded: (Contender | Missing)[] = [];
  for (const [name, program] of Object.entries(programs)) {
    if (!name.includes(chosen)) continue;
    try {
      loaded.push(await startPeer(program(name), limit));
    } catch (error) {
      loaded.push({ name, missing: firstLine(error) });
    }
  }
  return loaded;
}

/** PyTorch on one thread, whose memory can be asked for. */
export const startPytorch = (limit: number) => startPeer(pytorch('1')('pytorch ×1'), limit);

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
