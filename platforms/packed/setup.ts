// Before the tests: packs the packages, installs the tarballs in empty projects, and installs the tools if they are not there.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import type { TestProject } from 'vitest/node';
import { packFolder, packPackages, type Tarball } from '../../scripts/pack.ts';
import { packages } from '../../scripts/packages.ts';
import { output } from '../run.ts';
import { here } from './tools.ts';

/** What the tests are given. */
export interface Packed {
  readonly tarballs: readonly Tarball[];
  /** An npm project in which the tarballs are installed, and nothing else. */
  readonly project: string;
  /** Like it, with a second version of the engine below a package `elsewhere`. */
  readonly twoVersions: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    packed: Packed;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => void> {
  await installTools();
  const folder = mkdtempSync(join(tmpdir(), 'latent-packed-'));
  const tarballs = await packPackages(join(folder, 'tarballs'));
  const files = tarballs.map(({ file }) => file);

  const project = join(folder, 'project');
  await installProject(project, files);
  const { code } = await transform(readFileSync(join(here, 'program.ts'), 'utf8'), { loader: 'ts', target: 'es2022' });
  writeFileSync(join(project, 'program.mjs'), code);
  writeFileSync(join(project, 'program.cjs'), (await transform(code, { format: 'cjs', platform: 'node' })).code);
  cpSync(join(here, 'program.ts'), join(project, 'program.ts'));
  const golden = await transform(readFileSync(join(here, '..', 'golden.ts'), 'utf8'), {
    loader: 'ts',
    target: 'es2022',
  });
  writeFileSync(join(project, 'golden.mjs'), golden.code);

  provide('packed', { tarballs, project, twoVersions: await installTwoVersions(folder, files) });
  return () => rmSync(folder, { recursive: true, force: true });
}

/** An empty project with these packages and what they need. The core needs nothing else, so nothing is asked of a registry. */
async function installProject(folder: string, files: readonly string[]): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  await npm(
    folder,
    'install',
    packages.some(({ outside }) => outside) ? '--prefer-offline' : '--offline',
    '--install-links',
    ...files,
  );
}

/** Installs a package that asks for another version of the engine, as an old dependency would: npm then keeps both. */
async function installTwoVersions(folder: string, files: readonly string[]): Promise<string> {
  const newer = join(folder, 'newer');
  cpSync(join(folder, 'tarballs', '@latent', 'tensor'), newer, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8')) as { version: string };
  writeFileSync(join(newer, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }));
  const { file } = packFolder(newer, folder);

  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  const dependencies = { '@latent/tensor': `file:${file}` };
  const index = 'index.js';
  writeFileSync(
    join(elsewhere, 'package.json'),
    JSON.stringify({ name: 'elsewhere', version: '1.0.0', type: 'module', exports: `./${index}`, dependencies }),
  );
  writeFileSync(join(elsewhere, index), "export * from '@latent/tensor';\n");
  const project = join(folder, 'two-versions');
  await installProject(project, [...files, elsewhere]);
  return project;
}

/** Installs what the lock file here names, once for each state of it. */
async function installTools(): Promise<void> {
  const lock = readFileSync(join(here, 'package-lock.json'), 'utf8');
  const installed = join(here, 'node_modules', '.installed-lock.json');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return;
  console.log('installing what the packages are tested with (once; it takes a minute) …');
  await npm(here, 'ci');
  writeFileSync(installed, lock);
}

async function npm(folder: string, ...args: string[]): Promise<void> {
  const [file, first] = process.platform === 'win32' ? ['cmd', ['/c', 'npm']] : ['npm', []];
  await output(file, [...first, ...args, '--no-audit', '--no-fund'], { cwd: folder });
}
