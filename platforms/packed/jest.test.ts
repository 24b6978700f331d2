import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../run.ts';
import { tool } from './tools.ts';

const { project } = inject('packed');

/** What a user's tests do. They run in a realm of their own: what Node itself makes is of another. */
const TESTS = `
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { runInThisContext } = require('node:vm');
const rows = Float32Array.from({ length: 64 * 6 }, (_, i) => Math.sin(i));
const make = () => new Vae({ inputSize: 6, latentSize: 2, encoder: [16], reconstruction: gaussian(), seed: 1 });
const scores = (model, of = rows) => [...model.elbo(of).elbo.data];

test('a model trains', async () => {
  const { epochs } = await make().fit(rows, { epochs: 4, batchSize: 16 });
  expect(epochs).toHaveLength(4);
  expect(epochs[3].loss).toBeLessThan(epochs[0].loss);
});

test('an array of another realm is rows', () => {
  const foreign = runInThisContext('Float32Array').from(rows);
  expect(foreign).not.toBeInstanceOf(Float32Array);
  expect(scores(make(), foreign)).toEqual(scores(make()));
});

test('a model is saved and loaded, by path and by what Node read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latent-jest-'));
  try {
    const vae = make();
    const file = join(folder, 'model.safetensors');
    await vae.save(file);
    const bytes = readFileSync(file);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    for (const model of [await Vae.load(file), Vae.fromBytes(bytes), Vae.fromBytes(buffer)]) {
      expect(scores(model)).toEqual(scores(vae));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
`;
const tests = ['a model trains', 'an array of another realm is rows', 'a model is saved and loaded'];

const ways = {
  'CommonJS, as it is set up': {
    flags: [],
    file: 'user.test.cjs',
    text: `const { gaussian, Vae } = require('@latent/vae');\n${TESTS}`,
  },
  'ES modules': {
    flags: ['--experimental-vm-modules', '--no-warnings'],
    file: 'user.test.mjs',
    text: `import { createRequire } from 'node:module';
      import { gaussian, Vae } from '@latent/vae';
      const require = createRequire(import.meta.url);\n${TESTS}`,
  },
};

beforeAll(() => {
  mkdirSync(join(project, 'jest'));
  for (const { file, text } of Object.values(ways)) writeFileSync(join(project, 'jest', file), text);
});

describe.each(['node', 'jsdom'])('in Jest with its environment %s', (environment) => {
  describe.each(Object.entries(ways))('by %s', (_, { flags, file }) => {
    it.each(tests)('%s', async (name) => {
      // Jest gives a test five seconds, which a busy machine may need for less.
      const patience = ['--testTimeout', '600000'];
      const args = [...patience, '--rootDir', project, '--testMatch', `**/${file}`, '--testNamePattern', name];
      const jest = [tool('jest', 'bin', 'jest.js'), '--env', tool(`jest-environment-${environment}`)];
      const { status, stdout, stderr } = await run(process.execPath, [...flags, ...jest, ...args], { cwd: project });
      expect(status, stdout + stderr).toBe(0);
      expect(stderr).toMatch(/Tests: .*\b1 passed/);
    });
  });
});
