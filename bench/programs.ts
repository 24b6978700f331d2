import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Of a program in `peers`. */
export const peerFile = (name: string): string => fileURLToPath(new URL(`./peers/${name}`, import.meta.url));

/** A Python that can import torch. */
export function findPython(): string {
  for (const python of ['python3', '/usr/bin/python3']) {
    if (spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0) return python;
  }
  throw new Error('no Python with torch (on Debian: apt-get install python3-torch libopenblas0-pthread)');
}
