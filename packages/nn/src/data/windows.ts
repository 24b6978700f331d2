import { checkOptions, describeValue, oneOf, optional, ShapeError, Tensor, ValueError, whole } from '@latent/tensor';
import { isList, isTyped } from './arrays.ts';

/** How long windows are, and how far apart they begin. */
export interface WindowsOptions {
  /** Points of a window. */
  readonly size: number;
  /** Points from the start of one to the start of the next; 1 by default. */
  readonly stride?: number;
}

/** How the scores of windows become scores of points. */
export interface PerPointOptions {
  /**
   * How a point's score comes from those of all windows that hold it: their `mean` (default), the smallest (`min`, a point is odd if all
   * its windows are) or the largest (`max`, if any is).
   */
  readonly combine?: 'mean' | 'min' | 'max';
}

const checks = {
  size: /* @__PURE__ */ whole({ min: 1 }),
  stride: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
};
const perPointChecks = {
  combine: /* @__PURE__ */ optional(/* @__PURE__ */ oneOf('mean', 'min', 'max'), 'mean' as const),
};

/** A long series cut into windows. */
export class Windows {
  /** Each window's points end to end: rows for models of `event: [size, features]` or `sequence: { steps: size, features }`. */
  readonly rows: readonly Float64Array[];
  /** Where each window starts. */
  readonly starts: readonly number[];
  readonly size: number;
  /** Numbers of a point. */
  readonly features: number;
  /** Points of the series. */
  readonly length: number;

  constructor(values: Float64Array, features: number, options: WindowsOptions) {
    const { size, stride } = checkOptions('windows', options, checks);
    this.size = size;
    this.features = features;
    this.length = values.length / features;
    if (this.length < size) {
      throw new ValueError(`windows: the series has ${this.length} points, fewer than a window's ${size}`);
    }
    const last = this.length - size;
    const starts = Array.from({ length: Math.floor(last / stride) + 1 }, (_, i) => i * stride);
    if (starts.at(-1) !== last) starts.push(last);
    this.starts = starts;
    this.rows = starts.map((start) => values.subarray(start * features, (start + size) * features));
  }

  /**
   * The score of each point of the series, from those of its windows [windows], or of their steps [windows, size].
   *
   * ```ts
   * const cut = windows(series, { size: 288 });
   * const points = cut.perPoint(model.reconstructionErrorPerStep(cut.rows));
   * ```
   */
  perPoint(scores: Tensor | ArrayLike<number>, options: PerPointOptions = {}): Float64Array {
    const { combine } = checkOptions('windows.perPoint', options, perPointChecks);
    const given: unknown = scores;
    if (!(given instanceof Tensor) && !isList(given)) {
      throw new ValueError(`windows.perPoint: expected scores of windows, got ${describeValue(given)}`);
    }
    const values = given instanceof Tensor ? given.data : (given as ArrayLike<number>);
    const { size, starts, length } = this;
    const bySteps = values.length === starts.length * size && (size > 1 || given instanceof Tensor);
    if (!bySteps && values.length !== starts.length) {
      throw new ShapeError(
        `windows.perPoint: expected ${starts.length} scores, or [${starts.length}, ${size}] of steps, got ${values.length}`,
      );
    }
    const points = new Float64Array(length).fill(combine === 'min' ? Infinity : combine === 'max' ? -Infinity : 0);
    const held = new Uint32Array(length);
    starts.forEach((start, w) => {
      for (let t = 0; t < size; t++) {
        const score = values[bySteps ? w * size + t : w] as number;
        const before = points[start + t] as number;
        points[start + t] =
          combine === 'mean' ? before + score : combine === 'min' ? Math.min(before, score) : Math.max(before, score);
        held[start + t] = (held[start + t] as number) + 1;
      }
    });
    return combine === 'mean' ? points.map((sum, t) => sum / (held[t] as number)) : points;
  }
}

/**
 * A long series as windows of `size` points, each `stride` after the one before, and one more that ends with the series where the
 * stride leaves points over. The series is a list of numbers, or of points of several numbers each.
 *
 * ```ts
 * const cut = windows(temperatures, { size: 288, stride: 12 });
 * await model.fit(cut.rows);
 * ```
 */
export function windows(
  series: ArrayLike<number> | readonly ArrayLike<number>[] | Tensor,
  options: WindowsOptions,
): Windows {
  const given: unknown = series instanceof Tensor ? series.toArray() : series;
  if (!isList(given)) throw new ValueError(`windows: expected a series of numbers, got ${describeValue(given)}`);
  const nested = !isTyped(given) && isList(given[0]);
  const features = nested ? (given[0] as ArrayLike<number>).length : 1;
  if (features === 0) throw new ShapeError('windows: points must have at least one number');
  const values = new Float64Array(given.length * features);
  for (let t = 0; t < given.length; t++) {
    const point: unknown = given[t];
    if (nested && (!isList(point) || point.length !== features)) {
      throw new ShapeError(
        `windows: point ${t} must be ${features} numbers, as the first, got ${describeValue(point)}`,
      );
    }
    for (let c = 0; c < features; c++) {
      const value: unknown = nested ? (point as ArrayLike<unknown>)[c] : point;
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        const place = nested ? `point ${t}, column ${c}` : `point ${t}`;
        throw new ValueError(`windows: expected a finite number, got ${describeValue(value)} at ${place}`);
      }
      values[t * features + c] = value;
    }
  }
  return new Windows(values, features, options);
}
