import { Rng, type Tensor, tensor } from '@latent/tensor';
import { type ReadRows, type RowCode, sliceRows } from '../encode/row-code.ts';
import { levelKey } from '../input/cell.ts';

/** Rows that it is learned from, at most; levels of a column that are told apart; places of a row. */
const MOST_ROWS = 5000;
const MOST_LEVELS = 60;
const MOST_PLACES = 300;
/** Rounds of expectation and maximisation. */
const ROUNDS = 8;
/** Rows that say that nothing hangs together. */
const RIDGE = 2;

/** How much of a filled cell each says: the autoencoder, the linear relations, the mean or the shares of the levels. */
export type Blend = readonly [network: number, linear: number, usual: number];

/** A column's places, and its levels in the order of its outcomes; null of numbers. */
export interface Span {
  readonly from: number;
  readonly size: number;
  readonly levels: ReadonlyMap<string, number> | null;
}

/**
 * What columns say of each other in straight lines: a Gaussian over standardised numbers, in their own unit, and levels as 0 and 1,
 * fitted to rows with holes by expectation and maximisation (Dempster, Laird & Rubin 1977; a ridge of two rows). Holes are filled by
 * their conditional mean. In closed form it knows what a network must learn from many rows.
 */
export class LinearFill {
  readonly width: number;
  readonly #spans: readonly (Span | null)[];
  readonly #mean: Float64Array;
  readonly #std: Float64Array;
  /** The inverse of the covariance: [width, width]. */
  readonly #precision: Float64Array;

  private constructor(spans: readonly (Span | null)[], mean: Float64Array, std: Float64Array, precision: Float64Array) {
    this.#spans = spans;
    this.width = mean.length;
    this.#mean = mean;
    this.#std = std;
    this.#precision = precision;
  }

  /** Whether rows have something to fill, and not too much. */
  static suits(code: RowCode): boolean {
    const width = widthOf(spansOf(code));
    return width > 0 && width <= MOST_PLACES;
  }

  /** Learns from rows, which come in parts. */
  static of(code: RowCode, parts: readonly ReadRows[], seed: number): LinearFill {
    const spans = spansOf(code);
    const width = widthOf(spans);
    const plain = new LinearFill(spans, new Float64Array(width), new Float64Array(width).fill(1), identity(width));
    const total = parts.reduce((sum, { count }) => sum + count, 0);
    const chosen = new Rng(seed + 5).permutation(total).subarray(0, MOST_ROWS);
    const placeOf = new Int32Array(total).fill(-1);
    chosen.forEach((r, i) => {
      placeOf[r] = i;
    });
    const some = new Float64Array(chosen.length * width);
    const counts = new Uint32Array(width);
    const [mean, squares] = [new Float64Array(width), new Float64Array(width)];
    let first = 0;
    for (const rows of blocksOf(parts)) {
      const placed = plain.place(rows);
      for (let r = 0; r < rows.count; r++) {
        const own = placed.subarray(r * width, (r + 1) * width);
        const place = placeOf[first + r] as number;
        if (place >= 0) some.set(own, place * width);
        for (let c = 0; c < width; c++) {
          const x = own[c] as number;
          if (Number.isNaN(x)) continue;
          const before = mean[c] as number;
          counts[c] = (counts[c] as number) + 1;
          mean[c] = before + (x - before) / (counts[c] as number);
          squares[c] = (squares[c] as number) + (x - before) * (x - (mean[c] as number));
        }
      }
      first += rows.count;
    }
    const std = mean.map((middle, c) => {
      const spread = Math.sqrt((squares[c] as number) / Math.max(1, counts[c] as number));
      return spread > 1e-9 * Math.max(1, Math.abs(middle)) ? spread : 1;
    });
    for (let i = 0; i < some.length; i++)
      some[i] = ((some[i] as number) - (mean[i % width] as number)) / (std[i % width] as number);
    return new LinearFill(spans, mean, std, learned(some, width));
  }

