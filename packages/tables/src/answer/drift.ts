import { noGrad } from '@latent/autograd';
import { Rng, step, tensor } from '@latent/tensor';
import { chiSquaredTail, logGamma } from '../calibrate/beta.ts';
import { holm } from '../calibrate/conformal.ts';
import type { CodedColumn } from '../encode/row-code.ts';
import { someRows } from '../model/some-rows.ts';
import type { TableState } from '../model/state.ts';
import type { AnyRow, ColumnDrift, ColumnName, DriftReport } from '../results.ts';

/** Families of tests that share α: scores, columns, holes, codes. */
const FAMILIES = 4;
/** A smaller change is no drift, however sure. */
const LEAST_EFFECT = 0.1;
/** Codes of each side, and permutations of both. */
const MOST_CODES = 1000;
const PERMUTATIONS = 200;

/** A test statistic and its p-value. */
interface Test {
  readonly statistic: number;
  readonly pValue: number;
}

/** Compares new rows with those that took no part in fitting. */
export function driftOf(
  state: TableState,
  coded: Float32Array,
  scores: Float32Array,
  alpha: number,
  seed: number,
  notes: readonly string[],
): DriftReport {
  const { code, reference } = state;
  const { width } = code;
  const level = alpha / FAMILIES;
  const scoreTest = kolmogorovSmirnov(Float64Array.from(reference.scores), Float64Array.from(scores));
  const found = code.columns.map((column) => columnTests(column, reference.rows, coded, width));
  const adjusted = holm(found.map(({ test }) => test.pValue));
  const adjustedHoles = holm(found.map(({ holes }) => holes.pValue));
  const columns = found.map(({ test, effect, effectOf, testOf, holes }, c): ColumnDrift => {
    const adjustedPValue = adjusted[c] as number;
    const holesPValue = adjustedHoles[c] as number;
    return {
      column: code.columns[c]?.name as ColumnName<AnyRow>,
      test: testOf,
      ...test,
      adjustedPValue,
      effect,
      effectOf,
      drift: adjustedPValue <= level && effect >= LEAST_EFFECT,
      holes: {
        ...holes,
        adjustedPValue: holesPValue,
        drift: holesPValue <= level && Math.abs(holes.now - holes.reference) >= LEAST_EFFECT / 2,
      },
    };
  });
  const codes = codesTest(state, coded, seed);
  const inScores = scoreTest.pValue <= level;
  const inCodes = codes.pValue <= level;
  return {
    drift: inScores || inCodes || columns.some(({ drift, holes }) => drift || holes.drift),
    rows: coded.length / width,
    referenceRows: reference.rows.length / width,
    alpha,
    scores: { ...scoreTest, drift: inScores },
    columns,
    codes: { ...codes, drift: inCodes },
    notes,
  };
}

/** A column of coded rows as numbers, or as places of levels; NaN in holes. */
function valuesOf({ at, code }: CodedColumn, coded: Float32Array, width: number): Float64Array {
  const { outcomes } = code;
  const count = coded.length / width;
  const result = new Float64Array(count).fill(Number.NaN);
  if (outcomes === null) return result;
  const levelIn = (start: number, size: number, r: number): number => {
    for (let l = 0; l < size; l++) if (coded[r * width + start + l] === 1) return l;
    return Number.NaN;
  };
  for (let r = 0; r < count; r++) {
    if (outcomes.role === 'levels') {
      result[r] = levelIn(at[outcomes.slot] as number, outcomes.levels.length + 1, r);
      continue;
    }
    const { atoms, levelSlot, numberSlot } = outcomes;
    if (levelSlot !== null) {
      const level = levelIn(at[levelSlot] as number, atoms.length + 1, r);
      if (Number.isNaN(level)) continue;
      if (level < atoms.length) {
        result[r] = atoms[level] as number;
        continue;
      }
    }
    if (numberSlot !== null) {
      const y = coded[r * width + (at[numberSlot] as number)] as number;
      if (!Number.isNaN(y)) result[r] = outcomes.inverse(Float64Array.of(y))[0] as number;
    }
  }
  return result;
}

