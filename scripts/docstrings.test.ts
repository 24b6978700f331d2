import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportedNames } from './docstrings.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-docstrings-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The exports of `index.d.ts` by whether they are documented. */
function namesOf(files: Record<string, string>): { documented: string[]; bare: string[] } {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const names = exportedNames(join(folder, 'index.d.ts'));
  const of = (wanted: boolean): string[] => names.filter((each) => each.documented === wanted).map(({ name }) => name);
  return { documented: of(true), bare: of(false) };
}

test('every kind of declaration counts, and only a docstring right above it', () => {
  const kinds = [
    'function f(): void;',
    'const c: 1;',
    'class C {\n}',
    'interface I {\n}',
    'type T = 1;',
    'enum E {\n}',
  ];
  const documented = kinds.map(
    (kind) => `/** Says so. */\nexport ${/^(?:interface|type)/.test(kind) ? '' : 'declare '}${kind}`,
  );
  expect(namesOf({ 'index.d.ts': documented.join('\n') })).toEqual({
    documented: ['C', 'E', 'I', 'T', 'c', 'f'],
    bare: [],
  });
  const others = [
    '/** Of the file. */\nimport x from "x";\nexport declare function a(): void;',
    '// A line.\nexport declare abstract class B {\n    /** Of a member. */\n    m(): void;\n}',
    'export type D = 1;',
  ];
  expect(namesOf({ 'index.d.ts': others.join('\n') })).toEqual({ documented: [], bare: ['B', 'D', 'a'] });
});

test('one docstring is enough for all overloads', () => {
  const text = '/**\n * Of both.\n */\nexport declare function f(): void;\nexport declare function f(x: 1): void;\n';
  expect(namesOf({ 'index.d.ts': text })).toEqual({ documented: ['f'], bare: [] });
});

test('exports are followed: by name, under another name, by star, through several files', () => {
  expect(
    namesOf({
      'index.d.ts':
        "export { a, type B as C, c } from './one.js';\nexport * from './deep/two.js';\nexport { ours } from '@latent/x';\ndeclare const local: 1;\nexport { local };\n",
      'one.d.ts':
        "/** Documented. */\nexport declare const a: 1;\nexport interface B {\n}\nexport { c } from './deep/two.js';\n/** Not exported. */\nexport declare const hidden: 1;\n",
      'deep/two.d.ts':
        "/** Documented. */\nexport declare function d(): void;\nexport declare function e(): void;\n/** Documented. */\nexport declare const c: 1;\nexport * from '../one.js';\n",
    }),
  ).toEqual({ documented: ['a', 'c', 'd', 'hidden'], bare: ['B', 'C', 'e', 'local'] });
});

test('what cannot be found is not taken for documented', () => {
  expect(namesOf({ 'index.d.ts': "export { x } from './one.js';\n", 'one.d.ts': 'export {};\n' }).bare).toEqual(['x']);
  expect(() => namesOf({ 'index.d.ts': "export * from './none.js';\n" })).toThrow(/no declarations for '\.\/none\.js'/);
});
