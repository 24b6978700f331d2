// Iterative imputation by ridge regression, the usual rival: every column from all others, round after round.
import type { Schema } from '@latent/tables';
import type { Row } from './data.ts';

const ROUNDS = 5;
const RIDGE = 1;

/** Numbers as they are, levels as columns of 0 and 1; regressed in turn until they settle. Levels go to the largest. */
export function iterativeRidge(schema: Schema<Row>, rows: readonly Row[]): Row[] {
  const seen = schema.columns.filter(({ kind }) => kind.role !== 'none');
  const groups: { name: string; levels: string[] | null; from: number; to: number; there: boolean[] }[] = [];
  let width = 0;
  for (const { name, kind } of seen) {
    const cells = rows.map((row) => row[name]);
    const there = cells.map((cell) => cell !== null && cell !== undefined && !kind.holes.includes(String(cell).trim()));
    const levels =
      kind.role === 'number' ? null : [...new Set(cells.filter((_, r) => there[r]).map(String))].slice(0, 60);
    groups.push({ name, levels, from: width, to: width + (levels?.length ?? 1), there });
    width += levels?.length ?? 1;
  }
  const n = rows.length;
  const x = new Float64Array(n * width);
  const scales: { mean: number; std: number }[] = [];
  for (const { name, levels, from, to, there } of groups) {
    for (let c = from; c < to; c++) {
      const cellIn = (r: number): number =>
        levels === null
          ? numberIn(schema, name, (rows[r] as Row)[name])
          : String((rows[r] as Row)[name]) === levels[c - from]
            ? 1
            : 0;
      let [count, sum, squares] = [0, 0, 0];
      for (let r = 0; r < n; r++) {
        if (!there[r]) continue;
        count++;
        sum += cellIn(r);
        squares += cellIn(r) ** 2;
      }
      const mean = sum / Math.max(1, count);
      const std = Math.sqrt(Math.max(1e-12, squares / Math.max(1, count) - mean * mean));
      scales.push({ mean, std });
      for (let r = 0; r < n; r++) x[r * width + c] = there[r] ? (cellIn(r) - mean) / std : 0;
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { from, to, there } of groups) {
      const holes = there.flatMap((known, r) => (known ? [] : [r]));
      if (holes.length === 0) continue;
      const others = Array.from({ length: width }, (_, c) => c).filter((c) => c < from || c >= to);
      const gram = new Float64Array(others.length * others.length);
      const right = Array.from({ length: to - from }, () => new Float64Array(others.length));
      for (let r = 0; r < n; r++) {
        if (!there[r]) continue;
        others.forEach((a, i) => {
          const value = x[r * width + a] as number;
          if (value === 0) return;
          for (let j = 0; j <= i; j++)
            gram[i * others.length + j] =
              (gram[i * others.length + j] as number) + value * (x[r * width + (others[j] as number)] as number);
          right.forEach((own, t) => {
            own[i] = (own[i] as number) + value * (x[r * width + from + t] as number);
          });
        });
      }
      const solved = solve(gram, right, others.length);
      for (const r of holes) {
        for (let t = 0; t < to - from; t++) {
          let sum = 0;
          others.forEach((c, i) => {
            sum += (x[r * width + c] as number) * ((solved[t] as Float64Array)[i] as number);
          });
          x[r * width + from + t] = sum;
        }
      }
    }
  }
  return rows.map((row, r) => {
    const filled: Row = { ...row };
    for (const { name, levels, from, to, there } of groups) {
      if (there[r]) continue;
      const values = Array.from({ length: to - from }, (_, t) => {
        const { mean, std } = scales[from + t] as { mean: number; std: number };
        return mean + std * (x[r * width + from + t] as number);
      });
      filled[name] = levels === null ? (values[0] as number) : (levels[values.indexOf(Math.max(...values))] ?? null);
    }
    return filled;
  });
}

function numberIn(schema: Schema<Row>, name: string, cell: unknown): number {
  return schema.column(name).kind.number?.(cell) ?? Number.NaN;
}

/** (G + λI)·w = b by Cholesky. */
function solve(lower: Float64Array, right: readonly Float64Array[], n: number): Float64Array[] {
  const l = lower.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = (l[i * n + j] as number) + (i === j ? RIDGE : 0);
      for (let k = 0; k < j; k++) sum -= (l[i * n + k] as number) * (l[j * n + k] as number);
      l[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-9)) : sum / (l[j * n + j] as number);
    }
  }
  return right.map((b) => {
    const w = b.slice();
    for (let i = 0; i < n; i++) {
      let sum = w[i] as number;
      for (let k = 0; k < i; k++) sum -= (l[i * n + k] as number) * (w[k] as number);
      w[i] = sum / (l[i * n + i] as number);
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = w[i] as number;
      for (let k = i + 1; k < n; k++) sum -= (l[k * n + i] as number) * (w[k] as number);
      w[i] = sum / (l[i * n + i] as number);
    }
    return w;
  });
}
