import { isPlainObject, type Place, refuse } from '@latent/tensor';

/** How far out an encoder is shown rows, in half ranges of the training rows: for their scores, and for their codes. */
const REACH = { scores: 1, codes: 10 } as const;

/** Larger than any value on a model's scale that its likelihood can still tell from a larger one in single precision. */
export const FARTHEST = 1e12;

/** A range as JSON. */
export interface RangeConfig {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** Values outside these are far. */
interface Edges {
  readonly least: Float64Array;
  readonly most: Float64Array;
}

/**
 * The range of each column's training rows. An encoder learned nothing of what lies beyond it, and what it makes of such a
 * row may be anything: codes that spread without measure, or that fit better further out. So it is shown the row with far
 * values drawn in, while the likelihood is of the row as it is: the further out, the less likely. For scores, values are drawn
 * in to the range itself, so that all rows far out in one direction have one q(z | x), which gives a lower bound as any does;
 * for codes only beyond ten times the range.
 */
export class SeenRange {
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #edges = new Map<number, Edges>();

  private constructor(low: Float64Array, high: Float64Array) {
    this.#low = low;
    this.#high = high;
  }

  #edgesAt(reach: number): Edges {
    let edges = this.#edges.get(reach);
    if (edges === undefined) {
      const [low, high] = [this.#low, this.#high];
      const margin = low.map((least, c) => {
        const most = high[c] as number;
        const half = Math.max((most - least) / 2, 1e-6 * Math.max(Math.abs(least), Math.abs(most)), 1e-12);
        return (reach - 1) * half;
      });
      const moved = (of: Float64Array, sign: 1 | -1) => of.map((value, c) => value + sign * (margin[c] as number));
      edges = { least: moved(low, -1), most: moved(high, 1) };
      this.#edges.set(reach, edges);
    }
    return edges;
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
    return new SeenRange(new Float64Array(width).fill(-FARTHEST), new Float64Array(width).fill(FARTHEST));
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
    const { high } = config;
    if (config.low.some((least, c) => least > (high[c] as number))) {
      return refuse(at, 'a range whose low is nowhere above its high', config);
    }
    return new SeenRange(Float64Array.from(config.low), Float64Array.from(config.high));
  }

  /**
   * What `drawIn` does, as numbers: what an encoder sees is held between `least` and `most`, and values past `largest` that lie
   * outside of these are held there in the row itself.
   */
  limits(of: keyof typeof REACH): {
    readonly least: Float64Array;
    readonly most: Float64Array;
    readonly largest: number;
  } {
    const { least, most } = this.#edgesAt(REACH[of]);
    return { least: least.slice(), most: most.slice(), largest: FARTHEST };
  }

  /**
   * The rows with far values drawn in; null where none is far. Values past 10¹² are first held there, in place: single
   * precision could not square them.
   */
  drawIn(rows: Float32Array, of: keyof typeof REACH): Float32Array | null {
    const { least, most } = this.#edgesAt(REACH[of]);
    const width = least.length;
    let near: Float32Array | null = null;
    for (let i = 0, c = 0; i < rows.length; i++, c = c + 1 === width ? 0 : c + 1) {
      const value = rows[i] as number;
      const from = least[c] as number;
      const to = most[c] as number;
      if (!(value < from || value > to)) continue;
      if (Math.abs(value) > FARTHEST) rows[i] = Math.sign(value) * FARTHEST;
      near ??= rows.slice();
      near[i] = value < from ? from : to;
    }
    return near;
  }
}
