// Vitest set-up: a test that prints is a failed test, so that the log of a good run stays empty.
import { format } from 'node:util';
import { afterAll, afterEach } from 'vitest';

let printed: string[] = [];

/** Throws if something was printed since the last call; the message holds what it was. */
function failOnOutput(): void {
  if (printed.length === 0) return;
  const text = printed.join('\n');
  printed = [];
  throw new Error(`test: stray output, got ${JSON.stringify(text)}; expect it with vi.spyOn or remove it`);
}

for (const method of ['debug', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const) {
  console[method] = (...values: unknown[]): void => {
    printed.push(`console.${method}: ${format(...values)}`);
  };
}
for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = ((chunk: string | Uint8Array): boolean => {
    printed.push(`process.${name}: ${typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()}`);
    return true;
  }) as typeof process.stdout.write;
}

afterEach(failOnOutput);
// Output while a file is imported, or in its own afterAll, belongs to no test.
afterAll(failOnOutput);
