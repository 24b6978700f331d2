import type { ColumnMethod, ColumnNumbers } from './column-method.ts';
import { normalQuantile } from './normal.ts';
import { QuantileSketch, type WeightedValues } from './quantile-sketch.ts';

/**
 * A column's own distribution function, carried over to N(0, 1): straight lines between knots (xᵢ, Φ⁻¹(pᵢ)), where pᵢ is the
 * share below xᵢ and half of that at it. Beyond the knots it goes on by one per standard deviation.
 * What it learns is [standard deviation, x₁, p₁, x₂, p₂, …].
 */
export function quantileMethod(knots: number): ColumnMethod {
  return {
    fit() {
      const sketch = new QuantileSketch();
      return {
        add: (values) => sketch.add(values),
        again: () => false,
        numbers: () => knotsOf(sketch.distribution(), knots),
      };
    },
    map([spread = 1, ...flat]) {
      const x = Float64Array.from({ length: Math.max(1, flat.length / 2) }, (_, i) => flat[2 * i] ?? 0);
      const y = x.map((_, i) => normalQuantile(flat[2 * i + 1] ?? 0.5));
      const slope = 1 / spread;
      return {
        forward: (value) => along(x, y, value, slope),
        inverse: (value) => along(y, x, value, spread),
        logSlope: (value) => Math.log(slopeAt(x, y, value, slope)),
      };
    },
    valid: ([spread, ...flat]) => {
      const rising = (from: number): boolean =>
        flat.every((value, i) => i % 2 !== from || i < 2 || value > (flat[i - 2] as number));
      const shares = flat.every((value, i) => i % 2 === 0 || (value > 0 && value < 1));
      return (spread as number) > 0 && flat.length >= 2 && flat.length % 2 === 0 && rising(0) && rising(1) && shares;
    },
  };
}

/** Shares, and values by their standard deviation, that are closer than this have no line between them. */
const CLOSEST = 1e-12;

function knotsOf({ values, weights, total }: WeightedValues, most: number): ColumnNumbers {
  let [mean, squares, below] = [0, 0, 0];
  const shares = new Float64Array(values.length);
  values.forEach((value, i) => {
    const weight = weights[i] as number;
    const before = mean;
    const sum = below + weight;
    mean += ((value - mean) * weight) / sum;
    squares += weight * (value - before) * (value - mean);
    shares[i] = (below + weight / 2) / total;
    below = sum;
  });
  const std = Math.sqrt(squares / total);
  const numbers = [std > 1e-290 ? std : 1];
  const few = values.length <= most;
  const count = Math.min(most, values.length);
  let last = -1;
  for (let k = 0; k < count; k++) {
    const place = few ? k : placeOf(shares, k / (count - 1));
    const share = shares[place] as number;
    const value = values[place] as number;
    const apart =
      last < 0 || (share > (shares[last] as number) + CLOSEST && value > (values[last] as number) + CLOSEST * std);
    if (!apart) continue;
    numbers.push(value, share);
    last = place;
  }
  return numbers;
}

/** The first place whose share is at least p; the last for p = 1. */
function placeOf(shares: Float64Array, p: number): number {
  return p >= 1 ? shares.length - 1 : segment(shares, p, 0, shares.length - 1);
}

/** The first i in [low, high] with sorted[i] ≥ value, or `high`. */
function segment(sorted: Float64Array, value: number, low: number, high: number): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as number) >= value) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The line through (x, y) at `value`, `slope` beyond its ends. */
function along(x: Float64Array, y: Float64Array, value: number, slope: number): number {
  const end = x.length - 1;
  const [first, last] = [x[0] as number, x[end] as number];
  if (value <= first) return (y[0] as number) + slope * (value - first);
  if (value >= last) return (y[end] as number) + slope * (value - last);
  const i = segment(x, value, 1, end);
  const [a, b] = [x[i - 1] as number, x[i] as number];
  const [c, d] = [y[i - 1] as number, y[i] as number];
  return value === b ? d : c + ((value - a) / (b - a)) * (d - c);
}

/** The slope of the line that a value lies on; at a knot, of the line below it. */
function slopeAt(x: Float64Array, y: Float64Array, value: number, slope: number): number {
  const end = x.length - 1;
  if (value <= (x[0] as number) || value > (x[end] as number)) return slope;
  const i = segment(x, value, 1, end);
  return ((y[i] as number) - (y[i - 1] as number)) / ((x[i] as number) - (x[i - 1] as number));
}
