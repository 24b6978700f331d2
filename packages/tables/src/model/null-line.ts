import type { RowCode } from '../encode/row-code.ts';

/**
 * Nats per row of columns that know nothing of each other: a Gaussian for each number, shares for each category, learned from
 * one set of rows and measured on another, where holes count nothing.
 */
export function nullLoss(code: RowCode, learned: Float32Array, watched: Float32Array, minStd: number): number {
  const { width, numbers } = code;
  let total = 0;
  for (let c = 0; c < numbers; c++) {
    const { mean, variance } = momentsOf(learned, c, width);
    const v = Math.max(variance, minStd ** 2);
    for (let i = c; i < watched.length; i += width) {
      const x = watched[i] as number;
      if (!Number.isNaN(x)) total += 0.5 * (Math.log(2 * Math.PI * v) + (x - mean) ** 2 / v);
    }
  }
  for (const [from, to] of code.groups()) {
    const counts = new Float64Array(to - from).fill(0.5);
    for (let i = 0; i < learned.length; i += width) {
      for (let c = from; c < to; c++) if (learned[i + c] === 1) counts[c - from] = (counts[c - from] as number) + 1;
    }
    const all = counts.reduce((sum, n) => sum + n, 0);
    for (let i = 0; i < watched.length; i += width) {
      for (let c = from; c < to; c++) if (watched[i + c] === 1) total -= Math.log((counts[c - from] as number) / all);
    }
  }
  return total / Math.max(1, watched.length / width);
}

function momentsOf(rows: Float32Array, c: number, width: number): { mean: number; variance: number } {
  let [n, mean, squares] = [0, 0, 0];
  for (let i = c; i < rows.length; i += width) {
    const x = rows[i] as number;
    if (Number.isNaN(x)) continue;
    const before = mean;
    mean += (x - mean) / ++n;
    squares += (x - before) * (x - mean);
  }
  return { mean, variance: n === 0 ? 1 : squares / n };
}
