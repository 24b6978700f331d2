// The gates themselves: a gate that lets everything through looks just like a clean repository.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFolder, packages, root } from './packages.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latent-gates-'));
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  writeFileSync(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "strict": true }, "include": ["*.ts"] }');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Exit code and everything printed by a tool of node_modules, run in the temporary folder. */
function run(tool: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

test('the linter refuses any', () => {
  writeFileSync(join(folder, 'any.ts'), 'export function f(x: any): unknown {\n  return x;\n}\n');
  const config = `--config-path=${root}`;
  const { status, output } = run('@biomejs/biome/bin/biome', 'lint', config, '--vcs-enabled=false', 'any.ts');
  expect(output).toContain('lint/suspicious/noExplicitAny');
  expect(status).not.toBe(0);
});

test('the linter refuses a floating promise', () => {
  writeFileSync(
    join(folder, 'promise.ts'),
    'class Model {\n  async fit(): Promise<void> {}\n}\nnew Model().fit();\nexport const done = new Model().fit();\n',
  );
  const { status, output } = run('oxlint/bin/oxlint', 'promise.ts');
  expect(output.match(/no-floating-promises/g)).toHaveLength(1);
  expect(status).not.toBe(0);
});

test('a test that prints fails, and so does one outside any test', () => {
  const vitest = join(root, 'node_modules', 'vitest', 'dist', 'index.js');
  const use = `import { test } from ${JSON.stringify(vitest)};\n`;
  writeFileSync(
    join(folder, 'print.test.ts'),
    `${use}test('log', () => console.log('one'));\ntest('write', () => void process.stdout.write('two'));\ntest('quiet', () => {});\n`,
  );
  const config = { test: { setupFiles: [join(root, 'scripts', 'fail-on-output.ts')], include: ['*.test.ts'] } };
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)};\n`);
  const { status, output } = run('vitest/vitest.mjs', 'run', '--no-color');
  expect(output).toContain('console.log: one');
  expect(output).toContain('process.stdout: two');
  expect(output).toMatch(/2 failed \| 1 passed/);
  expect(status).toBe(1);
});

test.each(['.', 'bench/peers', 'platforms/onnxruntime', 'platforms/packed'])(
  'the lock file in %s holds the packages of every platform and names no registry',
  (folder) => {
    // Without the first, `npm ci` refuses the lock file; npm drops entries that the registry at hand does not have.
    type Entry = { link?: boolean; resolved?: string; optionalDependencies?: Record<string, string> };
    const { packages } = JSON.parse(readFileSync(join(root, folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, Entry>;
    };
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      ),
    );
    expect(missing).toEqual([]);
    const resolved = Object.values(packages).filter((entry) => entry.resolved && !entry.link);
    expect(resolved.map((entry) => entry.resolved)).toEqual([]);
    expect(readFileSync(join(root, folder, '.npmrc'), 'utf8')).toContain('omit-lockfile-registry-resolved=true');
  },
);

test('packing a folder as it stands is refused, since sources are not in the tarball', () => {
  for (const { folder } of packages) {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const { status, stdout, stderr } = spawnSync(npm, ['pack', '--dry-run'], {
      cwd: packageFolder(folder),
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    expect(stdout + stderr).toContain('npm run pack');
    expect(status).not.toBe(0);
  }
});
