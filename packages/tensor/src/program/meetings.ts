import type { KernelCall } from '../kernels/kernel.ts';

interface Span {
  readonly begin: number;
  readonly end: number;
}

/** What a thread has touched since the threads last met. */
interface Touched {
  reads: Span[];
  writes: Span[];
}

/**
 * Before which calls the threads must meet: where one is about to read or write what another wrote, or to write what
 * another read, since the last meeting. `parts[i][t]` is what thread t does of call i.
 */
export function meetings(parts: readonly (readonly (KernelCall | null)[])[], threads: number): boolean[] {
  const touched: Touched[] = Array.from({ length: threads }, () => ({ reads: [], writes: [] }));
  return parts.map((call) => {
    const next = call.map((part) => (part === null ? { reads: [], writes: [] } : spans(part)));
    const meet = next.some((mine, t) =>
      touched.some(
        (other, u) =>
          t !== u &&
          (clash(mine.reads, other.writes) || clash(mine.writes, other.writes) || clash(mine.writes, other.reads)),
      ),
    );
    next.forEach((mine, t) => {
      if (meet) touched[t] = { reads: [], writes: [] };
      touched[t].reads.push(...mine.reads);
      touched[t].writes.push(...mine.writes);
    });
    return meet;
  });
}

function spans(call: KernelCall): Touched {
  const { kernel, pointers } = call;
  const outputs = kernel.outputs(call);
  // What a last vector reads past its operand is dropped, so it does not count.
  const all = kernel.extents(call).map(({ from, to }, i) => ({ begin: pointers[i]! + from, end: pointers[i]! + to }));
  return { writes: all.slice(0, outputs), reads: kernel.accumulates ? all : all.slice(outputs) };
}

function clash(a: readonly Span[], b: readonly Span[]): boolean {
  return a.some((x) => b.some((y) => x.begin < y.end && y.begin < x.end));
}
