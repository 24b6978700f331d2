import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';

const folder = fileURLToPath(new URL('./.snippets/', import.meta.url));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The TypeScript blocks of a page as one program, imports first. */
function program(page: string): string {
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]).join('\n');
  const imports = blocks.match(/^import .*$/gm) ?? [];
  return [...imports, blocks.replace(/^import .*$/gm, ''), 'export {};'].join('\n');
}

/** What the page says it prints: the comments `// → …` after its `console.log` lines, in order. */
function promised(page: string): string[] {
  return [...program(page).matchAll(/console\.log\(.*\/\/ → (.*)$/gm)].map((match) => match[1].trim());
}

function printed(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

describe.each(['../README.md', './guide.md', './formats.md'])('the snippets of %s', (path) => {
  const page = readFileSync(new URL(path, import.meta.url), 'utf8');

  it('print what the page says', async () => {
    mkdirSync(folder, { recursive: true });
    const file = `${folder}${path.replace(/\W+/g, '-')}.ts`;
    writeFileSync(file, program(page));
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values) => {
      lines.push(values.map(printed).join(' '));
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
