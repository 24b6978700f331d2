import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    name: 'onnxruntime',
    globalSetup: ['./setup.ts'],
    setupFiles: ['../../scripts/fail-on-output.ts'],
    include: ['./*.test.ts'],
    // Hundreds of sessions, one after the other; none of them has a limit that a busy machine would break.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
