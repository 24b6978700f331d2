import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

/** The files of this package that leave code in a bundle of `source`. */
async function filesOf(source: string): Promise<string[]> {
  const resolveDir = fileURLToPath(new URL('.', import.meta.url));
  const { metafile } = await build({
    stdin: { contents: source, resolveDir, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['source'],
    metafile: true,
    logLevel: 'error',
  });
  const [output] = Object.values(metafile.outputs);
  return Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => file.replace(/^.*tensor\/src\//, ''));
}

describe('a bundle', () => {
  it('of one kernel holds no other', async () => {
    const files = await filesOf(
      `import { execute } from './kernels/execute.ts';
       import { mapCall } from './kernels/map/map.ts';
       export { execute, mapCall };`,
    );
    const kernels = new Set(files.flatMap((file) => /^kernels\/([a-z-]+)\//.exec(file)?.[1] ?? []));
    // The elementary functions are written next to the draws, whose logarithm they share.
    expect(files.filter((file) => file.startsWith('kernels/random/'))).toEqual(['kernels/random/threefry.ts']);
    expect([...kernels].sort()).toEqual(['map', 'random', 'wasm']);
  });

  it('of tensors and sums holds no programs, threads or draws, only what methods of a tensor need', async () => {
    const files = await filesOf(`import { add, tensor } from './index.ts'; console.log(add(tensor([1]), 2));`);
    expect(files.filter((file) => /^(program|threads)\/|^random|kernels\/random\/(random|wasm)/.test(file))).toEqual(
      [],
    );
    expect(files).toContain('kernels/map/map.ts');
  });
});
