import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** How many tests ended in which way. */
export interface TestCount {
  passed: number;
  failed: number;
  skipped: number;
}

/** The summary that ends every test run, as in `12 passed, 0 failed`. */
export function summaryLine({ passed, failed, skipped }: TestCount): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Counts tests, and as failures also whatever fails outside a test: a broken import, a hook, an unhandled error. */
export function countTests(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): TestCount {
  const count: TestCount = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    const before = count.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') count.passed++;
      else if (state === 'failed') count.failed++;
      else count.skipped++;
    }
    if (module.state() === 'failed' && count.failed === before) count.failed++;
  }
  return count;
}

/** Vitest reporter that writes the count to the file named by `LATENT_TEST_COUNT`. */
export default class TestCountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env.LATENT_TEST_COUNT;
    if (file) writeFileSync(file, JSON.stringify(countTests(modules, unhandledErrors)));
  }
}
