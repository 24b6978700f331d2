import { Kind, type Module, type Part, placeOf } from '@latent/nn';
import { broadcastTo, formatShape, type Rng, ShapeError, type Tensor, ValueError } from '@latent/tensor';

/** The values a data column may hold. */
export interface Support {
  /** In words, for errors: `in [0, 1]`. */
  readonly description: string;
  contains(value: number): boolean;
  /** Whether values may be far from 0, so that their scale matters to training. */
  readonly unbounded?: boolean;
}

export const REAL: Support = { description: 'a finite number', contains: Number.isFinite, unbounded: true };
export const UNIT: Support = { description: 'in [0, 1]', contains: (x) => x >= 0 && x <= 1 };
export const POSITIVE: Support = {
  description: 'finite and > 0',
  contains: (x) => x > 0 && x < Infinity,
  unbounded: true,
};
export const INSIDE_UNIT: Support = { description: 'above 0 and below 1', contains: (x) => x > 0 && x < 1 };
export const BINARY: Support = { description: '0 or 1', contains: (x) => x === 0 || x === 1 };
export const NON_NEGATIVE: Support = {
  description: 'finite and ≥ 0',
  contains: (x) => x >= 0 && x < Infinity,
  unbounded: true,
};

/** The decoder's last layer: from what the decoder makes of rows [rows, …] to the parameters of p(x | z), [rows, parameters]. */
export type Head = Module & { forward(x: Tensor): Tensor };

/**
 * p(x | z): how a data row is distributed given what the decoder says of it. The distribution owns its parameters: it
 * says how many the decoder must emit, takes them before any squashing (logits, log-variance, log-rate), and works on
 * the last axis, so leading axes are free. Units are nats per row, summed over columns.
 */
export interface ReconstructionDistribution extends Part {
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
  /** Groups of columns [from, to) of which exactly one is 1 in each row; none by default. */
  oneHotGroups?(dataSize: number): readonly (readonly [from: number, to: number])[];
  /** Parameters of each column, where all columns have as many: the first of every column come before the second. */
  readonly perColumn?: number;
  /** The decoder's last layer, where it is not what `emit(paramCount(dataSize))` gives: a layer to so many numbers of a row. */
  head?(emit: (count: number) => Head, dataSize: number): Head;
  /**
   * Parameters of a sharper (temperature below 1) or wider distribution: logits over the temperature, variances times it. None where
   * that has no meaning.
   */
  tempered?(params: Tensor, temperature: number): Tensor;
  /**
   * −log p of rows, in nats per row, under the one distribution that suits columns of these means and variances best: what a model must
   * beat. Only of likelihoods where these say it.
   */
  baseline?(mean: Float64Array, variance: Float64Array): number;
  /** The parameters that gradients are taken at, where a head learns some of them from the rows themselves. */
  whileTraining?(x: Tensor, params: Tensor, head: Head): Tensor;
}

/** The likelihoods that models, and their files, may have. */
export const likelihoods: Kind<ReconstructionDistribution> = /* @__PURE__ */ new Kind<ReconstructionDistribution>(
  'likelihood',
  (part) => `{ ${part} } from '@latent/vae'`,
);

/** Throws unless every value of every row is in its column's support (or NaN, with `holes`); names the first that is not. */
export function checkSupport(
  caller: string,
  distribution: ReconstructionDistribution,
  values: ArrayLike<number>,
  width: number,
  holes = false,
  steps?: number,
): void {
  const columns = supportOf(distribution, width);
  for (let i = 0, column = 0; i < values.length; i++, column = column + 1 === width ? 0 : column + 1) {
    const value = values[i] as number;
    const support = columns[column] as Support;
    if (support.contains(value) || (holes && Number.isNaN(value))) continue;
    const remedy = Number.isNaN(value) ? '; for rows with holes make the model with { missing: true }' : '';
    throw new ValueError(
      `${caller}: ${distribution.name} data must be ${support.description}, got ${value} at ${placeOf(i, { width, steps })}${remedy}`,
    );
  }
  for (const [from, to] of distribution.oneHotGroups?.(width) ?? []) {
    for (let start = 0; start < values.length; start += width)
      checkOneHot(caller, values, start, from, to, width, steps);
  }
}

const supports = new WeakMap<ReconstructionDistribution, readonly Support[]>();

/** The support of each column, made once for rows of one width: it is asked for with every row that is scored. */
function supportOf(distribution: ReconstructionDistribution, width: number): readonly Support[] {
  let known = supports.get(distribution);
  if (known?.length !== width) {
    known = distribution.support(width);
    supports.set(distribution, known);
  }
  return known;
}

/** Throws unless one of the columns is 1 and the rest 0, or all are missing. */
function checkOneHot(
  caller: string,
  values: ArrayLike<number>,
  start: number,
  from: number,
  to: number,
  width: number,
  steps?: number,
): void {
  let [ones, holes] = [0, 0];
  for (let c = from; c < to; c++) {
    const value = values[start + c] as number;
    if (Number.isNaN(value)) holes++;
    else ones += value;
  }
  if ((holes === 0 && ones === 1) || holes === to - from) return;
  const got = holes > 0 ? `${holes} of ${to - from} missing` : `${ones} ones`;
  throw new ValueError(
    `${caller}: columns ${from} to ${to - 1} are one category, so exactly one of them is 1 and the rest are 0, got ${got} at ${steps === undefined ? `row ${start / width}` : placeOf(start + from, { width, steps })}`,
  );
}

/** −p log p, 0 at 0. */
export function entropyOf(p: number): number {
  return p > 0 ? -p * Math.log(p) : 0;
}

/** x in the leading shape of the parameters, after checking both widths. */
export function matchRows(
  distribution: Pick<ReconstructionDistribution, 'name' | 'paramCount'>,
  x: Tensor,
  params: Tensor,
): Tensor {
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
