// Builds every package as its `exports` say: ES modules and their CommonJS twins by esbuild, declarations by tsc.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Message, transform } from 'esbuild';
import { entriesOf, type Manifest, type PackageRule, packageFolder, packages, readManifest, root } from './packages.ts';

/** Writes the folder `dist` of every package, with all that its `exports` and `bin` name; by default beside its sources. */
export async function buildPackages(place = (rule: PackageRule) => packageFolder(rule.folder)): Promise<void> {
  const declarations = mkdtempSync(join(tmpdir(), 'latent-declarations-'));
  try {
    writeDeclarations(declarations);
    for (const rule of packages) {
      const dist = join(place(rule), 'dist');
      rmSync(dist, { recursive: true, force: true });
      await writeModules(packageFolder(rule.folder), readManifest(rule.folder), dist);
      cpSync(join(declarations, rule.folder), dist, { recursive: true });
    }
  } finally {
    rmSync(declarations, { recursive: true, force: true });
  }
}

/**
 * The JavaScript of the package in `folder`. What two entries use stands in a file of its own: state lives in modules, so there must be
 * one copy of it. Each file has a CommonJS twin for loaders that know nothing else; whoever can load ES modules is led
 * to those, by `import` and by `require` alike (`manifest.ts`), so that no program meets both.
 */
export async function writeModules(folder: string, manifest: Manifest, dist: string): Promise<void> {
  const entries = entriesOf(manifest);
  // As if to the package's own `dist`: the paths in source maps then name no other folder of this machine.
  const outdir = join(folder, 'dist');
  const { outputFiles, warnings } = await build({
    absWorkingDir: folder,
    entryPoints: entries.map(({ source, output }) => ({ in: source, out: output.replace(/^\.\/dist\/|\.js$/g, '') })),
    outdir,
    write: false,
    chunkNames: 'shared/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    packages: 'external',
    logLevel: 'silent',
  });
  refuseWarnings(folder, warnings);
  const commands = new Set(entries.filter(({ path }) => path === null).map(({ output }) => join(folder, output)));
  // What a command alone is made of nobody imports.
  const importable = entries.length > commands.size;
  for (const { path, contents, text } of outputFiles) {
    const file = join(dist, relative(outdir, path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, path.endsWith('.js') ? inAscii(text) : contents, commands.has(path) ? { mode: 0o755 } : {});
    if (!path.endsWith('.js') || !importable || commands.has(path)) continue;
    const { code, warnings } = await transform(text.replace(/\n\/\/# sourceMappingURL=.*\n$/, '\n'), {
      format: 'cjs',
      platform: 'node',
      target: 'es2022',
      sourcefile: relative(folder, path),
      logLevel: 'silent',
    });
    refuseWarnings(folder, warnings);
    writeFileSync(file.replace(/\.js$/, '.cjs'), code.replaceAll(/require\("(\.[^"]+)\.js"\)/g, 'require("$1.cjs")'));
  }
}

/** Code is in ASCII as esbuild writes it, comments are made so: engines read files of other letters half as fast. */
function inAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * What esbuild only warns of would be wrong in silence: an import for its effects alone that is left out because package.json
 * says that there are none, or `import.meta` where CommonJS has nothing of the kind.
 */
function refuseWarnings(folder: string, warnings: readonly Message[]): void {
  const [first] = warnings;
  if (first === undefined) return;
  const where = first.location === null ? '' : ` (${first.location.file}:${first.location.line})`;
  throw new Error(`build: ${relative(root, folder)} does not build as it should, got: ${first.text}${where}`);
}

/** Writes the declarations of all packages below `target`, one folder each: for ES modules, and the same for CommonJS. */
export function writeDeclarations(target: string, of: readonly PackageRule[] = packages): void {
  const files: string[] = [];
  // By path and not through node_modules: what is found there counts as foreign, and foreign files are not emitted.
  const paths: Record<string, [string]> = {};
  for (const { folder, name } of of) {
    for (const { path, source } of entriesOf(readManifest(folder))) {
      const file = join(packageFolder(folder), source);
      files.push(file);
      if (path !== null) paths[`${name}${path.slice(1)}`] = [file];
    }
  }
  const work = mkdtempSync(join(tmpdir(), 'latent-tsc-'));
  try {
    const config = join(work, 'tsconfig.json');
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      customConditions: [],
      paths,
      typeRoots: [join(root, 'node_modules', '@types')],
      rootDir: join(root, 'packages'),
      outDir: join(work, 'out'),
    };
    writeFileSync(
      config,
      JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }),
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    execFileSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
    for (const { folder } of of) copyDeclarations(join(work, 'out', folder, 'src'), join(target, folder));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Copies declarations and lets them import JavaScript: tsc leaves the `.ts` of the source, which no `.d.ts` should name. */
function copyDeclarations(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  const specifier = /\b(from |import\(|import )(['"])(\.\.?\/[^'"]+)\.ts\2/g;
  for (const name of readdirSync(to, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(to, name);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll(specifier, '$1$2$3.js$2'));
    writeFileSync(file.replace(/\.ts$/, '.cts'), text.replaceAll(specifier, '$1$2$3.cjs$2'));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackages();
