// Builds every package: one ES module by esbuild, declarations by tsc.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { packageNames, root } from './packages.ts';

/** Writes `dist/index.js`, its source map and the declarations of all four packages. */
export async function buildPackages(): Promise<void> {
  // In dependency order: tsc reads the declarations of the packages before, as a user's compiler will.
  for (const name of packageNames) rmSync(join(root, 'packages', name, 'dist'), { recursive: true, force: true });
  for (const name of packageNames) {
    const folder = join(root, 'packages', name);
    await build({
      entryPoints: [join(folder, 'src', 'index.ts')],
      outfile: join(folder, 'dist', 'index.js'),
      bundle: true,
      format: 'esm',
      target: 'es2022',
      sourcemap: true,
      packages: 'external',
      logLevel: 'warning',
    });
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    execFileSync(process.execPath, [tsc, '-p', join(folder, 'tsconfig.build.json')], { stdio: 'inherit' });
    nameJavaScript(join(folder, 'dist'));
  }
}

/** Makes the declarations in `dist` import `./x.js`: tsc copies the `.ts` of the source, which no `.d.ts` should name. */
function nameJavaScript(dist: string): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(dist, name);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll(/\b(from |import\(|import )(['"])(\.\.?\/[^'"]+)\.ts\2/g, '$1$2$3.js$2'));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackages();
