import type { KernelCall } from '../kernels/kernel.ts';
import type { Move } from './placed.ts';
import type { Loop } from './step.ts';

/** A call that is divided among threads. */
export interface SharedCall {
  /** What each thread does of it. */
  readonly parts: readonly (KernelCall | null)[];
  readonly moves: readonly Move[];
}

export interface SharedLoop {
  readonly loop: Loop;
  readonly body: readonly SharedStep[];
}

export type SharedStep = SharedCall | SharedLoop;

export function isSharedLoop(step: SharedStep): step is SharedLoop {
  return 'loop' in step;
}

interface Span {
  readonly begin: number;
  readonly end: number;
}

/** What a thread has touched since the threads last met. */
interface Touched {
  readonly reads: readonly Span[];
  readonly writes: readonly Span[];
}

const NOTHING: Touched = { reads: [], writes: [] };
/** After so many spans the threads meet, so that there are never many to compare. */
const MOST_SPANS = 64;

/**
 * Before which calls the threads must meet: where one is about to read or write what another wrote, or to write what
 * another read, since the last meeting. A loop's body is looked at as it is entered and as it is entered again.
 */
export function meetings(steps: readonly SharedStep[], threads: number): ReadonlySet<SharedCall> {
  const found = new Set<SharedCall>();
  const walk = (sequence: readonly SharedStep[], before: readonly Touched[]): readonly Touched[] => {
    let touched = before;
    for (const step of sequence) {
      if (!isSharedLoop(step)) {
        const next = step.parts.map((part) => (part === null ? NOTHING : spans(part, step.moves)));
        if (found.has(step) || clash(next, touched)) {
          found.add(step);
          touched = next;
        } else touched = next.map((mine, t) => joined(touched[t] as Touched, mine));
        continue;
      }
      // Meetings that the second turn needs make the first one's state smaller, so this ends.
      for (let known = -1; known !== found.size; ) {
        known = found.size;
        const after = walk(step.body, touched);
        walk(step.body, after);
      }
      const once = walk(step.body, touched);
      touched = once.map((mine, t) => joined(touched[t] as Touched, mine));
    }
    return touched;
  };
  walk(
    steps,
    Array.from({ length: threads }, () => NOTHING),
  );
  return found;
}

function spans(call: KernelCall, moves: readonly Move[]): Touched {
  const { kernel, pointers } = call;
  const outputs = kernel.outputs(call);
  // What a last vector reads past its operand is dropped, so it does not count. In a loop, all turns count.
  const all = kernel.extents(call).map(({ from, to }, i) => {
    let [begin, end] = [pointers[i]! + from, pointers[i]! + to];
    for (const { loop, bytes } of moves) {
      const way = bytes[i]! * Math.max(0, loop.turns - 1);
      if (way < 0) begin += way;
      else end += way;
    }
    return { begin, end };
  });
  return { writes: all.slice(0, outputs), reads: kernel.accumulates ? all : all.slice(outputs) };
}

function joined(before: Touched, more: Touched): Touched {
  if (more.reads.length === 0 && more.writes.length === 0) return before;
  return { reads: [...before.reads, ...more.reads], writes: [...before.writes, ...more.writes] };
}

function clash(next: readonly Touched[], touched: readonly Touched[]): boolean {
  return touched.some(
    (other, u) =>
      other.reads.length + other.writes.length > MOST_SPANS ||
      next.some(
        (mine, t) =>
          t !== u &&
          (meet(mine.reads, other.writes) || meet(mine.writes, other.writes) || meet(mine.writes, other.reads)),
      ),
  );
}

function meet(a: readonly Span[], b: readonly Span[]): boolean {
  for (const x of a) for (const y of b) if (x.begin < y.end && y.begin < x.end) return true;
  return false;
}
