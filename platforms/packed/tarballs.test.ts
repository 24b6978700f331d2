import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { folderManifests, strayFiles } from '../../scripts/manifest.ts';
import { packages, readManifest } from '../../scripts/packages.ts';
import { output } from '../run.ts';
import { tool } from './tools.ts';

const { tarballs, project } = inject('packed');

it('the packages need each other and nothing else, but for those that may', () => {
  type Lock = { packages: Record<string, { dependencies?: Record<string, string> }> };
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as Lock;
  const ours = packages.map(({ name }) => name);
  for (const { name, outside } of packages) {
    const needs = Object.keys(lock.packages[`node_modules/${name}`]?.dependencies ?? {});
    expect(existsSync(join(project, 'node_modules', name)), name).toBe(true);
    if (!outside) expect(ours, name).toEqual(expect.arrayContaining(needs));
  }
  if (packages.some(({ outside }) => outside)) return;
  const installed = Object.keys(lock.packages).filter((path) => path !== '');
  expect(installed.sort()).toEqual(ours.map((name) => `node_modules/${name}`).sort());
});

describe.each(tarballs.map((tarball) => ({ ...tarball, name: tarball.rule.name })))(
  'the tarball of $name',
  (tarball) => {
    const { rule, file, paths, name } = tarball;
    const installed = join(project, 'node_modules', name);
    const read = (path: string): string => readFileSync(join(installed, path), 'utf8');

    it('holds the build and its papers, and nothing else', () => {
      const manifest = readManifest(rule.folder);
      expect(strayFiles(paths, manifest)).toEqual([]);
      expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
      expect(paths).toEqual(expect.arrayContaining(Object.keys(folderManifests(manifest))));
    });

    it('names no file that is not in it', () => {
      const named = [...read('package.json').matchAll(/": "(\.\/[^"]+)"/g)].map((match) => (match[1] ?? '').slice(2));
      for (const path of named) expect(paths, 'package.json').toContain(path);
      const relative = /(?:\bfrom |\bimport\(|\bimport |\brequire\()["'](\.[^"']+)["']/g;
      const code = paths.filter((path) => /\.c?(?:js|ts)$/.test(path));
      expect(code.length).toBeGreaterThan(1);
      for (const path of code) {
        for (const [, specifier = ''] of read(path).matchAll(relative)) {
          const target = posix.join(dirname(path), specifier);
          const wanted = /\.d\.c?ts$/.test(path) ? target.replace(/\.(c?)js$/, '.d.$1ts') : target;
          expect(paths, path).toContain(wanted);
        }
      }
    });

    it('names no folder of the machine that built it', () => {
      for (const path of paths.filter((each) => each.endsWith('.map'))) {
        const { sources } = JSON.parse(read(path)) as { sources: string[] };
        for (const source of sources) expect(source, path).toMatch(/^(?:\.\.\/)+src\//);
      }
    });

    it('is fine by publint', async () => {
      expect(await output(process.execPath, [tool('publint', 'src', 'cli.js'), file, '--strict'])).toContain(
        'All good!',
      );
    });

    it.runIf(readManifest(rule.folder).exports)('has the right types by attw, however it is resolved', async () => {
      const attw = tool('@arethetypeswrong', 'cli', 'dist', 'index.js');
      expect(await output(process.execPath, [attw, file, '--no-color'])).toContain('No problems found');
    });

    const commands = Object.keys(readManifest(rule.folder).bin ?? {});
    it.runIf(commands.length > 0).each(commands)(
      'installs the command %s, which can say what it does',
      async (command) => {
        const bin = join(project, 'node_modules', '.bin', command);
        expect(existsSync(bin)).toBe(true);
        expect(await output(bin, ['--help'])).not.toBe('');
      },
    );
  },
);
