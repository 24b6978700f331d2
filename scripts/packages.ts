import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The published packages in dependency order: each may import only those before it. */
export const packageNames = ['tensor', 'autograd', 'nn', 'vae'] as const;

export type PackageName = (typeof packageNames)[number];

/** Every TypeScript file below `folder` as an absolute path, sorted; nothing if the folder does not exist. */
export function typescriptFiles(folder: string): string[] {
  const skipped = new Set(['node_modules', 'dist', 'peers']);
  const found: string[] = [];
  const visit = (current: string): void => {
    for (const entry of readdirSync(current, { withFileTypes: true })) {
      if (entry.isDirectory() && !skipped.has(entry.name)) visit(join(current, entry.name));
      else if (entry.isFile() && entry.name.endsWith('.ts')) found.push(join(current, entry.name));
    }
  };
  try {
    visit(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found.sort();
}
