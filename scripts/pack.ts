// `npm run pack`: writes what is published to `release`: a folder and a tarball for each package.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPackages } from './build.ts';
import { folderManifests, publishedManifest } from './manifest.ts';
import { type PackageRule, packageFolder, packages, readManifest, root } from './packages.ts';

/** A packed package: what it is, the tarball, and the paths of the files in it. */
export interface Tarball {
  readonly rule: PackageRule;
  readonly file: string;
  readonly paths: readonly string[];
}

/** Builds every package and writes what is published of it to `<target>/<its name>`, as it would be in `node_modules`. */
export async function assemblePackages(target: string): Promise<void> {
  await buildPackages(({ name }) => join(target, name));
  for (const { folder, name } of packages) {
    const to = join(target, name);
    const manifest = readManifest(folder);
    const folders = folderManifests(manifest);
    for (const paper of ['LICENSE', 'README.md']) cpSync(join(packageFolder(folder), paper), join(to, paper));
    writeJson(join(to, 'package.json'), {
      ...publishedManifest(manifest),
      files: ['dist', ...Object.keys(folders)],
    });
    for (const [path, fields] of Object.entries(folders)) writeJson(join(to, path), fields);
  }
}

/** Builds and packs every package below `target`, which is made anew. */
export async function packPackages(target: string): Promise<Tarball[]> {
  rmSync(target, { recursive: true, force: true });
  await assemblePackages(target);
  return packages.map((rule) => ({ rule, ...packFolder(join(target, rule.name), target) }));
}

/** Makes a tarball of a folder. */
export function packFolder(folder: string, target: string): { file: string; paths: string[] } {
  const shell = process.platform === 'win32';
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', target], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell,
  });
  const [{ filename, files }] = JSON.parse(output) as [{ filename: string; files: { path: string }[] }];
  return { file: join(target, filename), paths: files.map((file) => file.path) };
}

function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, paths } of await packPackages(join(root, 'release')))
    console.log(`${file}, ${paths.length} files`);
}
