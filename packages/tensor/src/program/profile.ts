import { UsageError } from '../errors.ts';
import { observeCalls, perform } from '../kernels/execute.ts';
import { checkFunction } from '../ops/argument.ts';

/** What one kernel, at one size, took. */
export interface ProfileRow {
  readonly name: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Of matrix products; else null. */
  readonly gflops: number | null;
  /** Operands read and written once each, over the time. */
  readonly gigabytesPerSecond: number;
  /** Of all kernels' time, from 0 to 1. */
  readonly share: number;
}

/** Where the time of a step goes, kernel by kernel: what `profile` gives. */
export interface Profile {
  /** Longest first. */
  readonly rows: readonly ProfileRow[];
  readonly kernelMilliseconds: number;
  /** With what is not kernels: building the step, JavaScript of its own. */
  readonly totalMilliseconds: number;
  /** A table. */
  toString(): string;
}

/**
 * Runs `body` on one thread, every kernel call timed by itself: `console.log(String(profile(() => trainStep(x))))` shows
 * where a step's time goes. Calls of compiled functions are looked into; warm them up before.
 */
export function profile(body: () => void): Profile {
  checkFunction('profile', 'the function', body);
  const totals = new Map<string, { calls: number; milliseconds: number; flop: number; bytes: number }>();
  const before = observeCalls((call) => {
    const { kernel } = call;
    const started = performance.now();
    perform(call);
    const milliseconds = performance.now() - started;
    const name = kernel.label(call);
    const flop = kernel.flop?.(call) ?? 0;
    const bytes = kernel.extents(call).reduce((sum, { from, to }) => sum + to - from, 0);
    const known = totals.get(name) ?? { calls: 0, milliseconds: 0, flop: 0, bytes: 0 };
    totals.set(name, {
      calls: known.calls + 1,
      milliseconds: known.milliseconds + milliseconds,
      flop: known.flop + flop,
      bytes: known.bytes + bytes,
    });
  });
  const started = performance.now();
  try {
    body();
  } finally {
    observeCalls(before);
  }
  const totalMilliseconds = performance.now() - started;
  if (totals.size === 0) throw new UsageError('profile: no kernel was called');
  const kernelMilliseconds = [...totals.values()].reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = [...totals].map(([name, { calls, milliseconds, flop, bytes }]) => ({
    name,
    calls,
    milliseconds,
    gflops: flop === 0 ? null : flop / milliseconds / 1e6,
    gigabytesPerSecond: bytes / milliseconds / 1e6,
    share: milliseconds / kernelMilliseconds,
  }));
  rows.sort((a, b) => b.milliseconds - a.milliseconds);
  const result = { rows, kernelMilliseconds, totalMilliseconds };
  return { ...result, toString: () => table(result) };
}

function table({ rows, kernelMilliseconds, totalMilliseconds }: Omit<Profile, 'toString'>): string {
  const cells = [
    ['kernel', 'calls', 'ms', 'GFLOP/s', 'GB/s', 'share'],
    ...rows.map((row) => [
      row.name,
      String(row.calls),
      row.milliseconds.toFixed(3),
      row.gflops?.toFixed(1) ?? '',
      row.gigabytesPerSecond.toFixed(1),
      `${(100 * row.share).toFixed(1)} %`,
    ]),
    ['all kernels', '', kernelMilliseconds.toFixed(3), '', '', ''],
    ['with the rest', '', totalMilliseconds.toFixed(3), '', '', ''],
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}
