import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { libraries } from '../scripts/packages.ts';
import { printed, program, promised } from './snippets.ts';

const folder = fileURLToPath(new URL('./.snippets/', import.meta.url));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pages = [
  '../README.md',
  './guide.md',
  './formats.md',
  './images.md',
  './sequences.md',
  './models.md',
  './tables.md',
  './scale.md',
  ...libraries.map(({ folder }) => `../packages/${folder}/README.md`),
];

describe.each(pages)('the snippets of %s', (path) => {
  const page = readFileSync(new URL(path, import.meta.url), 'utf8');

  it('print what the page says', async () => {
    mkdirSync(folder, { recursive: true });
    const file = `${folder}${path.replace(/\W+/g, '-')}.ts`;
    writeFileSync(file, program(page));
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values) => {
      lines.push(printed(values));
    });
    try {
      await import(/* @vite-ignore */ pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
    expect(promised(page).length).toBeGreaterThan(0);
    expect(lines).toEqual(promised(page));
  });
});
