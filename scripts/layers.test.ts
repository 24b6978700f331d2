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
    "autograd/src/index.ts: wrong direction, got '@latent/vae'; autograd may import @latent/tensor",
    "tensor/src/index.ts: wrong direction, got '@latent/nn'; tensor may import no other package",
  ]);
});

test('a relative path out of the package, an outside dependency and a Node module are errors', async () => {
  const errors = await errorsOf({
    'tensor/src/index.ts': 'export const x = 1;\n',
    'nn/src/index.ts':
      "import { readFileSync } from 'node:fs';\nimport z from 'zod';\nimport { x } from '../../tensor/src/index.ts';\nexport { readFileSync, x, z };\n",
  });
  expect(errors).toHaveLength(3);
  expect(errors.join('\n')).toMatch(/breaks browser bundles, got 'node:fs'[\s\S]*leaves its package[\s\S]*got 'zod'/);
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

test('the products may import the core; the report only the types of the tables; the command line all and Node', async () => {
  const fine = {
    'tables/src/index.ts':
      "import { Vae } from '@latent/vae';\nimport { rocAuc } from '@latent/vae/evaluate';\nexport { rocAuc, Vae };\n",
    'report/src/index.ts': "import type { Table } from '@latent/tables';\nexport type { Table };\n",
    'latent/src/main.ts':
      "import { readFileSync } from 'node:fs';\nimport { x } from '@latent/report';\nimport { parse } from 'csv';\nexport { parse, readFileSync, x };\n",
    'latent/package.json': '{ "dependencies": { "@latent/report": "1", "csv": "1" } }',
  };
  expect(await errorsOf(fine)).toEqual([]);
});

test('a report that runs the tables, a model that knows its products and a dependency nobody named are errors', async () => {
  const errors = await errorsOf({
    'report/src/index.ts': "import { Table } from '@latent/tables';\nexport { Table };\n",
    'vae/src/index.ts': "import type { Model } from '@latent/onnx';\nexport type { Model };\n",
    'scale/src/index.ts': "import { Vae } from '@latent/vae';\nexport { Vae };\n",
    'scale/package.json': '{ "dependencies": {} }',
  });
  expect(errors).toEqual([
    "report/src/index.ts: wrong direction, got '@latent/tables'; report may import types of @latent/tables",
    "scale/src/index.ts: imports what its package.json does not depend on, got '@latent/vae'",
    "vae/src/index.ts: wrong direction, got '@latent/onnx'; vae may import @latent/tensor, @latent/autograd, @latent/nn",
  ]);
});

test('sample data of another package is for tests', async () => {
  const use = "import { samples } from '@latent/tensor/samples';\nexport { samples };\n";
  expect(await errorsOf({ 'nn/src/a.test.ts': use })).toEqual([]);
  expect(await errorsOf({ 'nn/src/a.ts': use })).toHaveLength(1);
});

test('a folder imports only what its row allows; types, tests and files beside the folders are free', async () => {
  const ops = { 'tensor/src/ops/add.ts': 'export const add = 1;\n' };
  const importing = "import { add } from '../ops/add.ts';\nexport { add };\n";
  expect(await errorsOf({ ...ops, 'tensor/src/kernels/wasm/map.ts': importing.replace('..', '../..') })).toEqual([
    "tensor/src/kernels/wasm/map.ts: wrong direction, got 'ops'; kernels may import dtype, errors, expr, memory, options, shape",
  ]);
  expect(await errorsOf({ ...ops, 'tensor/src/memory/pool.ts': importing })).toHaveLength(1);
  expect(await errorsOf({ ...ops, 'tensor/src/program/compile.ts': importing })).toEqual([]);
  expect(
    await errorsOf({ ...ops, 'tensor/src/memory/pool.ts': importing.replaceAll(/(import|export) \{/g, '$1 type {') }),
  ).toEqual([]);
  expect(await errorsOf({ ...ops, 'tensor/src/memory/pool.test.ts': importing })).toEqual([]);
  expect(await errorsOf({ ...ops, 'tensor/src/eager.ts': importing.replace('..', '.') })).toEqual([]);
  expect(await errorsOf({ ...ops, 'tensor/src/attic/old.ts': importing })).toEqual([
    "tensor/src/attic/old.ts: no rule for the folder 'attic'; say in scripts/folders.ts what it may import",
  ]);
});
