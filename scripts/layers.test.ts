import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findLayerErrors } from './layers.ts';
import { root } from './packages.ts';

let folder: string | undefined;

afterEach(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

/** The errors found in packages that hold just these files. */
function errorsOf(files: Record<string, string>): Promise<string[]> {
  folder = mkdtempSync(join(tmpdir(), 'latent-layers-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return findLayerErrors(folder);
}

test('the packages of this repository keep their layers', async () => {
  expect(await findLayerErrors(join(root, 'packages'))).toEqual([]);
});

test('imports to the left are fine, also in types and in comments', async () => {
  const errors = await errorsOf({
    'tensor/src/index.ts': "/**\n * import { Vae } from '@latent/vae'\n */\nexport const x = 1;\n",
    'nn/src/index.ts':
      "import type { y } from '@latent/autograd';\nimport { x } from '@latent/tensor';\nexport { x, type y };\n",
  });
  expect(errors).toEqual([]);
});

test('an import to the right is an error, even of a type only', async () => {
  const errors = await errorsOf({
    'tensor/src/index.ts': "import { y } from '@latent/nn';\nexport { y };\n",
    'autograd/src/index.ts': "import type {\n  Vae,\n} from '@latent/vae';\nexport type { Vae };\n",
  });
  expect(errors).toEqual([
    "tensor/src/index.ts: wrong direction, got '@latent/nn'; tensor may import no other package",
    "autograd/src/index.ts: wrong direction, got '@latent/vae'; autograd may import @latent/tensor",
  ]);
});

test('a relative path out of the package, an outside dependency and a Node module are errors', async () => {
  const errors = await errorsOf({
    'tensor/src/index.ts': 'export const x = 1;\n',
    'nn/src/index.ts':
      "import { readFileSync } from 'node:fs';\nimport z from 'zod';\nimport { x } from '../../tensor/src/index.ts';\nexport { readFileSync, x, z };\n",
  });
  expect(errors).toHaveLength(3);
  expect(errors.join('\n')).toMatch(/node:fs[\s\S]*zod[\s\S]*leaves its package/);
});

test('a cycle counts only while types are not erased', async () => {
  const a = "import { b } from './b.ts';\nexport const a = () => b;\n";
  const b = "import { a } from './a.ts';\nexport const b = () => a;\n";
  expect(await errorsOf({ 'nn/src/a.ts': a, 'nn/src/b.ts': b })).toEqual([
    'import cycle: nn/src/a.ts → nn/src/b.ts → nn/src/a.ts',
  ]);
  expect(
    await errorsOf({ 'nn/src/a.ts': a, 'nn/src/b.ts': b.replace('import', 'import type').replace('a;', '0;') }),
  ).toEqual([]);
});

test('samples must not be reachable from an index', async () => {
  const errors = await errorsOf({
    'tensor/src/index.ts': "export * from './table.ts';\n",
    'tensor/src/table.ts': "export { samples } from './ops/samples.ts';\n",
    'tensor/src/ops/samples.ts': 'export const samples = 1;\n',
  });
  expect(errors).toEqual([
    'test-only file reachable from an index: tensor/src/index.ts → tensor/src/table.ts → tensor/src/ops/samples.ts',
  ]);
});
