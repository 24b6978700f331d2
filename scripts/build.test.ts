import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { output } from '../platforms/run.ts';
import { writeModules } from './build.ts';
import { folderManifests, publishedManifest } from './manifest.ts';
import type { Manifest } from './packages.ts';

let folder: string;
let manifest: Manifest;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-build-'));
  const entry = (path: string): object => ({
    source: `./src/${path}.ts`,
    types: `./dist/${path}.d.ts`,
    default: `./dist/${path}.js`,
  });
  manifest = {
    name: 'counting',
    version: '1.0.0',
    type: 'module',
    sideEffects: false,
    exports: {
      '.': entry('index'),
      './more': entry('more/index'),
      './samples': { source: './src/samples.ts' },
      './package.json': './package.json',
    },
    bin: { count: './dist/main.js' },
  } as Manifest;
  write('src/state.ts', 'let count: number = 0;\nexport const next = (): number => ++count;\n');
  write('src/index.ts', "export { next } from './state.ts';\n");
  write('src/more/index.ts', "export { next as again } from '../state.ts';\n");
  write('src/samples.ts', "export const samples = ['of tests'];\n");
  write(
    'src/main.ts',
    "#!/usr/bin/env node\nimport { next } from './state.ts';\nawait 0;\nconsole.log('count ' + next());\n",
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  const file = join(folder, 'package', name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Builds the package as it would be installed, and says where. */
async function install(): Promise<string> {
  const installed = join(folder, 'project', 'node_modules', 'counting');
  write('package.json', JSON.stringify(manifest));
  await writeModules(join(folder, 'package'), manifest, join(installed, 'dist'));
  writeFileSync(join(installed, 'package.json'), JSON.stringify(publishedManifest(manifest)));
  for (const [path, fields] of Object.entries(folderManifests(manifest))) {
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    writeFileSync(join(installed, path), JSON.stringify(fields));
  }
  return installed;
}

test('entries share their state, imported or required, and by CommonJS alone', async () => {
  const installed = await install();
  const project = join(folder, 'project');
  const program = join(project, 'program.mjs');
  writeFileSync(
    program,
    `import { createRequire } from 'node:module';
    import { next } from 'counting';
    import { again } from 'counting/more';
    const require = createRequire(import.meta.url);
    console.log(next(), again(), require('counting').next(), require('counting/more').again());\n`,
  );
  expect(await output(process.execPath, [program])).toBe('1 2 3 4');
  // As a loader without ES modules finds them: no condition but \`require\`, or the old fields alone.
  const twins = join(project, 'twins.cjs');
  const { main } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { main: string };
  const { main: more } = JSON.parse(readFileSync(join(installed, 'more', 'package.json'), 'utf8')) as { main: string };
  const [first, second] = [join(installed, main), join(installed, 'more', more)].map((file) => JSON.stringify(file));
  writeFileSync(twins, `console.log(require(${first}).next(), require(${second}).again());\n`);
  expect(await output(process.execPath, [twins])).toBe('1 2');
  expect(readFileSync(join(installed, main), 'utf8')).toContain('require("./shared/');
});

test('a command runs, and what is for tests is not built', async () => {
  const installed = await install();
  const command = join(folder, 'project', 'count.mjs');
  symlinkSync(join(installed, 'dist', 'main.js'), command);
  expect(await output(process.execPath, [command])).toBe('count 1');
  const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(files).toContain('main.js');
  expect(files).not.toContain('main.cjs');
  expect(files.filter((file) => file.includes('samples'))).toEqual([]);
  expect(JSON.stringify(publishedManifest(manifest))).not.toMatch(/source|samples/);
});

test.each([
  [
    'an import for its effects alone, where package.json says there are none',
    "import './state.ts';\n",
    /Ignoring this import/,
  ],
  ['import.meta, which CommonJS has not', 'export const here = import.meta.url;\n', /import\.meta/],
  ['an await outside functions, which cannot be required', 'export const x = await 1;\n', /[Tt]op-level await/],
])('refuses %s', async (_, text, message) => {
  write('src/more/index.ts', text.startsWith('import ') ? `${text}export const x = 1;\n`.replace('./', '../') : text);
  await expect(install()).rejects.toThrow(message);
});