function columnTests(column: CodedColumn, reference: Float32Array, coded: Float32Array, width: number) {
  const [before, now] = [valuesOf(column, reference, width), valuesOf(column, coded, width)];
  const [a, b] = [before, now].map((values) => values.filter((value) => !Number.isNaN(value))) as [
    Float64Array,
    Float64Array,
  ];
  const [gone, goneNow] = [before.length - a.length, now.length - b.length];
  const holes = {
    reference: gone / Math.max(1, before.length),
    now: goneNow / Math.max(1, now.length),
    pValue: fisher(gone, a.length, goneNow, b.length),
  };
  const none: Test = { statistic: 0, pValue: 1 };
  const empty = a.length === 0 || b.length === 0;
  if (column.code.outcomes?.role === 'numbers') {
    const test = empty ? none : kolmogorovSmirnov(a, b);
    const effect = empty ? 0 : wasserstein(a, b);
    return { test, effect, effectOf: 'wasserstein' as const, testOf: 'ks' as const, holes };
  }
  const levels = (column.code.outcomes?.levels.length ?? 0) + 1;
  const counts = [a, b].map((values) => {
    const own = new Float64Array(levels);
    for (const value of values) own[value] = (own[value] as number) + 1;
    return own;
  }) as [Float64Array, Float64Array];
  const test = empty ? none : chiSquared(...counts);
  const effect = empty ? 0 : totalVariation(...counts);
  return { test, effect, effectOf: 'totalVariation' as const, testOf: 'chiSquared' as const, holes };
}

/** Products of sizes up to which the distribution of the statistic is counted out. */
const EXACT = 10_000;

/**
 * The largest difference between two distribution functions (Smirnov 1939), with its exact p-value for small samples by counting
 * paths, else by Kolmogorov's limit. Ties make it conservative.
 */
export function kolmogorovSmirnov(first: Float64Array, second: Float64Array): Test {
  const [a, b] = [first.slice().sort(), second.slice().sort()];
  const [n, m] = [a.length, b.length];
  let [i, j, statistic] = [0, 0, 0];
  while (i < n && j < m) {
    const value = Math.min(a[i] as number, b[j] as number);
    while (i < n && (a[i] as number) <= value) i++;
    while (j < m && (b[j] as number) <= value) j++;
    statistic = Math.max(statistic, Math.abs(i / n - j / m));
  }
  if (n * m <= EXACT) return { statistic, pValue: pathsBeyond(n, m, statistic) };
  const root = Math.sqrt((n * m) / (n + m));
  return { statistic, pValue: kolmogorovTail(root * statistic) };
}

/** P(D ≥ d) of two samples without ties: the share of lattice paths that leave the band (Kim & Jennrich 1973). */
function pathsBeyond(n: number, m: number, statistic: number): number {
  if (statistic <= 0) return 1;
  const inside = (i: number, j: number): boolean => Math.abs(i / n - j / m) < statistic - 1e-12;
  // Shares of the paths to (i, j) that stay inside: each step weighted by how many paths come that way.
  let row = new Float64Array(m + 1);
  for (let j = 0; j <= m; j++) row[j] = inside(0, j) && (j === 0 || row[j - 1] !== 0) ? 1 : 0;
  for (let i = 1; i <= n; i++) {
    const next = new Float64Array(m + 1);
    for (let j = 0; j <= m; j++) {
      if (!inside(i, j)) continue;
      const above = ((row[j] as number) * i) / (i + j);
      const left = j === 0 ? 0 : ((next[j - 1] as number) * j) / (i + j);
      next[j] = above + left;
    }
    row = next;
  }
  return Math.min(1, Math.max(0, 1 - (row[m] as number)));
}

/** P(K > x) of Kolmogorov's distribution: 2 Σ (−1)^(k−1) e^(−2k²x²). */
function kolmogorovTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-17) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/** χ² of two rows of counts, cells of less than five expected put together. */
export function chiSquared(first: Float64Array, second: Float64Array): Test {
  const [n, m] = [first, second].map((counts) => counts.reduce((sum, c) => sum + c, 0)) as [number, number];
  const share = Math.min(n, m) / (n + m);
  const cells: [number, number][] = [];
  const pooled: [number, number] = [0, 0];
  first.forEach((count, i) => {
    const other = second[i] as number;
    if ((count + other) * share < 5) {
      pooled[0] += count;
      pooled[1] += other;
    } else cells.push([count, other]);
  });
  if (pooled[0] + pooled[1] > 0) cells.push(pooled);
  if (cells.length < 2) return { statistic: 0, pValue: 1 };
  let statistic = 0;
  for (const [x, y] of cells) {
    const [e, f] = [((x + y) * n) / (n + m), ((x + y) * m) / (n + m)];
    statistic += (x - e) ** 2 / e + (y - f) ** 2 / f;
  }
  return { statistic, pValue: chiSquaredTail(statistic, cells.length - 1) };
}

/** Fisher's exact test of a 2 × 2 table, both sides. */
export function fisher(a: number, b: number, c: number, d: number): number {
  const [row, column, n] = [a + b, a + c, a + b + c + d];
  if (row === 0 || c + d === 0 || column === 0 || b + d === 0) return 1;
  const logChoose = (x: number, k: number): number => logGamma(x + 1) - logGamma(k + 1) - logGamma(x - k + 1);
  const all = logChoose(n, column);
  const chance = (k: number): number => logChoose(row, k) + logChoose(n - row, column - k) - all;
  const own = chance(a);
  let total = 0;
  for (let k = Math.max(0, column - (n - row)); k <= Math.min(row, column); k++) {
    const p = chance(k);
    if (p <= own + 1e-9) total += Math.exp(p);
  }
  return Math.min(1, total);
}

