/** What a normaliser knows of a column: it is shifted, then divided. */
export type Column = readonly [shift: number, scale: number];

/** How each normaliser reads a column's values, at least one and none of them missing. A constant column's scale is 0. */
export const METHODS = {
  /** Mean and population standard deviation. */
  standardise: (x: Float64Array): Column => {
    // Sums of differences from one value: no digits are lost to a large mean, and a constant column gives exactly 0.
    const mean = x[0] + average(x, (value) => value - x[0]);
    return [mean, Math.sqrt(average(x, (value) => (value - mean) ** 2))];
  },
  /** Minimum and range. */
  minMax: (x: Float64Array): Column => {
    x.sort();
    return [x[0], x[x.length - 1] - x[0]];
  },
  /** Median and interquartile range. */
  robust: (x: Float64Array): Column => {
    x.sort();
    return [quantile(x, 0.5), quantile(x, 0.75) - quantile(x, 0.25)];
  },
  log: (): Column => [0, 1],
} as const;

function average(x: Float64Array, of: (value: number) => number): number {
  return x.reduce((sum, value) => sum + of(value), 0) / x.length;
}

/** The p-quantile of sorted values, linear between its neighbours at place (n − 1)p. */
function quantile(sorted: Float64Array, p: number): number {
  const place = (sorted.length - 1) * p;
  const below = sorted[Math.floor(place)];
  return below + (place % 1) * (sorted[Math.ceil(place)] - below);
}
