import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assemblePackages } from '../scripts/pack.ts';
import { specifiers } from '../scripts/packages.ts';
import { entriesProgram } from './entries.ts';
import { output } from './run.ts';

// `npm run pack-test` has the whole of it, from tarballs and wherever the packages run; this is what takes seconds.
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latent-entries-'));
  await assemblePackages(join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(program: string): Promise<string> {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  return await output(process.execPath, [file]);
}

it('what is published is imported and required as one copy', async () => {
  expect(await run(entriesProgram(specifiers()))).toBe('ok');
});

it('a difference between import and require is found', async () => {
  const names = ['empty', 'twice'];
  for (const name of names) {
    mkdirSync(join(folder, 'node_modules', name));
    const exports = { require: './index.cjs', default: './index.mjs' };
    const write = (file: string, text: string): void => writeFileSync(join(folder, 'node_modules', name, file), text);
    write('package.json', JSON.stringify({ name, exports }));
    write('index.mjs', name === 'empty' ? 'export {};' : 'export const state = {};');
    write('index.cjs', name === 'empty' ? '' : 'exports.state = {};');
  }
  expect(await run(entriesProgram(names))).toBe('empty is empty\ntwo copies of state of twice');
});
