import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    name: 'packed',
    globalSetup: ['./setup.ts'],
    setupFiles: ['../../scripts/fail-on-output.ts'],
    include: ['./*.test.ts'],
    // Each test starts whole programs; none of them has a limit that a busy machine would break.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
