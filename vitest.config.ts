import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const folders = {
  tensor: 'packages/tensor/src',
  autograd: 'packages/autograd/src',
  nn: 'packages/nn/src',
  vae: 'packages/vae/src',
  tables: 'packages/tables/src',
  onnx: 'packages/onnx/src',
  report: 'packages/report/src',
  latent: 'packages/latent/src',
  scale: 'packages/scale/src',
  docs: 'docs',
  demo: 'demo',
  bench: 'bench',
  scripts: 'scripts',
};

/**
 * The files of a worker share the packages that they import: to load and warm them up anew for each took a third of the time. Those
 * below leave something behind that others would see, parts with names of their own or a full memory, and are run by themselves.
 */
const alone = [
  'packages/tensor/src/memory/memory.test.ts',
  'packages/nn/src/network/network.test.ts',
  'packages/nn/src/registry/parts.contract.test.ts',
  'packages/nn/src/surface.test.ts',
  'packages/nn/src/transform/transform.test.ts',
  'packages/vae/src/parts.contract.test.ts',
  'packages/vae/src/surface.test.ts',
  'packages/onnx/src/export.test.ts',
  'packages/onnx/src/parts/parts.test.ts',
  'platforms/**/*.test.ts',
];

const elsewhere = [
  '**/node_modules/**',
  '**/dist/**',
  'bench/peers/**',
  'platforms/packed/**',
  'platforms/onnxruntime/**',
];

export default defineConfig({
  // Packages are imported by name and run from `src`: see `exports` in their package.json.
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    setupFiles: ['./scripts/fail-on-output.ts'],
    // Forbids `.only`; the linter's rule takes our `fit` for a focused test.
    allowOnly: false,
    // One file per core; by default one core is kept for the reporter, which has little to do.
    maxWorkers: '100%',
    // Against tests that hang; no limit that a busy machine would break.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    projects: [
      ...Object.entries(folders)
        .filter(([, folder]) => existsSync(new URL(folder, import.meta.url)))
        .map(([name, folder]) => ({
          extends: true as const,
          test: { name, include: [`${folder}/**/*.test.ts`], exclude: [...elsewhere, ...alone], isolate: false },
        })),
      { extends: true as const, test: { name: 'alone', include: alone, exclude: elsewhere } },
    ],
  },
});
