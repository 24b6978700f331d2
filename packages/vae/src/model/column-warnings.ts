import type { FlatRows } from '@latent/nn';
import type { Support } from '../reconstruction/likelihood.ts';

/** Columns that are named in one sentence, at most. */
const MOST_NAMED = 5;
/** A column whose spread, or whose distance from 0, is so many times what training copes with. */
const TOO_WIDE = 1000;

/** What is known of a column. */
interface Scale {
  readonly column: number;
  readonly std: number;
  readonly mean: number;
}

/** The scales of columns of these supports, from rows as they come by. */
export class ColumnScales {
  readonly #supports: readonly Support[];
  // Of each column: values, the first of them, and sums of differences from that.
  readonly #n: Float64Array;
  readonly #first: Float64Array;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;

  constructor(width: number, supports: readonly Support[]) {
    this.#supports = supports;
    this.#n = new Float64Array(width);
    this.#first = new Float64Array(width);
    this.#sums = new Float64Array(width);
    this.#squares = new Float64Array(width);
  }

  add({ values, count, width }: FlatRows): void {
    // What is bounded has its scale already.
    if (!this.#supports.some(({ unbounded }) => unbounded)) return;
    const [n, first, sums, squares] = [this.#n, this.#first, this.#sums, this.#squares];
    for (let r = 0, i = 0; r < count; r++) {
      for (let c = 0; c < width; c++, i++) {
        const value = values[i] as number;
        if (Number.isNaN(value)) continue;
        if (n[c] === 0) first[c] = value;
        const difference = value - (first[c] as number);
        n[c] = (n[c] as number) + 1;
        sums[c] = (sums[c] as number) + difference;
        squares[c] = (squares[c] as number) + difference ** 2;
      }
    }
  }

  /** Columns that do not vary, and the scales of those that do. */
  found(): { readonly constant: readonly number[]; readonly spreads: readonly Scale[] } {
    const constant: number[] = [];
    const spreads: Scale[] = [];
    this.#n.forEach((n, column) => {
      if (!this.#supports[column]?.unbounded || n < 2) return;
      const [sum, squares] = [this.#sums[column] as number, this.#squares[column] as number];
      if (squares === 0) constant.push(column);
      else {
        const std = Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2));
        spreads.push({ column, std, mean: (this.#first[column] as number) + sum / n });
      }
    });
    return { constant, spreads };
  }
}

/**
 * What a model will have trouble with, in sentences: columns that do not vary, where they are given a `density`, and columns
 * on scales that cannot be trained together, unless they were `scaled` by a transform.
 */
export function columnWarnings(
  scales: ColumnScales,
  { scaled, density }: { readonly scaled: boolean; readonly density: boolean },
): string[] {
  const { constant, spreads } = scales.found();
  const warnings: string[] = [];
  if (density && constant.length > 0) {
    warnings.push(
      `${named(constant)} ${constant.length === 1 ? 'has' : 'have'} one value in all rows; leave ${constant.length === 1 ? 'it' : 'them'} out, since a density of what never varies has no bound`,
    );
  }
  if (scaled || spreads.length === 0) return warnings;
  const narrow = spreads.reduce((a, b) => (a.std <= b.std ? a : b));
  const wide = spreads.filter(({ std }) => std > TOO_WIDE * narrow.std);
  const remedy = 'put columns on a common scale with transform: standardise()';
  if (wide.length > 0 && narrow.std > 0) {
    const widest = Math.max(...wide.map(({ std }) => std));
    const ratio = widest / narrow.std;
    const faint = spreads.filter(({ std }) => TOO_WIDE * std < widest);
    // Where most are wide, those that are not are the odd ones.
    if (faint.length < wide.length) {
      warnings.push(
        `${named(faint.map(({ column }) => column))} spread${faint.length === 1 ? 's' : ''} up to ${short(ratio)} times less than the others, so that training will hardly see ${faint.length === 1 ? 'it' : 'them'}; ${remedy}`,
      );
      return warnings;
    }
    warnings.push(
      `${named(wide.map(({ column }) => column))} spread${wide.length === 1 ? 's' : ''} up to ${short(ratio)} times as much as column ${narrow.column}; ${remedy}`,
    );
    return warnings;
  }
  const off = spreads.filter(({ std, mean }) => std > TOO_WIDE || Math.abs(mean) > TOO_WIDE);
  if (off.length > 0) {
    const { column, mean, std } = off[0] as (typeof off)[0];
    warnings.push(
      `${named(off.map((entry) => entry.column))} ${off.length === 1 ? 'is' : 'are'} far from the scale that models train on (column ${column}: mean ${short(mean)}, standard deviation ${short(std)}); ${remedy}`,
    );
  }
  return warnings;
}

function named(columns: readonly number[]): string {
  const list = columns.slice(0, MOST_NAMED).join(', ');
  const rest = columns.length - MOST_NAMED;
  return `${columns.length === 1 ? 'column' : 'columns'} ${list}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 });
}
