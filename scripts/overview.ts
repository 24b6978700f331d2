// `npm run check` prints what each package has; an export without a docstring is an error, a long file is not: a table may be right.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeDeclarations } from './build.ts';
import { exportedNames } from './docstrings.ts';
import { isForTests } from './layers.ts';
import { entriesOf, packageFolder, packages, readManifest, root, typescriptFiles } from './packages.ts';

const ceiling = 400;

/** Prints files (tests aside), lines, the biggest file and the exports of each package; false if an export has no docstring. */
export function reportOverview(): boolean {
  const folders = mkdtempSync(join(tmpdir(), 'latent-overview-'));
  try {
    writeDeclarations(folders);
    console.log(
      `  ${'package'.padEnd(18)}${head('files')}${head('lines')}${head('exports')}${head('no doc')}  biggest file`,
    );
    const bare: string[] = [];
    for (const { folder, name } of packages) {
      const files = linesOf(join('packages', folder, 'src'), (file) => !isForTests(file));
      const exported = entriesOf(readManifest(folder)).flatMap(({ path, output }) =>
        path === null
          ? []
          : exportedNames(join(folders, folder, output.replace('./dist/', '').replace(/\.js$/, '.d.ts'))),
      );
      const missing = exported.filter(({ documented }) => !documented).map((each) => each.name);
      if (missing.length > 0)
        bare.push(`  ${name}: ${missing.length} exports without a docstring: ${missing.join(', ')}`);
      const [biggest] = files;
      const counts = [files.length, total(files), exported.length, missing.length].map((n) => head(String(n))).join('');
      console.log(
        `  ${name.padEnd(18)}${counts}  ${biggest?.lines} ${biggest?.file.slice(packageFolder(folder).length)}`,
      );
    }
    reportLongFiles();
    for (const line of bare) console.error(line);
    return bare.length === 0;
  } finally {
    rmSync(folders, { recursive: true, force: true });
  }
}

interface Counted {
  readonly file: string;
  readonly lines: number;
}

/** The files of a folder, longest first. */
function linesOf(folder: string, counts = (_file: string) => true): Counted[] {
  return typescriptFiles(join(root, folder))
    .filter(counts)
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .sort((a, b) => b.lines - a.lines);
}

function total(files: readonly Counted[]): number {
  return files.reduce((sum, { lines }) => sum + lines, 0);
}

function head(text: string): string {
  return text.padStart(9);
}

function reportLongFiles(): void {
  const files = ['packages', 'bench', 'demo', 'docs', 'platforms', 'scripts'].flatMap((folder) => linesOf(folder));
  console.log(`  ${files.length} files and ${total(files)} lines in all; longer than ${ceiling}:`);
  for (const { file, lines } of files.filter((each) => each.lines > ceiling).sort((a, b) => b.lines - a.lines)) {
    console.log(`  ${String(lines).padStart(6)} ${relative(root, file).split(sep).join('/')}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !reportOverview()) process.exitCode = 1;
