// `npm run pack-test`: what a user gets. Packs the four packages, installs the tarballs in an empty project, and there
// imports them in Node, type-checks a program against their declarations, and bundles it for the browser.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildPackages } from './build.ts';
import { packageNames, root } from './packages.ts';

const project = mkdtempSync(join(tmpdir(), 'latent-pack-'));
const started = performance.now();

function say(what: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${what}`);
}

/** Runs a program in the temporary project; its output is shown only if it fails. */
function run(file: string, args: string[], cwd = project): string {
  const shell = process.platform === 'win32' && file === 'npm';
  try {
    return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: 'pipe', shell });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`pack-test: ${file} ${args.join(' ')} failed, got\n${stdout ?? ''}${stderr ?? ''}`);
  }
}

/** The files of a tarball, checked: the build and its papers, no source and no tests. */
function pack(name: string): string {
  const output = run('npm', ['pack', '--json', '--pack-destination', project], join(root, 'packages', name));
  const [{ filename, files }] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  const paths = files.map((file) => file.path);
  for (const needed of ['LICENSE', 'dist/index.js', 'dist/index.d.ts', 'package.json']) {
    if (!paths.includes(needed)) throw new Error(`pack-test: ${filename} lacks ${needed}, got ${paths.join(', ')}`);
  }
  const stray = paths.filter(
    (path) => !/^(?:dist\/.+\.(?:js|js\.map|d\.ts)|package\.json|LICENSE|README\.md)$/.test(path),
  );
  if (stray.length > 0) throw new Error(`pack-test: ${filename} holds stray files, got ${stray.join(', ')}`);
  say(`packed ${filename}, ${files.length} files`);
  return `./${filename}`;
}

/** Type-checks the project as a user would: declarations included, no @types of ours. */
function typeCheck(module: string, moduleResolution: string): void {
  const compilerOptions = {
    target: 'ES2022',
    module,
    moduleResolution,
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    types: [],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  say(`types are right under moduleResolution ${moduleResolution}`);
}

try {
  await buildPackages();
  say('built');
  const tarballs = packageNames.map(pack);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  // Offline: the packages need each other and nothing else.
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs]);
  const installed = Object.keys(
    (JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as { packages: object }).packages,
  );
  if (installed.length !== packageNames.length + 1) {
    throw new Error(`pack-test: more was installed than the four packages, got ${installed.join(', ')}`);
  }
  say('installed');

  for (const name of packageNames) {
    run(process.execPath, ['--input-type=module', '--eval', `await import('@latent/${name}');`]);
  }
  say('imported by Node');

  writeFileSync(join(project, 'main.ts'), readFileSync(join(root, 'scripts', 'pack-test-program.ts'), 'utf8'));
  typeCheck('nodenext', 'nodenext');
  typeCheck('esnext', 'bundler');

  mkdirSync(join(project, 'out'));
  await build({
    absWorkingDir: project,
    entryPoints: ['main.ts'],
    outfile: join(project, 'out', 'main.mjs'),
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    logLevel: 'warning',
  });
  const output = run(process.execPath, [join(project, 'out', 'main.mjs')]).trim();
  if (output !== 'ok') throw new Error(`pack-test: the bundled program is wrong, got ${JSON.stringify(output)}`);
  say('bundled for the browser, and the bundle runs');
} finally {
  rmSync(project, { recursive: true, force: true });
}
