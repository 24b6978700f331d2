import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { findPython, peerFile } from './programs.ts';

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
  let python: string;
  try {
    python = findPython();
  } catch (error) {
    console.log(`  pytorch  missing: ${(error as Error).message}`);
    return null;
  }
  const options = { encoding: 'utf8', input: JSON.stringify(input), maxBuffer: 1 << 28 } as const;
  const { stdout, stderr, status } = spawnSync(python, [peerFile(script), ...args], options);
  if (status !== 0) throw new Error(`${script}: PyTorch failed\n${stderr}`);
  return JSON.parse(stdout);
}
