import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../scripts/packages.ts';

/** The folder of these tests, with what they run things in. */
export const here = fileURLToPath(new URL('.', import.meta.url));

/** A file of an installed tool. */
export function tool(...path: string[]): string {
  return join(here, 'node_modules', ...path);
}

/** Something that runs JavaScript: how it is called, with what before the file. */
export interface Runtime {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly node: boolean;
}

/** This Node, and all others that there are for this machine. */
export const runtimes: readonly Runtime[] = [
  { name: `Node ${process.versions.node}`, file: process.execPath, args: [], node: true },
  ...[22, 24, 26].map((major) => ({
    name: `Node ${major}`,
    file: tool(`node-${major}`, 'bin', 'node'),
    args: [],
    node: true,
  })),
  { name: 'Bun', file: tool('@oven', 'bun-linux-x64', 'bin', 'bun'), args: [], node: false },
  // No download of anything: what is imported stands in node_modules.
  { name: 'Deno', file: tool('@deno', 'linux-x64-glibc', 'deno'), args: ['run', '--cached-only', '-A'], node: false },
].filter(({ file }) => existsSync(file));

/** The newest TypeScript, and the oldest that reads the declarations. */
export const compilers = {
  newest: join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  oldest: tool('typescript-5.7', 'bin', 'tsc'),
} as const;
