import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { program, promised } from '../../docs/snippets.ts';
import { libraries, packageFolder, root, specifiers } from '../../scripts/packages.ts';
import { output } from '../run.ts';
import { compilers } from './tools.ts';

const { project } = inject('packed');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-types-'));
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Strict in every way, with the declarations checked too and no types of Node's. */
const strict = {
  target: 'ES2022',
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  types: [],
};

const ways: readonly {
  compiler: keyof typeof compilers;
  module: string;
  moduleResolution: string;
  extension: string;
}[] = [
  // Before `exports`: as in projects that were set up long ago.
  { compiler: 'oldest', module: 'commonjs', moduleResolution: 'node10', extension: 'ts' },
  { compiler: 'oldest', module: 'esnext', moduleResolution: 'node10', extension: 'ts' },
  ...(['oldest', 'newest'] as const).flatMap((compiler) => [
    ...['node16', 'nodenext'].flatMap((module) =>
      ['mts', 'cts'].map((extension) => ({ compiler, module, moduleResolution: module, extension })),
    ),
    { compiler, module: 'esnext', moduleResolution: 'bundler', extension: 'ts' },
  ]),
];

/** Writes the program and the imports of every entry as files with this extension, and says their names. */
function writeProgram(extension: string): string[] {
  copyFileSync(join(project, 'program.ts'), join(folder, `program.${extension}`));
  // A name that is not there must be an error, or nothing was looked up at all.
  writeFileSync(
    join(folder, `entries.${extension}`),
    specifiers()
      .map((name, i) => `import * as e${i} from '${name}';\n// @ts-expect-error\nexport const x${i} = e${i}.nothing;`)
      .join('\n'),
  );
  return [`program.${extension}`, `entries.${extension}`];
}

const titled = ways.map(
  (way) => [`${way.compiler} compiler, ${way.moduleResolution}, module ${way.module}, .${way.extension}`, way] as const,
);

describe('a program that uses all packages is type-checked', () => {
  it.each(titled)('by the %s', async (_, { compiler, module, moduleResolution, extension }) => {
    const compilerOptions = { ...strict, module, moduleResolution };
    const files = writeProgram(extension);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    expect(await output(process.execPath, [compilers[compiler], '-p', folder])).toBe('');
  });

  // The old one writes CommonJS and node10.
  it.each([
    ['oldest', 'ts'],
    ['newest', 'mts'],
  ] as const)('as the `tsc --init` of the %s sets up', async (name, extension) => {
    await output(process.execPath, [compilers[name], '--init'], { cwd: folder });
    writeProgram(extension);
    expect(await output(process.execPath, [compilers[name]], { cwd: folder })).toBe('');
  });
});

const pages = [root, ...libraries.map((rule) => packageFolder(rule.folder))].map((of) => join(of, 'README.md'));

it.each(pages.map((page) => [relative(root, page), page]))(
  'the program in %s compiles and runs as it stands after `tsc --init`',
  async (_, page) => {
    const text = readFileSync(page, 'utf8');
    await output(process.execPath, [compilers.newest, '--init'], { cwd: folder });
    writeFileSync(join(folder, 'first.mts'), program(text));
    await output(process.execPath, [compilers.newest], { cwd: folder });
    const lines = await output(process.execPath, ['first.mjs'], { cwd: folder });
    expect(lines.split('\n')).toEqual(promised(text));
  },
);
