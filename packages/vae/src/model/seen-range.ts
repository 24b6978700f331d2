import { isPlainObject, type Place, refuse } from '@latent/tensor';

/** Values beyond so many times the training rows' range are far. */
const REACH = 10;
/** Larger than any value on a model's scale that its likelihood can still tell from a larger one in single precision. */
const LARGEST = 1e12;

/** A range as JSON. */
export interface RangeConfig {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * The range of each column's training rows. An encoder learned nothing of what lies far beyond it, and what it makes of such
 * a row may be anything; so it is shown the row with each value drawn in to ten times the range, while the likelihood is of
 * the row as it is: the further out, the less likely.
 */
export class SeenRange {
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** Values below and above these are far. */
  readonly #least: Float64Array;
  readonly #most: Float64Array;

  private constructor(low: Float64Array, high: Float64Array, reach = REACH) {
    this.#low = low;
    this.#high = high;
    const edge = (sign: 1 | -1): Float64Array =>
      low.map((least, c) => {
        const most = high[c] as number;
        const half = Math.max((most - least) / 2, 1e-6 * Math.max(Math.abs(least), Math.abs(most)), 1e-12);
        return (least + most) / 2 + sign * reach * half;
      });
    this.#least = edge(-1);
    this.#most = edge(1);
  }

  /** Of training rows, end to end; with `before`, of those and the rows that it is the range of. */
  static of(rows: Float32Array, width: number, before: SeenRange | null = null): SeenRange {
    const low = before === null ? new Float64Array(width).fill(Infinity) : before.#low.slice();
    const high = before === null ? new Float64Array(width).fill(-Infinity) : before.#high.slice();
    for (let i = 0, c = 0; i < rows.length; i++, c = c + 1 === width ? 0 : c + 1) {
      const value = rows[i] as number;
      if (value < (low[c] as number)) low[c] = value;
      if (value > (high[c] as number)) high[c] = value;
    }
    // Of a column of holes alone every value is far; any range does.
    return new SeenRange(
      low.map((value) => (value === Infinity ? 0 : value)),
      high.map((value) => (value === -Infinity ? 0 : value)),
    );
  }

  /** Before any row was seen: nothing is drawn in, but for values that single precision could not square. */
  static unknown(width: number): SeenRange {
    return new SeenRange(new Float64Array(width).fill(-LARGEST), new Float64Array(width).fill(LARGEST), 1);
  }

  config(): RangeConfig {
    return { low: Array.from(this.#low), high: Array.from(this.#high) };
  }

  /** The range that `config()` described. */
  static fromConfig(config: unknown, width: number, at: Place): SeenRange {
    const numbers = (value: unknown): value is number[] =>
      Array.isArray(value) && value.length === width && value.every(Number.isFinite);
    if (!isPlainObject(config) || !numbers(config.low) || !numbers(config.high)) {
      return refuse(at, `the low and high of ${width} columns`, config);
    }
    return new SeenRange(Float64Array.from(config.low), Float64Array.from(config.high));
  }

  /**
   * The rows with far values drawn in; null where none is far. Values past 10¹² are first held there, in place: single
   * precision could not square them.
   */
  drawIn(rows: Float32Array): Float32Array | null {
    const [least, most] = [this.#least, this.#most];
    const width = least.length;
    let near: Float32Array | null = null;
    for (let i = 0, c = 0; i < rows.length; i++, c = c + 1 === width ? 0 : c + 1) {
      const value = rows[i] as number;
      const [from, to] = [least[c] as number, most[c] as number];
      if (!(value < from || value > to)) continue;
      if (Math.abs(value) > LARGEST) rows[i] = Math.sign(value) * LARGEST;
      near ??= rows.slice();
      near[i] = value < from ? from : to;
    }
    return near;
  }
}
