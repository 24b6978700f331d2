import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { findPython, peerFile } from './programs.ts';

/** What is asked of a program that trains here and on PyTorch: part of a name, epochs, seeds; null where it was help. */
export function asked(help: string): { readonly only: string; readonly epochs: number; readonly seeds: number } | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      epochs: { type: 'string', default: '10' },
      seeds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return null;
  }
  return { only: values.only, epochs: Number(values.epochs), seeds: Number(values.seeds) };
}

/** Trains here with each seed and by a script of `peers` with the same request, on one thread each, and prints both. */
export async function besidePytorch(
  ours: (seed: number) => Promise<number>,
  [script, ...args]: readonly [string, ...string[]],
  request: { readonly seeds: number; readonly [name: string]: unknown },
): Promise<void> {
  const figures: number[] = [];
  for (let seed = 0; seed < request.seeds; seed++) figures.push(await ours(seed));
  report('latent', figures);
  const theirs = onPytorch(script, args, { ...request, threads: 1 }) as readonly number[] | null;
  if (theirs === null) return;
  report('pytorch', theirs);
  const gap = mean(figures) - mean(theirs);
  console.log(`  difference ${gap.toPrecision(2)}; deviation of PyTorch's seeds ${spread(theirs).toPrecision(2)}`);
}

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
