import { COLUMN, FULL, type Layout, ROW } from '../kernels/kernels.ts';
import { type KernelCall, outputsOf } from './call.ts';
import { nanoseconds } from './cost.ts';

/** A call shorter than this is not worth a meeting of the threads. */
const SHORTEST_NS = 1200;
/** Elements of a cache line: two threads should not write to the same one. */
const LINE = 16;

/** A part of a range of units. */
interface Range {
  readonly begin: number;
  readonly count: number;
}

/**
 * The part of `call` that thread `thread` of `threads` does; null when it has nothing to do. The parts write different
 * elements, and each element is computed as in the whole call, so the result has the same bits.
 */
export function part(
  call: KernelCall,
  thread: number,
  threads: number,
  shortest: number = SHORTEST_NS,
): KernelCall | null {
  if (threads === 1) return call;
  if (nanoseconds(call) < shortest) return thread === 0 ? call : null;
  const share = (units: number, granule = 1): Range => {
    const each = Math.ceil(units / granule / threads) * granule;
    const begin = Math.min(units, thread * each);
    return { begin, count: Math.min(units, begin + each) - begin };
  };
  const divided = divide(call, share, threads);
  return divided === 'whole' ? (thread === 0 ? call : null) : divided;
}

/** Moves each pointer on by so many elements. */
function moved(call: KernelCall, steps: readonly number[]): readonly number[] {
  const size = call.dtype === 'f32' ? 4 : 8;
  return call.pointers.map((pointer, i) => pointer + size * steps[i]);
}

function divide(
  call: KernelCall,
  share: (units: number, granule?: number) => Range,
  threads: number,
): KernelCall | null | 'whole' {
  const { pointers } = call;
  switch (call.kernel) {
    case 'map': {
      const { rows, cols, layouts } = call;
      const outputs = outputsOf(call);
      const flat = layouts.every((layout) => layout !== ROW && layout !== COLUMN);
      if (flat || rows < threads) {
        // As one row; a column vector of several rows cannot be cut between its rows.
        if (!flat && rows !== 1) return 'whole';
        const { begin, count } = share(rows * cols, LINE);
        const steps = pointers.map((_, i) => (i < outputs || varies(layouts[i - outputs], true) ? begin : 0));
        return count === 0 ? null : { ...call, rows: 1, cols: count, pointers: moved(call, steps) };
      }
      const { begin, count } = share(rows);
      const steps = pointers.map((_, i) => (i < outputs ? begin * cols : rowStep(layouts[i - outputs], begin, cols)));
      return count === 0 ? null : { ...call, rows: count, pointers: moved(call, steps) };
    }
    case 'reduce': {
      const { axis, rows, cols, layouts, line } = call;
      if (axis === 1) {
        if (rows < threads) return 'whole';
        const { begin, count } = share(rows);
        const steps = pointers.map((_, i) => (i === 0 ? begin : rowStep(layouts[i - 1], begin, cols)));
        return count === 0 ? null : { ...call, rows: count, pointers: moved(call, steps) };
      }
      if (cols < LINE * threads) return 'whole';
      const { begin, count } = share(cols, LINE);
      const steps = pointers.map((_, i) => (i === 0 || varies(layouts[i - 1], true) ? begin : 0));
      return count === 0 ? null : { ...call, cols: count, line, pointers: moved(call, steps) };
    }
    case 'matmul': {
      const { m, n, transA, transB, batch, lineA, lineB, lineC, strideA, strideB } = call;
      if (batch >= threads) {
        const { begin, count } = share(batch);
        const steps = [begin * m * lineC, begin * strideA, begin * strideB];
        return count === 0 ? null : { ...call, batch: count, pointers: moved(call, steps) };
      }
      if (batch > 1) return 'whole';
      // Along the longer side: every thread packs all of the other operand.
      if (n >= m) {
        const { begin, count } = share(n, LINE);
        const steps = [begin, 0, transB ? begin * lineB : begin];
        return count === 0 ? null : { ...call, n: count, pointers: moved(call, steps) };
      }
      const { begin, count } = share(m, 12);
      const steps = [begin * lineC, transA ? begin : begin * lineA, 0];
      return count === 0 ? null : { ...call, m: count, pointers: moved(call, steps) };
    }
    case 'copy': {
      const { shape, outStrides, inStrides } = call;
      const axis = shape.findIndex((n) => n >= threads);
      if (axis < 0) return 'whole';
      const { begin, count } = share(shape[axis]);
      const sizes = shape.map((n, d) => (d === axis ? count : n));
      const steps = [begin * outStrides[axis], begin * inStrides[axis]];
      return count === 0 ? null : { ...call, shape: sizes, pointers: moved(call, steps) };
    }
    case 'fill': {
      const { begin, count } = share(call.count, LINE);
      return count === 0 ? null : { ...call, count, pointers: moved(call, [begin]) };
    }
    case 'gatherRows': {
      const { begin, count } = share(call.count);
      return count === 0 ? null : { ...call, count, pointers: moved(call, [begin * call.width, 0, begin]) };
    }
    case 'cumulativeSum': {
      const { begin, count } = share(call.rows);
      const step = begin * call.cols;
      return count === 0 ? null : { ...call, rows: count, pointers: moved(call, [step, step]) };
    }
    case 'random': {
      const { begin, count } = share(call.count, LINE);
      // Two elements come of each block of the generator.
      return count === 0 ? null : { ...call, count, first: call.first + begin / 2, pointers: moved(call, [begin, 0]) };
    }
    case 'scatterAddRows':
      return 'whole'; // two rows may go to the same place
  }
}

function varies(layout: Layout, alongColumns: boolean): boolean {
  return (layout & (alongColumns ? ROW : COLUMN)) !== 0;
}

/** Elements from row 0 to row `begin`. */
function rowStep(layout: Layout, begin: number, cols: number): number {
  return layout === FULL ? begin * cols : layout === COLUMN ? begin : 0;
}
