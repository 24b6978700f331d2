import type { Module } from '@latent/nn';
import { broadcastTo, formatShape, type Rng, ShapeError, type Tensor, ValueError } from '@latent/tensor';

/** The values a data column may hold. */
export interface Support {
  /** In words, for errors: `in [0, 1]`. */
  readonly description: string;
  contains(value: number): boolean;
}

export const REAL: Support = { description: 'a finite number', contains: Number.isFinite };
export const UNIT: Support = { description: 'in [0, 1]', contains: (x) => x >= 0 && x <= 1 };
export const POSITIVE: Support = { description: 'finite and > 0', contains: (x) => x > 0 && x < Infinity };
export const INSIDE_UNIT: Support = { description: 'above 0 and below 1', contains: (x) => x > 0 && x < 1 };
export const BINARY: Support = { description: '0 or 1', contains: (x) => x === 0 || x === 1 };
export const COUNT: Support = { description: 'a whole number ≥ 0', contains: (x) => Number.isInteger(x) && x >= 0 };
export const NON_NEGATIVE: Support = { description: 'finite and ≥ 0', contains: (x) => x >= 0 && x < Infinity };

/** A distribution as data, for a saved model. */
export interface DistributionConfig {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * p(x | z): how a data row is distributed given what the decoder says of it. The distribution owns its parameters: it
 * says how many the decoder must emit, takes them before any squashing (logits, log-variance, log-rate), and works on
 * the last axis, so leading axes are free. Units are nats per row, summed over columns.
 */
export interface ReconstructionDistribution {
  readonly name: string;
  /** False for a plain loss in a distribution's place: its `logProb` is minus the loss, not a log-density. */
  readonly normalized: boolean;
  /** How many parameters the decoder emits for rows of `dataSize` columns. */
  paramCount(dataSize: number): number;
  /** log p(x | params): x [..., D], params [..., P] → [...]. x is broadcast over leading axes of params. */
  logProb(x: Tensor, params: Tensor): Tensor;
  /** The terms of `logProb`, column by column, which add up to it: [..., D]. */
  logProbPerColumn(x: Tensor, params: Tensor): Tensor;
  /** One draw of x: [..., D]. No gradient. */
  sample(params: Tensor, rng: Rng): Tensor;
  /** E[x]: [..., D]. */
  mean(params: Tensor): Tensor;
  /** The most likely x: [..., D]. */
  mode(params: Tensor): Tensor;
  /** What each column may hold. */
  support(dataSize: number): readonly Support[];
  /** The decoder's last layer, where it is not a plain `Linear(inFeatures, paramCount(dataSize))`. */
  head?(inFeatures: number, dataSize: number, rng: Rng): Module & { forward(x: Tensor): Tensor };
  config(): DistributionConfig;
}

/** Throws unless every value of every row is in its column's support (or NaN, with `holes`); names the first that is not. */
export function checkSupport(
  distribution: ReconstructionDistribution,
  values: ArrayLike<number>,
  width: number,
  holes = false,
): void {
  const columns = distribution.support(width);
  for (let i = 0; i < values.length; i++) {
    const column = i % width;
    if (!columns[column].contains(values[i]) && !(holes && Number.isNaN(values[i]))) {
      const remedy = Number.isNaN(values[i]) ? '; for rows with holes make the model with { missing: true }' : '';
      throw new ValueError(
        `${distribution.name}: data must be ${columns[column].description}, got ${values[i]} at row ${Math.floor(i / width)}, column ${column}${remedy}`,
      );
    }
  }
}

/** x in the leading shape of the parameters, after checking both widths. */
export function matchRows(distribution: ReconstructionDistribution, x: Tensor, params: Tensor): Tensor {
  const width = x.shape[x.shape.length - 1] ?? 0;
  const expected = distribution.paramCount(width);
  const got = params.shape[params.shape.length - 1];
  if (got !== expected) {
    throw new ShapeError(
      `${distribution.name}: rows of ${width} columns need ${expected} parameters, got ${formatShape(params.shape)} for data ${formatShape(x.shape)}`,
    );
  }
  return broadcastTo(x, [...params.shape.slice(0, -1), width]);
}

/** The part [start, stop) of the last axis. */
export function columns(x: Tensor, start: number, stop: number): Tensor {
  return x.slice([...new Array<null>(x.shape.length - 1).fill(null), [start, stop]]);
}
