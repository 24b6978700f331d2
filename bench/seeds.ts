import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The figures of some seeds, on a line. */
export function report(name: string, figures: readonly number[], digits = 5): void {
  const list = figures.map((value) => value.toPrecision(digits)).join('  ');
  console.log(
    `  ${name.padEnd(8)} ${list}   mean ${mean(figures).toPrecision(digits)}, standard deviation ${spread(figures).toPrecision(2)}`,
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b) / values.length;
}

/** The standard deviation of the seeds, from theirs. */
export function spread(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** The folder of the digits' files. */
export function digitsFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('mnist/src/digits/0.json'));
}

/** What a script of `peers` answers in JSON; null, and a line that says so, without PyTorch. */
export function onPytorch(script: string, args: readonly string[], input: unknown = null): unknown {
  const python = ['python3', '/usr/bin/python3'].find(
    (name) => spawnSync(name, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
  );
  if (python === undefined) {
    console.log('  pytorch  missing: no Python with torch (on Debian: apt-get install python3-torch)');
    return null;
  }
  const path = fileURLToPath(new URL(`./peers/${script}`, import.meta.url));
  const options = { encoding: 'utf8', input: JSON.stringify(input), maxBuffer: 1 << 28 } as const;
  const { stdout, stderr, status } = spawnSync(python, [path, ...args], options);
  if (status !== 0) throw new Error(`${script}: PyTorch failed\n${stderr}`);
  return JSON.parse(stdout);
}
