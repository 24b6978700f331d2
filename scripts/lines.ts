// Files longer than the soft ceiling. Information, not a gate: a long table may be right.
import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, typescriptFiles } from './packages.ts';

const ceiling = 400;

/** Prints the number of files and lines, and every file over the ceiling, longest first. */
export function reportLines(): void {
  const folders = ['packages', 'bench', 'demo', 'docs', 'scripts'];
  const counted = folders
    .flatMap((folder) => typescriptFiles(join(root, folder)))
    .map((file) => ({
      file: relative(root, file).split(sep).join('/'),
      lines: readFileSync(file, 'utf8').split('\n').length - 1,
    }));
  const total = counted.reduce((sum, { lines }) => sum + lines, 0);
  console.log(`  ${counted.length} files, ${total} lines`);
  for (const { file, lines } of counted.filter((entry) => entry.lines > ceiling).sort((a, b) => b.lines - a.lines)) {
    console.log(`  ${String(lines).padStart(6)} ${file}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) reportLines();
