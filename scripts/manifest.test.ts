import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findManifestErrors, folderManifests, publishedManifest, strayFiles } from './manifest.ts';
import {
  type Manifest,
  type PackageRule,
  packageFolder,
  packageRules,
  packages,
  readManifest,
  root,
  unknownPackages,
} from './packages.ts';

const vae = packageRules.find(({ folder }) => folder === 'vae') as PackageRule;
const good = readManifest('vae');
let folder: string | undefined;

afterEach(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

test('the packages of this repository say what they must', () => {
  expect(packages.map(({ folder }) => folder)).toEqual(expect.arrayContaining(['tensor', 'autograd', 'nn', 'vae']));
  for (const rule of packages) {
    expect(findManifestErrors(rule, readManifest(rule.folder), packageFolder(rule.folder))).toEqual([]);
  }
  expect(unknownPackages(join(root, 'packages'))).toEqual([]);
});

test.each<[field: string, value: unknown, said: RegExp]>([
  ['version', '9.9.9', /version must be/],
  ['description', '', /needs a description/],
  ['keywords', ['vae'], /needs keywords/],
  ['license', 'ISC', /license must be "MIT"/],
  ['homepage', undefined, /homepage must be .*packages\/vae/],
  ['repository', 'somewhere', /repository must be .*"directory":"packages\/vae"/],
  ['bugs', undefined, /bugs must be/],
  ['type', undefined, /type must be "module"/],
  ['sideEffects', undefined, /must say its sideEffects/],
  ['engines', { node: '>=8' }, /engines must be/],
  ['files', ['dist', 'src'], /files must be \["dist"\]/],
  ['publishConfig', undefined, /publishConfig must be .*public/],
  ['scripts', undefined, /scripts must be .*npm run pack/],
  ['exports', undefined, /neither exports nor bin/],
  ['exports', { '.': good.exports?.['.'] }, /must hold '\.\/package\.json'/],
  ['exports', { ...good.exports, '.': './dist/index.js' }, /'\.' must be an object with a source/],
  ['exports', { ...good.exports, './no': { source: './src/no.ts' } }, /'\.\/no': no file \.\/src\/no\.ts/],
  [
    'exports',
    { ...good.exports, './evaluate': { ...(good.exports?.['./evaluate'] as object), types: './dist/index.d.ts' } },
    /'\.\/evaluate' must be .*dist\/evaluate\/index\.d\.ts/,
  ],
  ['bin', { vae: './dist/no.js' }, /bin: no file \.\/src\/no\.ts/],
  ['dependencies', { '@latent/tensor': '*' }, /must depend on @latent\/tensor \^/],
  ['dependencies', { zod: '^4.0.0' }, /no dependency outside, got zod/],
])('a wrong %s is found: %j', (field, value, said) => {
  const errors = findManifestErrors(vae, { ...good, [field]: value } as Manifest, packageFolder('vae'));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(said);
});

test('missing papers, another licence and a folder without a row are found', () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-manifest-'));
  const bare = { ...good, exports: undefined, bin: undefined } as unknown as Manifest;
  expect(findManifestErrors(vae, bare, folder).join('\n')).toMatch(/no README\.md[\s\S]*no LICENSE/);
  writeFileSync(join(folder, 'LICENSE'), 'All rights reserved\n');
  expect(findManifestErrors(vae, bare, folder).join('\n')).toMatch(/LICENSE differs/);
  mkdirSync(join(folder, 'surprise'));
  mkdirSync(join(folder, 'vae'));
  expect(unknownPackages(folder)).toEqual(['surprise']);
});

test('what is published names no sources and nothing for tests, and what older tools read', () => {
  const published = publishedManifest(readManifest('tensor'));
  expect(JSON.stringify(published)).not.toMatch(/source|samples|prepack/);
  expect(published).toMatchObject({ main: './dist/index.cjs', module: './dist/index.js', types: './dist/index.d.ts' });
  expect(folderManifests(good)['evaluate/package.json']).toMatchObject({
    main: '../dist/evaluate/index.cjs',
    module: '../dist/evaluate/index.js',
    types: '../dist/evaluate/index.d.ts',
  });
  expect(published.sideEffects).toBe(false);
  const registering = { ...good, sideEffects: ['./src/register.ts'] };
  expect(publishedManifest(registering).sideEffects).toEqual(['./dist/**']);
  // A loader takes the first condition that it knows: each that can load ES modules stands before `require`.
  const conditions = Object.keys((published.exports as Record<string, object>)['.'] ?? {});
  expect(conditions.at(-2)).toBe('require');
  expect(conditions.at(-1)).toBe('default');
});

test('files that do not belong in a tarball are found', () => {
  const fine = ['LICENSE', 'README.md', 'package.json', 'dist/a.js', 'dist/a.cjs', 'dist/a.js.map', 'dist/x/a.d.cts'];
  expect(strayFiles([...fine, 'evaluate/package.json'], good)).toEqual([]);
  const stray = ['src/a.ts', 'dist/a.ts', 'dist/a.test.mjs', 'other/package.json', '.env', 'dist/tsconfig.json'];
  expect(strayFiles([...fine, ...stray], good)).toEqual(stray);
});
