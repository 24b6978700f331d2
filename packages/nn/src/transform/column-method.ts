import { optional, real } from '@latent/tensor';

/** What a method learned of a column: plain numbers, as the file has them. */
export type ColumnNumbers = readonly number[];

/** Learning from a column's values, none of them missing, as they come by, in as many passes as it takes. */
export interface ColumnFit {
  /** The values of a chunk of rows. */
  add(values: Float64Array): void;
  /** At the end of a pass over all rows: whether there must be another. */
  again(): boolean;
  /** At the end. */
  numbers(): ColumnNumbers;
}

/** A strictly rising map of a column to another scale. */
export interface ColumnMap {
  forward(x: number): number;
  inverse(y: number): number;
  /** log dy/dx at x. */
  logSlope(x: number): number;
  /** Values must be above it. */
  readonly above?: number;
}

/** How a column is learned from and what the map is, given what was learned. */
export interface ColumnMethod {
  fit(): ColumnFit;
  map(numbers: ColumnNumbers): ColumnMap;
  /** Whether numbers of a file can be this method's. */
  valid(numbers: ColumnNumbers): boolean;
}

/** A spread up to this is none: dividing by it would leave the range of numbers. */
const TINY = 1e-290;

const spreadOr1 = (scale: number): number => (scale > TINY ? scale : 1);

/** y = low + (high − low)·(x − shift)/scale from [shift, scale]. */
function affine(low = 0, high = 1): Pick<ColumnMethod, 'map' | 'valid'> {
  return {
    map: ([shift = 0, scale = 1]) => ({
      forward: (x) => low + (high - low) * ((x - shift) / scale),
      inverse: (y) => shift + scale * ((y - low) / (high - low)),
      logSlope: () => Math.log((high - low) / scale),
    }),
    valid: ([shift, scale, ...rest]) =>
      Number.isFinite(shift) && Number.isFinite(scale) && (scale as number) > 0 && rest.length === 0,
  };
}

/** Mean 0 and standard deviation 1: y = (x − mean)/std, with the population's std, √(Σ(x − mean)²/n). */
export const standardiseMethod: ColumnMethod = /* @__PURE__ */ Object.assign({}, /* @__PURE__ */ affine(), {
  fit() {
    // Sums of differences from one value: no digits are lost to a large mean, and a constant column gives exactly 0.
    let [n, first, sum, squares, mean] = [0, 0, 0, 0, 0];
    let pass = 0;
    return {
      add(values: Float64Array) {
        if (pass === 0) {
          if (n === 0) first = values[0] ?? 0;
          for (const value of values) sum += value - first;
          n += values.length;
        } else for (const value of values) squares += (value - mean) ** 2;
      },
      again() {
        mean = first + sum / n;
        return pass++ === 0;
      },
      numbers: () => [mean + 0, spreadOr1(Math.sqrt(squares / n))],
    };
  },
});

export const rangeChecks = {
  low: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 0),
  high: /* @__PURE__ */ optional(/* @__PURE__ */ real(), 1),
};

/** From `low` at the smallest value to `high` at the largest. */
export function minMaxMethod(low: number, high: number): ColumnMethod {
  return {
    ...affine(low, high),
    fit() {
      let [least, most] = [Infinity, -Infinity];
      return {
        add(values) {
          for (const value of values) {
            if (value < least) least = value;
            if (value > most) most = value;
          }
        },
        again: () => false,
        numbers: () => [least + 0, spreadOr1(most - least)],
      };
    },
  };
}

/** y = (x − median)/(Q₃ − Q₁), which outliers hardly move; quartiles are linear between neighbours. */
export const robustMethod: ColumnMethod = /* @__PURE__ */ Object.assign({}, /* @__PURE__ */ affine(), {
  fit() {
    const chunks: Float64Array[] = [];
    return {
      add: (values: Float64Array) => {
        chunks.push(values.slice());
      },
      again: () => false,
      numbers() {
        const sorted = new Float64Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
        let at = 0;
        for (const chunk of chunks) {
          sorted.set(chunk, at);
          at += chunk.length;
        }
        sorted.sort();
        return [quantile(sorted, 0.5) + 0, spreadOr1(quantile(sorted, 0.75) - quantile(sorted, 0.25))];
      },
    };
  },
});

/** The p-quantile of sorted values, linear between its neighbours at place (n − 1)p. */
export function quantile(sorted: Float64Array, p: number): number {
  const place = (sorted.length - 1) * p;
  const below = sorted[Math.floor(place)] as number;
  return below + (place % 1) * ((sorted[Math.ceil(place)] as number) - below);
}

/** y = ln(x + offset). */
export function logMethod(offset: number): ColumnMethod {
  return {
    fit: () => ({ add: () => {}, again: () => false, numbers: () => [] }),
    map: () => ({
      forward: (x) => Math.log(x + offset),
      inverse: (y) => Math.exp(y) - offset,
      logSlope: (x) => -Math.log(x + offset),
      above: -offset,
    }),
    valid: (numbers) => numbers.length === 0,
  };
}
