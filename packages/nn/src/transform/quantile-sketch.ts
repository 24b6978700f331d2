import { refuse } from '@latent/tensor';
import { isList } from '../data/arrays.ts';

/** Different values that are counted one by one, before the sketch takes over. */
const MOST_COUNTED = 4096;
/** Values of one level. */
const LEVEL = 8192;

/** Values that stand for equally many, in the order in which they came. */
interface Level {
  readonly values: Float64Array;
  size: number;
  /** Whether the next to move up are those at odd places. */
  odd: boolean;
}

/** Values in rising order with how often each stands for, and the sum of that. */
export interface WeightedValues {
  readonly values: Float64Array;
  readonly weights: Float64Array;
  readonly total: number;
  /** Whether these are all values that were seen, each with its count. */
  readonly exact: boolean;
}

/**
 * The distribution of a stream of numbers in bounded memory. Up to 4,096 different values are counted exactly. Past that, full
 * levels of 8,192 values are sorted and every other value moves to the next level, where it stands for twice as many (Munro &
 * Paterson 1980; Manku, Rajagopalan & Lindsay 1998): the rank of a value is wrong by at most log₂(n/8192)/8192, 0.09 % for
 * a million values. What it holds depends on the values and their order alone, not on how they were cut into chunks.
 */
export class QuantileSketch {
  #counts: Map<number, number> | null = new Map();
  readonly #levels: Level[] = [];
  #total = 0;

  /** Values, none of them NaN. Where one is refused, none of them is added. */
  add(values: ArrayLike<number>): void {
    if (!isList(values)) refuse({ caller: 'QuantileSketch.add', path: 'values' }, 'an array of numbers', values);
    for (let i = 0; i < values.length; i++) {
      const value: unknown = values[i];
      if (typeof value === 'number' && !Number.isNaN(value)) continue;
      refuse({ caller: 'QuantileSketch.add', path: `values[${i}]` }, 'a number', value);
    }
    for (let i = 0; i < values.length; i++) this.#addOne((values[i] as number) + 0); // −0 is 0
  }

  /** Values seen. */
  get total(): number {
    return this.#total;
  }

  #addOne(value: number): void {
    this.#total++;
    if (this.#counts === null) {
      this.#push(0, value);
      return;
    }
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    if (this.#counts.size <= MOST_COUNTED) return;
    const counts = this.#counts;
    this.#counts = null;
    for (const [counted, count] of counts) {
      for (let level = 0, rest = count; rest > 0; level++, rest = Math.floor(rest / 2)) {
        if (rest % 2 === 1) this.#push(level, counted);
      }
    }
  }

  #push(level: number, value: number): void {
    while (this.#levels.length <= level) {
      this.#levels.push({ values: new Float64Array(LEVEL), size: 0, odd: false });
    }
    const own = this.#levels[level] as Level;
    own.values[own.size++] = value;
    if (own.size < LEVEL) return;
    own.values.sort();
    // The first or the second of each pair, in turns, so that errors cancel.
    const half = Float64Array.from({ length: LEVEL / 2 }, (_, i) => own.values[2 * i + (own.odd ? 1 : 0)] as number);
    own.odd = !own.odd;
    own.size = 0;
    for (const kept of half) this.#push(level + 1, kept);
  }

  /** What is known of the distribution. */
  distribution(): WeightedValues {
    const exact = this.#counts !== null;
    const pairs: [value: number, weight: number][] =
      this.#counts !== null
        ? [...this.#counts]
        : this.#levels.flatMap(({ values, size }, level) =>
            Array.from(values.subarray(0, size), (value): [number, number] => [value, 2 ** level]),
          );
    pairs.sort(([a], [b]) => a - b);
    const values: number[] = [];
    const weights: number[] = [];
    let last = -1;
    for (const [value, weight] of pairs) {
      if (last >= 0 && values[last] === value) weights[last] = (weights[last] as number) + weight;
      else {
        values.push(value);
        weights.push(weight);
        last++;
      }
    }
    return { values: Float64Array.from(values), weights: Float64Array.from(weights), total: this.#total, exact };
  }
}
