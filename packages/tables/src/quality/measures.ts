/** A column of a table as quality sees it: numbers, or keys of levels, where '' is a hole. */
export type JudgedColumn =
  | { readonly name: string; readonly role: 'number'; readonly values: Float64Array }
  | { readonly name: string; readonly role: 'category'; readonly values: readonly string[] };

/** 1 − sup |F − G| of the values that are there. */
export function ksComplement(first: Float64Array, second: Float64Array): number {
  const there = (values: Float64Array): Float64Array => values.filter((value) => !Number.isNaN(value)).sort();
  const [a, b] = [there(first), there(second)];
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 1 : 0;
  let [i, j, most] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i] as number, b[j] as number);
    while (i < a.length && (a[i] as number) <= value) i++;
    while (j < b.length && (b[j] as number) <= value) j++;
    most = Math.max(most, Math.abs(i / a.length - j / b.length));
  }
  return 1 - most;
}

/** Shares of keys. */
function sharesOf(keys: readonly string[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const key of keys) shares.set(key, (shares.get(key) ?? 0) + 1 / keys.length);
  return shares;
}

/** 1 − ½ Σ |f − g|. */
export function tvComplement(first: readonly string[], second: readonly string[]): number {
  const [f, g] = [sharesOf(first), sharesOf(second)];
  let sum = 0;
  for (const [key, share] of f) sum += Math.abs(share - (g.get(key) ?? 0));
  for (const [key, share] of g) if (!f.has(key)) sum += share;
  return 1 - sum / 2;
}

/** Pearson's ρ of the rows where both are there; 0 where one does not vary. */
export function correlation(a: Float64Array, b: Float64Array): number {
  let [n, x, y] = [0, 0, 0];
  for (let r = 0; r < a.length; r++) {
    if (Number.isNaN(a[r]) || Number.isNaN(b[r])) continue;
    n++;
    x += a[r] as number;
    y += b[r] as number;
  }
  x /= Math.max(1, n);
  y /= Math.max(1, n);
  let [xx, yy, xy] = [0, 0, 0];
  for (let r = 0; r < a.length; r++) {
    if (Number.isNaN(a[r]) || Number.isNaN(b[r])) continue;
    const [u, v] = [(a[r] as number) - x, (b[r] as number) - y];
    xx += u * u;
    yy += v * v;
    xy += u * v;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

/** Ten bins of equal width over the real table's range. */
const BINS = 10;

/** Numbers as keys of bins, by the edges of `real`: those of another table would move with one of its rows. */
export function binned(column: JudgedColumn, real: JudgedColumn): readonly string[] {
  if (column.role === 'category' || real.role === 'category') return column.values as readonly string[];
  let [least, most] = [Infinity, -Infinity];
  for (const value of real.values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const width = (most - least) / BINS;
  return Array.from(column.values, (value) =>
    Number.isNaN(value)
      ? ''
      : String(width > 0 ? Math.min(BINS - 1, Math.max(0, Math.floor((value - least) / width))) : 0),
  );
}

/** Two columns of keys as one. */
export function joint(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.map((key, r) => `${key}\u0000${b[r]}`);
}

/** Cramér's V of two columns of keys: √(χ²/n/(min(rows, columns) − 1)). */
export function cramersV(a: readonly string[], b: readonly string[]): number {
  const [f, g] = [sharesOf(a), sharesOf(b)];
  const least = Math.min(f.size, g.size) - 1;
  if (least < 1) return 0;
  let chi = 0;
  let covered = 0;
  for (const [key, share] of sharesOf(joint(a, b))) {
    const [x, y] = key.split('\u0000') as [string, string];
    const expected = (f.get(x) as number) * (g.get(y) as number);
    chi += (share - expected) ** 2 / expected;
    covered += expected;
  }
  // Cells that do not occur miss all that was expected of them.
  return Math.sqrt((chi + Math.max(0, 1 - covered)) / least);
}
