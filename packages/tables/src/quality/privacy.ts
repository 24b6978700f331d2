import { Rng } from '@latent/tensor';
import type { QualityReport } from '../results.ts';
import type { JudgedColumn } from './measures.ts';

/** Synthetic rows that are measured, at most. */
const MOST_ROWS = 2000;
/** Real and held-out rows that they are measured against, at most. */
const MOST_OTHERS = 10_000;

/** A row as distances see it: numbers over their range, and codes of levels. */
interface Placed {
  readonly numbers: Float32Array;
  readonly levels: Int32Array;
  readonly count: number;
  readonly wide: number;
  readonly kinds: number;
}

/** Copies of real rows, and how near synthetic rows come to them beside rows that were held out. */
export function privacyOf(
  real: readonly JudgedColumn[],
  made: readonly JudgedColumn[],
  held: readonly JudgedColumn[],
  seed: number,
): QualityReport['privacy'] {
  const keys = new Set(rowKeys(real));
  const copies = (columns: readonly JudgedColumn[]): number => rowKeys(columns).filter((key) => keys.has(key)).length;
  const rng = new Rng(seed + 2);
  const sizeOf = (columns: readonly JudgedColumn[]): number => columns[0]?.values.length ?? 0;
  const others = Math.min(sizeOf(held), sizeOf(real), MOST_OTHERS);
  const some = (columns: readonly JudgedColumn[], most: number): Placed =>
    placed(columns, rng.permutation(sizeOf(columns)).subarray(0, most), real, levels);
  const levels = real.map((column, c) => {
    const known = new Map<string, number>();
    if (column.role === 'category') {
      for (const table of [real, made, held]) {
        for (const key of (table[c]?.values ?? []) as readonly string[])
          if (!known.has(key)) known.set(key, known.size);
      }
    }
    return known;
  });
  const asked = some(made, MOST_ROWS);
  const [near, outside] = [some(real, others), some(held, others)];
  const [toReal, toHeld] = [closest(asked, near), closest(asked, outside)];
  let nearer = 0;
  toReal.forEach((d, r) => {
    const other = toHeld[r] as number;
    nearer += d < other ? 1 : d === other ? 0.5 : 0;
  });
  const quantile = (values: Float64Array): number => values.slice().sort()[Math.floor(0.05 * values.length)] ?? 0;
  return {
    copies: copies(made),
    holdoutCopies: copies(held),
    nearerShare: nearer / Math.max(1, toReal.length),
    distance: { synthetic: quantile(toReal), holdout: quantile(closest(some(held, MOST_ROWS), near)) },
  };
}

function rowKeys(columns: readonly JudgedColumn[]): string[] {
  return Array.from({ length: columns[0]?.values.length ?? 0 }, (_, r) =>
    columns.map(({ values }) => String(values[r])).join('\u0000'),
  );
}

function placed(
  columns: readonly JudgedColumn[],
  rows: ArrayLike<number>,
  real: readonly JudgedColumn[],
  levels: readonly ReadonlyMap<string, number>[],
): Placed {
  const count = rows.length;
  const wide = real.filter(({ role }) => role === 'number').length;
  const kinds = real.length - wide;
  const numbers = new Float32Array(count * wide);
  const codes = new Int32Array(count * kinds);
  let [number, level] = [0, 0];
  columns.forEach((column, c) => {
    if (column.role === 'number') {
      const own = (real[c] as JudgedColumn).values as Float64Array;
      let [least, most] = [Infinity, -Infinity];
      for (const value of own) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      const range = most > least ? most - least : 1;
      for (let r = 0; r < count; r++) {
        const value = column.values[rows[r] as number] as number;
        // A hole is as far from all values as they are from each other at most.
        numbers[r * wide + number] = Number.isNaN(value) ? 2 : (value - least) / range;
      }
      number++;
    } else {
      for (let r = 0; r < count; r++) {
        codes[r * kinds + level] = levels[c]?.get(column.values[rows[r] as number] as string) ?? -1;
      }
      level++;
    }
  });
  return { numbers, levels: codes, count, wide, kinds };
}

/** The distance of each row to the closest of others. */
function closest(rows: Placed, others: Placed): Float64Array {
  const { wide, kinds } = rows;
  return Float64Array.from({ length: rows.count }, (_, r) => {
    let best = Infinity;
    for (let o = 0; o < others.count; o++) {
      let d = 0;
      for (let c = 0; c < kinds; c++) if (rows.levels[r * kinds + c] !== others.levels[o * kinds + c]) d++;
      for (let c = 0; c < wide && d < best; c++) {
        d += Math.abs((rows.numbers[r * wide + c] as number) - (others.numbers[o * wide + c] as number));
      }
      if (d < best) best = d;
    }
    return best;
  });
}
