import {
  apply,
  derivedRules,
  type Expr,
  elementwise,
  type GradientRule,
  type Rng,
  rowSum,
  type Tensor,
} from '@latent/tensor';
import {
  columns,
  type DistributionConfig,
  matchRows,
  type ReconstructionDistribution,
  type Support,
} from './reconstruction.ts';

/** A distribution of one column that is the same for every column. */
export interface ColumnDistribution {
  readonly config: DistributionConfig;
  /** False for a plain loss. */
  readonly normalized?: boolean;
  readonly support: Support;
  /** Parameters per column. The decoder emits the first of every column, then the second, and so on. */
  readonly count: number;
  /** log p(x | parameters) as a formula. */
  readonly logProb: (x: Expr, ...params: Expr[]) => Expr;
  /** Its gradients to x and the parameters; derived from the formula where they are left out. */
  readonly rules?: readonly GradientRule[];
  // Of tensors, one for each parameter.
  readonly mean: (params: readonly Tensor[]) => Tensor;
  readonly mode: (params: readonly Tensor[]) => Tensor;
  readonly sample: (params: readonly Tensor[], rng: Rng) => Tensor;
  readonly head?: ReconstructionDistribution['head'];
}

/** Columns that are distributed alike and independently, given the decoder's word on each. */
export function columnwise(column: ColumnDistribution): ReconstructionDistribution {
  const { config, normalized = true, support, count, logProb, head } = column;
  const { name } = config;
  const rules = column.rules ?? derivedRules(logProb as (...inputs: Expr[]) => Expr, count + 1);
  const perRow = rowSum(`${name}LogProb`, logProb as (...inputs: Expr[]) => Expr, rules);
  const perColumn = elementwise(`${name}LogProbPerColumn`, logProb as (...inputs: Expr[]) => Expr, rules);
  const parts = (params: Tensor): Tensor[] => {
    const width = params.shape[params.shape.length - 1] / count;
    if (count === 1) return [params];
    return Array.from({ length: count }, (_, i) => columns(params, i * width, (i + 1) * width));
  };
  const distribution: ReconstructionDistribution = {
    name,
    normalized,
    paramCount: (dataSize) => count * dataSize,
    logProb: (x, params) => apply(perRow, [matchRows(distribution, x, params), ...parts(params)], undefined),
    logProbPerColumn: (x, params) =>
      apply(perColumn, [matchRows(distribution, x, params), ...parts(params)], undefined),
    sample: (params, rng) => column.sample(parts(params.detach()), rng),
    mean: (params) => column.mean(parts(params)),
    mode: (params) => column.mode(parts(params)),
    support: (dataSize) => new Array(dataSize).fill(support),
    config: () => config,
    ...(head && { head }),
  };
  return distribution;
}

/** A formula held to [−limit, limit], so that its exponential cannot overflow. */
export function bounded(x: Expr, limit: number): Expr {
  return x.max(-limit).min(limit);
}