/** ∫ |F⁻¹ − G⁻¹| by the standard deviation of the first sample. */
export function wasserstein(first: Float64Array, second: Float64Array): number {
  const [a, b] = [first.slice().sort(), second.slice().sort()];
  let [i, j, at, sum] = [0, 0, 0, 0];
  while (i < a.length && j < b.length) {
    const next = Math.min((i + 1) / a.length, (j + 1) / b.length);
    sum += (next - at) * Math.abs((a[i] as number) - (b[j] as number));
    if ((i + 1) / a.length <= next + 1e-15) i++;
    if ((j + 1) / b.length <= next + 1e-15) j++;
    at = next;
  }
  const mean = a.reduce((total, x) => total + x, 0) / a.length;
  const std = Math.sqrt(a.reduce((total, x) => total + (x - mean) ** 2, 0) / a.length);
  return sum === 0 ? 0 : std > 0 ? sum / std : Infinity;
}

function totalVariation(first: Float64Array, second: Float64Array): number {
  const [n, m] = [first, second].map((counts) => counts.reduce((sum, c) => sum + c, 0)) as [number, number];
  return 0.5 * first.reduce((sum, count, i) => sum + Math.abs(count / n - (second[i] as number) / m), 0);
}

/** Maximum mean discrepancy of codes (Gretton et al. 2012), Gaussian kernel of median width, by permutations. */
function codesTest(
  { members, reference, code }: TableState,
  coded: Float32Array,
  seed: number,
): { readonly mmd2: number; readonly pValue: number } {
  const [member] = members;
  if (member === undefined) return { mmd2: 0, pValue: 1 };
  const few = (rows: Float32Array): Float32Array =>
    member.codesOf(someRows(rows, code.width, MOST_CODES, seed).rows).mean;
  const { latentSize } = member.options;
  const [a, b] = [few(reference.rows), few(coded)];
  const [n, m] = [a.length / latentSize, b.length / latentSize];
  if (n < 2 || m < 2) return { mmd2: 0, pValue: 1 };
  const all = new Float32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return mmdTest(all, n, m, latentSize, seed);
}

/** The U-statistic of the squared discrepancy of the first n and the last m rows, and the share of permutations that reach it. */
export function mmdTest(
  rows: Float32Array,
  n: number,
  m: number,
  width: number,
  seed: number,
): { mmd2: number; pValue: number } {
  const size = n + m;
  const squares = new Float32Array(size * size);
  const some: number[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let l = 0; l < width; l++) sum += ((rows[i * width + l] as number) - (rows[j * width + l] as number)) ** 2;
      squares[i * size + j] = sum;
      squares[j * size + i] = sum;
      if ((i * 31 + j * 17) % 101 === 0) some.push(sum);
    }
  }
  some.sort((x, y) => x - y);
  const bandwidth = some[some.length >> 1] || 1;
  for (let i = 0; i < squares.length; i++) squares[i] = Math.exp(-(squares[i] as number) / bandwidth);
  for (let i = 0; i < size; i++) squares[i * size + i] = 0;
  // Each column says which rows are on the first side; the first column as they came.
  const sides = new Float32Array(size * (PERMUTATIONS + 1));
  const rng = new Rng(seed);
  for (let p = 0; p <= PERMUTATIONS; p++) {
    const order = p === 0 ? Uint32Array.from({ length: size }, (_, i) => i) : rng.permutation(size);
    for (let i = 0; i < n; i++) sides[(order[i] as number) * (PERMUTATIONS + 1) + p] = 1;
  }
  const kernel = tensor(squares, { shape: [size, size] });
  const sums = noGrad(() => step(() => kernel.matmul(tensor(sides, { shape: [size, PERMUTATIONS + 1] })))).data;
  const statistic = (p: number): number => {
    let [within, across, rest] = [0, 0, 0];
    for (let i = 0; i < size; i++) {
      const toFirst = sums[i * (PERMUTATIONS + 1) + p] as number;
      const total = totals[i] as number;
      if (sides[i * (PERMUTATIONS + 1) + p] === 1) {
        within += toFirst;
        across += total - toFirst;
      } else rest += total - toFirst;
    }
    return within / (n * (n - 1)) + rest / (m * (m - 1)) - (2 * across) / (n * m);
  };
  const totals = Float64Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += squares[i * size + j] as number;
    return sum;
  });
  const mmd2 = statistic(0);
  let atLeast = 0;
  for (let p = 1; p <= PERMUTATIONS; p++) if (statistic(p) >= mmd2) atLeast++;
  return { mmd2, pValue: (1 + atLeast) / (PERMUTATIONS + 1) };
}
