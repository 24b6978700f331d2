// Bundle size of each package alone and of all four together, minified and gzipped.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { coreNames as packageNames, root } from './packages.ts';

/** Gzipped bytes that all four packages together may have. */
const budget = 69 * 1024;

/** Bundles `code` for the browser with every package inlined, or with all but `only` left outside. */
async function measure(code: string, only?: string): Promise<{ minified: number; gzipped: number }> {
  const result = await build({
    stdin: { contents: code, resolveDir: join(root, 'scripts'), loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['source'],
    external: only ? packageNames.filter((name) => name !== only).map((name) => `@latent/${name}`) : [],
    logLevel: 'warning',
  });
  const bytes = result.outputFiles[0].contents;
  return { minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}

/** Prints the table of sizes; false if the four packages together are over the budget. */
export async function reportSizes(): Promise<boolean> {
  const kib = (bytes: number): string => (bytes / 1024).toFixed(1).padStart(9);
  const row = (name: string, size: { minified: number; gzipped: number }): void =>
    console.log(`  ${name.padEnd(18)}${kib(size.minified)}${kib(size.gzipped)}`);
  console.log(`  ${'KiB'.padEnd(18)}${'minified'.padStart(9)}${'gzip'.padStart(9)}`);
  for (const name of packageNames) row(`@latent/${name}`, await measure(`export * from '@latent/${name}';`, name));
  const all = await measure(packageNames.map((name) => `export * as ${name} from '@latent/${name}';`).join('\n'));
  row('all four', all);
  if (all.gzipped <= budget) return true;
  console.error(
    `  size: over the budget, got ${all.gzipped} bytes gzipped for all four; at most ${budget} are allowed`,
  );
  return false;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !(await reportSizes())) process.exitCode = 1;
