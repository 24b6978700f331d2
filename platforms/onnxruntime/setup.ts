// Before the tests: installs the runtimes that the lock file here names, once for each state of it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

export default function setup(): void {
  const lock = readFileSync(`${here}package-lock.json`, 'utf8');
  const installed = `${here}node_modules/.installed-lock.json`;
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock) return;
  console.log('installing the runtimes that exported files are run in (once; it takes a minute) …');
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    // The package's own script would fetch libraries for graphics cards; what runs on processors is in it already.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (status !== 0) throw new Error(`setup: npm ci failed: ${stderr}`);
  writeFileSync(installed, lock);
}