  /** Rows as this sees them, end to end, in their own units; NaN in holes. */
  place({ count, columns }: ReadRows): Float64Array {
    const { width } = this;
    const rows = new Float64Array(count * width);
    this.#spans.forEach((span, c) => {
      if (span === null) return;
      const { values } = columns[c] as ReadRows['columns'][number];
      const { from, size, levels } = span;
      for (let r = 0; r < count; r++) {
        const at = r * width + from;
        const cell = values[r];
        if (levels === null) rows[at] = cell as number;
        else if (cell === null || cell === undefined) rows.fill(Number.NaN, at, at + size);
        else {
          const level = levels.get(cell as string);
          if (level !== undefined) rows[at + level] = 1;
        }
      }
    });
    return rows;
  }

  /** Hides a cell of a placed row. */
  hide(rows: Float64Array, row: number, column: number): void {
    const span = this.#spans[column];
    if (span) rows.fill(Number.NaN, row * this.width + span.from, row * this.width + span.from + span.size);
  }

  /** A placed row with its holes filled, in the columns' own units. */
  filled(rows: Float64Array, row: number): Float64Array {
    const own = rows.slice(row * this.width, (row + 1) * this.width);
    for (let c = 0; c < own.length; c++)
      own[c] = ((own[c] as number) - (this.#mean[c] as number)) / (this.#std[c] as number);
    fill(own, this.#precision);
    for (let c = 0; c < own.length; c++)
      own[c] = (own[c] as number) * (this.#std[c] as number) + (this.#mean[c] as number);
    return own;
  }

  /** The number that a filled row has in a column, or that it has in the middle of all. */
  number(column: number, filled: Float64Array | null): number {
    return (filled ?? this.#mean)[this.#spans[column]?.from ?? 0] as number;
  }

  /** How likely each of a column's levels is, the last for all others. */
  shares(column: number, filled: Float64Array | null): Float64Array {
    const span = this.#spans[column] as Span;
    const shares = new Float64Array((span.levels?.size ?? 0) + 1);
    for (let k = 0; k < span.size; k++) shares[k] = Math.max(0, (filled ?? this.#mean)[span.from + k] as number);
    const total = shares.reduce((sum, share) => sum + share, 0);
    return total > 0 ? shares.map((share) => share / total) : shares.fill(1 / shares.length);
  }

  /** Whether it says anything of a column. */
  knows(column: number): boolean {
    return this.#spans[column] !== null;
  }

  /** What it knows: where columns are in a row, and of each place the mean and standard deviation, and the inverse covariance. */
  get parts(): {
    readonly spans: readonly (Span | null)[];
    readonly mean: Float64Array;
    readonly std: Float64Array;
    readonly precision: Float64Array;
  } {
    return { spans: this.#spans, mean: this.#mean, std: this.#std, precision: this.#precision };
  }

  save(): Readonly<Record<string, Tensor>> {
    const table = (values: Float64Array): Tensor => tensor(values, { dtype: 'f64' });
    return { mean: table(this.#mean), std: table(this.#std), precision: table(this.#precision) };
  }

  static load(
    code: RowCode,
    tensors: Readonly<Record<string, Tensor | undefined>>,
    fail: (what: string) => never,
  ): LinearFill {
    const spans = spansOf(code);
    const width = widthOf(spans);
    const of = (name: string, size: number): Float64Array => {
      const values = tensors[name]?.data ?? [];
      return values.length === size && Array.from(values).every(Number.isFinite)
        ? Float64Array.from(values)
        : fail('linear');
    };
    const std = of('std', width);
    const precision = of('precision', width * width);
    for (let c = 0; c < width; c++)
      if (!((std[c] as number) > 0) || !((precision[c * width + c] as number) > 0)) fail('linear');
    return new LinearFill(spans, of('mean', width), std, precision);
  }
}

/** Rows that are placed at a time. */
const BLOCK = 4096;

function* blocksOf(parts: readonly ReadRows[]): Generator<ReadRows> {
  for (const part of parts) {
    for (let from = 0; from < part.count; from += BLOCK) yield sliceRows(part, from, from + BLOCK);
  }
}

function spansOf({ columns }: RowCode): (Span | null)[] {
  let from = 0;
  return columns.map(({ code: { outcomes } }) => {
    if (outcomes === null) return null;
    const levels =
      outcomes.role === 'levels' ? new Map(outcomes.levels.map((level, k) => [levelKey(level), k] as const)) : null;
    if (levels !== null && levels.size > MOST_LEVELS) return null;
    const size = levels === null ? 1 : levels.size;
    if (size === 0) return null;
    const span = { from, size, levels };
    from += size;
    return span;
  });
}

function widthOf(spans: readonly (Span | null)[]): number {
  return spans.reduce((sum, span) => sum + (span?.size ?? 0), 0);
}

function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}

/** The precision of standardised rows with holes: each round fills them as the last one would, and counts how unsure it was. */
function learned(rows: Float64Array, width: number): Float64Array {
  const count = rows.length / width;
  let precision = identity(width);
  for (let round = 0; round < ROUNDS; round++) {
    const sum = new Float64Array(width * width);
    let whole = true;
    for (let r = 0; r < count; r++) {
      const own = rows.slice(r * width, (r + 1) * width);
      const unsure = fill(own, precision);
      if (unsure !== null) {
        whole = false;
        const { holes, covariance } = unsure;
        holes.forEach((a, i) => {
          holes.forEach((b, j) => {
            sum[a * width + b] = (sum[a * width + b] as number) + (covariance[i * holes.length + j] as number);
          });
        });
      }
      for (let a = 0; a < width; a++) {
        const x = own[a] as number;
        if (x === 0) continue;
        for (let b = 0; b < width; b++) sum[a * width + b] = (sum[a * width + b] as number) + x * (own[b] as number);
      }
    }
    for (let i = 0; i < sum.length; i++)
      sum[i] = ((sum[i] as number) + (i % (width + 1) === 0 ? RIDGE : 0)) / (count + RIDGE);
    precision = inverse(sum, width);
    if (whole) break;
  }
  return precision;
}

/** Fills the holes of a standardised row by their mean given the rest, −P_hh⁻¹·P_ho·x_o; their covariance is P_hh⁻¹. */
function fill(
  row: Float64Array,
  precision: Float64Array,
): { readonly holes: readonly number[]; readonly covariance: Float64Array } | null {
  const width = row.length;
  const holes: number[] = [];
  for (let c = 0; c < width; c++) if (Number.isNaN(row[c] as number)) holes.push(c);
  const n = holes.length;
  if (n === 0) return null;
  const block = new Float64Array(n * n);
  const right = new Float64Array(n);
  holes.forEach((a, i) => {
    holes.forEach((b, j) => {
      block[i * n + j] = precision[a * width + b] as number;
    });
    let sum = 0;
    for (let c = 0; c < width; c++) {
      const x = row[c] as number;
      if (!Number.isNaN(x)) sum -= (precision[a * width + c] as number) * x;
    }
    right[i] = sum;
  });
  const covariance = inverse(block, n);
  holes.forEach((c, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += (covariance[i * n + j] as number) * (right[j] as number);
    row[c] = sum;
  });
  return { holes, covariance };
}

/** The inverse of a positive definite matrix, by Cholesky. */
function inverse(matrix: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (l[i * n + k] as number) * (l[j * n + k] as number);
      l[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-9)) : sum / (l[j * n + j] as number);
    }
  }
  // L⁻¹, then L⁻ᵀ·L⁻¹.
  const m = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    m[j * n + j] = 1 / (l[j * n + j] as number);
    for (let i = j + 1; i < n; i++) {
      let sum = 0;
      for (let k = j; k < i; k++) sum -= (l[i * n + k] as number) * (m[k * n + j] as number);
      m[i * n + j] = sum / (l[i * n + i] as number);
    }
  }
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < n; k++) sum += (m[k * n + i] as number) * (m[k * n + j] as number);
      result[i * n + j] = sum;
      result[j * n + i] = sum;
    }
  }
  return result;
}

/** Whether a file's blends are shares, one for each column. */
export function checkBlends(blends: unknown, columns: number, fail: (what: string) => never): readonly Blend[] {
  const share = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
  const sound =
    Array.isArray(blends) &&
    blends.length === columns &&
    blends.every((blend) => Array.isArray(blend) && blend.length === 3 && blend.every(share));
  return sound ? (blends as unknown as readonly Blend[]) : fail('blends');
}
