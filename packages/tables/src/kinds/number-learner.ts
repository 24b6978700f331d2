import {
  chain,
  type FittedConfig,
  type FittedTransform,
  fitRows,
  log,
  QuantileSketch,
  type Transform,
} from '@latent/nn';
import { isPlainObject } from '@latent/tensor';
import { decimalsOf } from '../input/cell.ts';
import type { ColumnLearner, Encoding, ReadCells } from './column-kind.ts';

/** What is learned of a column of numbers. */
export interface LearnedNumbers {
  /** Values that are drawn as such, with how often each occurred. */
  readonly atoms: readonly (readonly [value: number, count: number])[];
  /** How often a value was none of the atoms. */
  readonly others: number;
  /** The other values' scale; null where there are none. */
  readonly scale: FittedConfig | null;
  /** Values that come back, where few recur often: a drawn number becomes the nearest. */
  readonly recurring: readonly number[];
  /** The least value in the scale's domain; values below it go on from there. */
  readonly smallest: number;
  readonly least: number;
  readonly most: number;
  /** Digits after the point; null where values have all that a double has. */
  readonly decimals: number | null;
  /** Whether cells were text. */
  readonly text: boolean;
}

/** Digits past which a number was computed, not written. */
export const MOST_DECIMALS = 12;
/** Of a column whose values recur at least so often on average, and of at most so many, drawn numbers are such values. */
const RECURRENCE = 5;
const MOST_RECURRING = 1000;

/**
 * How a number is on its way to a scale: as it is, or by its logarithm, which for values below those that were seen goes on
 * as a straight line, so that every number has a place.
 */
export interface NumberScale {
  /** Values of its domain are above this. */
  readonly above: number;
  readonly transform: (numbers: Transform) => Transform;
  /** Into the domain of the transform, given the least value of it that was seen. */
  inside(value: number, least: number): number;
}

export const linearScale: NumberScale = {
  above: -Infinity,
  transform: (numbers) => numbers,
  inside: (value) => value,
};

/** Where the straight line below a domain ends: exponents that are less, and what then has a logarithm still. */
export const LINE_END = { exponent: -600, least: 2 ** -1022 } as const;
/** That of counts: beyond it 1 + x has few digits left. */
export const COUNT_LINE_END = -20;

export const logScale: NumberScale = {
  above: 0,
  transform: (numbers) => chain(log(), numbers),
  inside: (value, least) =>
    value >= least ? value : Math.max(LINE_END.least, least * Math.exp(Math.max(LINE_END.exponent, value / least - 1))),
};

/** Of counts: log(1 + x), and below 0 a straight line to its end. */
export const log1pScale: NumberScale = {
  above: -1,
  transform: (numbers) => chain(log({ offset: 1 }), numbers),
  inside: (value) => (value >= 0 ? value : Math.expm1(Math.max(COUNT_LINE_END, value))),
};

/** Learns the scale of numbers; `atoms` of them are values apart. */
export class NumberLearner implements ColumnLearner {
  readonly #atoms: Map<number, number>;
  readonly #scale: NumberScale;
  readonly #encoding: Encoding;
  readonly #sketch = new QuantileSketch();
  #others = 0;
  #least = Infinity;
  #most = -Infinity;
  #decimals = 0;
  #texts = 0;
  #seen = 0;

  constructor(atoms: readonly number[], scale: NumberScale, encoding: Encoding) {
    this.#atoms = new Map(atoms.map((value) => [value, 0]));
    this.#scale = scale;
    this.#encoding = encoding;
  }

  add({ values, cells }: ReadCells): void {
    const others: number[] = [];
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (Number.isNaN(value)) continue;
      this.#seen++;
      if (typeof cells[i] === 'string') this.#texts++;
      if (value < this.#least) this.#least = value;
      if (value > this.#most) this.#most = value;
      if (this.#decimals <= MOST_DECIMALS) this.#decimals = Math.max(this.#decimals, decimalsOf(value));
      const count = this.#atoms.get(value);
      if (count !== undefined) this.#atoms.set(value, count + 1);
      else others.push(value);
    }
    this.#others += others.length;
    this.#sketch.add(others);
  }

  again(): boolean {
    return false;
  }

  learned(): LearnedNumbers {
    const { values, weights, exact } = this.#sketch.distribution();
    const discrete = exact && values.length + this.#atoms.size <= this.#encoding.discrete;
    const recurs = exact && values.length <= MOST_RECURRING && this.#others >= RECURRENCE * values.length;
    const smallest = values.find((value) => value > this.#scale.above) ?? 1;
    const inside = values.map((value) => this.#scale.inside(value, smallest));
    const spec = this.#scale.transform(this.#encoding.numbers);
    const apart: [number, number][] = [...this.#atoms];
    for (let i = 0; discrete && i < values.length; i++) apart.push([values[i] as number, weights[i] as number]);
    return {
      atoms: apart.sort(([a], [b]) => a - b),
      others: discrete ? 0 : this.#others,
      scale: discrete || values.length === 0 ? null : fitWeighted(spec, inside, weights).config(),
      recurring: recurs && !discrete ? Array.from(values) : [],
      smallest,
      least: this.#seen === 0 ? 0 : this.#least,
      most: this.#seen === 0 ? 0 : this.#most,
      decimals: this.#decimals > MOST_DECIMALS ? null : this.#decimals,
      text: this.#texts > this.#seen / 2,
    };
  }
}

/** Rows that a weighted sample is written out as, at most. */
const MOST_ROWS = 200_000;

/** Learns a transform from values that each stand for several. */
function fitWeighted(spec: Transform, values: Float64Array, weights: Float64Array): FittedTransform {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const share = Math.min(1, MOST_ROWS / total);
  const rows = new Float64Array(Math.max(1, Math.round(total * share)));
  // Each value as often as its weight says, by the middles of equal shares of the whole.
  let [at, below] = [0, 0];
  for (let i = 0; i < rows.length; i++) {
    const place = ((i + 0.5) / rows.length) * total;
    while (at < values.length - 1 && below + (weights[at] as number) < place) below += weights[at++] as number;
    rows[i] = values[at] as number;
  }
  return fitRows(spec, { values: rows, count: rows.length, width: 1 });
}

/** Checks what a file says of a column of numbers. */
export function checkLearned(learned: unknown, fail: (problem: string) => never): LearnedNumbers {
  if (!isPlainObject(learned)) return fail('has no numbers');
  const { atoms, others, scale, recurring, smallest, least, most, decimals, text } = learned;
  const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
  const sound =
    Array.isArray(atoms) &&
    atoms.every((atom) => Array.isArray(atom) && atom.length === 2 && atom.every(finite)) &&
    (scale === null || isPlainObject(scale)) &&
    Array.isArray(recurring) &&
    recurring.every(finite) &&
    finite(others) &&
    finite(smallest) &&
    finite(least) &&
    finite(most) &&
    (decimals === null || (Number.isInteger(decimals) && (decimals as number) >= 0)) &&
    typeof text === 'boolean';
  return sound ? (learned as unknown as LearnedNumbers) : fail('has numbers that do not belong together');
}
