import type { Definition, Part } from '@latent/nn';
import type { Checked, Checks, Expr, GradientRule, Rng, Tensor } from '@latent/tensor';
import { apply, callable, concat, derivedRules, elementwise, rowSum } from '@latent/tensor';
import { columns, likelihoods, matchRows, type ReconstructionDistribution, type Support } from './likelihood.ts';

/** A distribution of one column that is the same for every column. */
export interface ColumnDistribution {
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
  readonly mean: (...params: Tensor[]) => Tensor;
  readonly mode: (...params: Tensor[]) => Tensor;
  readonly sample: (rng: Rng, ...params: Tensor[]) => Tensor;
  /** Parameters of a sharper or wider distribution; see `ReconstructionDistribution.tempered`. */
  readonly tempered?: (temperature: number, ...params: Tensor[]) => readonly Tensor[];
  readonly baseline?: ReconstructionDistribution['baseline'];
  readonly head?: ReconstructionDistribution['head'];
  readonly whileTraining?: ReconstructionDistribution['whileTraining'];
}

/** Columns that are distributed alike and independently, given the decoder's word on each: a likelihood by name. */
export function columnwise<S extends Checks>(
  name: string,
  options: S,
  build: (options: Checked<S>, caller: string) => ColumnDistribution,
): Definition<ReconstructionDistribution, S> {
  callable()(build, { caller: 'columnwise', path: 'build' });
  return likelihoods.known(name, {
    options,
    build: (checked, caller) => ofColumns(name, build(checked, caller)),
  });
}

function ofColumns(name: string, column: ColumnDistribution): Omit<ReconstructionDistribution, keyof Part> {
  const { normalized = true, support, count, logProb, head, whileTraining, tempered, baseline } = column;
  const formula = logProb as (...inputs: Expr[]) => Expr;
  const rules = column.rules ?? derivedRules(formula, count + 1);
  const perRow = rowSum(`${name}LogProb`, formula, rules);
  const perColumn = elementwise(`${name}LogProbPerColumn`, formula, rules);
  const parts = (params: Tensor): Tensor[] => {
    const width = (params.shape[params.shape.length - 1] as number) / count;
    if (count === 1) return [params];
    return Array.from({ length: count }, (_, i) => columns(params, i * width, (i + 1) * width));
  };
  const rows = (x: Tensor, params: Tensor): Tensor => matchRows(distribution, x, params);
  const distribution = {
    name,
    normalized,
    perColumn: count,
    paramCount: (dataSize: number) => count * dataSize,
    logProb: (x: Tensor, params: Tensor) => apply(perRow, [rows(x, params), ...parts(params)], undefined),
    logProbPerColumn: (x: Tensor, params: Tensor) => apply(perColumn, [rows(x, params), ...parts(params)], undefined),
    sample: (params: Tensor, rng: Rng) => column.sample(rng, ...parts(params.detach())),
    mean: (params: Tensor) => column.mean(...parts(params)),
    mode: (params: Tensor) => column.mode(...parts(params)),
    support: (dataSize: number) => new Array<Support>(dataSize).fill(support),
    ...(tempered && {
      tempered: (params: Tensor, temperature: number) => concat(tempered(temperature, ...parts(params)), -1),
    }),
    ...(baseline && { baseline }),
    ...(head && { head }),
    ...(whileTraining && { whileTraining }),
  };
  return distribution;
}

/** A formula held to [−limit, limit], so that its exponential cannot overflow. */
export function bounded(x: Expr, limit: number): Expr {
  return x.max(-limit).min(limit);
}
