// `npm test` and `npm run pack-test`: run vitest and end with one line, `N passed, N failed`. Arguments go to vitest
// (`npm test -- tensor`).
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './packages.ts';
import { summaryLine, type TestCount } from './test-count.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-test-'));
const countFile = join(folder, 'count.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'test-count.ts')}`];
const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, LATENT_TEST_COUNT: countFile },
  stdio: 'inherit',
});
const code = await new Promise<number | null>((resolve) => child.on('close', resolve));

// A run that died before its end has written no count: that is one failure, never silence.
let count: TestCount = { passed: 0, failed: 1, skipped: 0 };
try {
  count = JSON.parse(readFileSync(countFile, 'utf8')) as TestCount;
} catch {
  console.error(`test: vitest ended without a result, got exit code ${code}`);
}
rmSync(folder, { recursive: true, force: true });
// A set-up that fails is nobody's test.
if (code !== 0 && count.failed === 0) count.failed = 1;
console.log(summaryLine(count));
process.exitCode = code === 0 && count.failed === 0 && count.passed > 0 ? 0 : 1;
