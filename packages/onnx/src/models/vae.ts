import type { Batch } from '@latent/nn';
import { type Checked, type Checks, concat, oneOf, optional, real, type Tensor, UsageError } from '@latent/tensor';
import {
  boundScore,
  contributionsScore,
  densityScore,
  expectedRows,
  likelihoodScore,
  type RowInputs,
  reconstructionErrorScore,
  type Score,
  type ScoredModel,
  type VaeCore,
} from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import { besideCodes, besideRows } from './beside.ts';
import type { GraphRule, ModelGraphs } from './graph-rule.ts';
import { central, unrolled } from './made-rows.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';
import { type DrawOptions, drawChecks, ofRows, scored } from './scores.ts';

type Vae = ModelGraph<VaeCore>;

const rule = <S extends Checks>(options: S, build: (graph: Vae, options: Checked<S>) => Record<string, Operand>) =>
  graphRule<VaeCore, S>(options, build);

/** The numbers of a score, each an output. */
export function scoreRule<K extends string>(score: Score<K>): GraphRule {
  return rule(drawChecks, (graph, options) => scored(graph, score, options));
}

/** What can be a detector's score: the higher, the less like the rows that the model was trained on. */
const DETECTORS = {
  elbo: (graph: Vae, options: DrawOptions) => graph.negated(scored(graph, boundScore, options).elbo),
  logLikelihood: (graph: Vae, options: DrawOptions) =>
    graph.negated(scored(graph, likelihoodScore, options).logLikelihood),
  reconstructionError: (graph: Vae, options: DrawOptions) => scored(graph, reconstructionErrorScore, options).error,
};

/** What becomes a file of a variational autoencoder. */
export const vaeRules = (): ModelGraphs => ({
  /** q(z | x); where a flow refines it, the code of each row. */
  encoder: rule({}, (graph) => {
    const { model } = graph;
    return graph.traceBeside<string>([graph.near('codes')], besideRows(graph), ([near], beside) =>
      model.flow === null ? model.posterior(near as Tensor, beside) : { mean: model.code(near as Tensor, beside) },
    );
  }),
  /** p(x | z): its parameters before any squashing, and its mean on the scale of the data; of sequences the likeliest at each step. */
  decoder: rule({}, (graph) => {
    const codes = graph.input('z', [N, graph.model.options.latentSize]);
    const { mean, ...params } = graph.traceBeside<string>([codes], besideCodes(graph), ([z], beside) =>
      decoded(graph.model, z as Tensor, beside),
    );
    return { ...params, mean: graph.restored(mean as Operand) };
  }),
  /** Rows encoded to the mean of their codes and decoded to the mean of p(x | z), of sequences to the likeliest at each step. */
  reconstruction: rule({}, (graph) => ({ reconstruction: graph.restored(meanOfRows(graph, 'codes'), 'rows') })),
  elbo: scoreRule(boundScore),
  contributions: rule(drawChecks, (graph, options) => {
    const { columns, kl } = scored(graph, contributionsScore, options);
    return { score: graph.total(columns, kl), columns, kl };
  }),
  reconstructionError: scoreRule(reconstructionErrorScore),
  reconstructionLogProbability: scoreRule(densityScore),
  logLikelihood: scoreRule(likelihoodScore),
  /** A score, and whether it is above the threshold. */
  detector: rule(
    {
      ...drawChecks,
      score: optional(oneOf('elbo', 'logLikelihood', 'reconstructionError'), 'elbo' as const),
      threshold: real(),
    },
    (graph, { score, threshold, ...options }) => decision(graph, DETECTORS[score](graph, options), threshold),
  ),
  /** Rows with their holes filled by what is expected there, of one code (the mean) or weighted over draws. */
  imputer: rule(drawChecks, (graph, options) => {
    if (graph.model.sequence !== null) {
      throw new UsageError('exportOnnx: imputer: sequences have all their values, so that there is nothing to fill');
    }
    const { mean } =
      options.noise === 'mean' ? { mean: meanOfRows(graph, 'scores') } : ofRows(graph, options, meanOfDraws);
    return { rows: graph.filled(graph.restored(mean)) };
  }),
});

const meanOfDraws = (model: ScoredModel, rows: RowInputs, samples: number) => ({
  mean: expectedRows(model, rows, samples),
});

/** What stands for a row, from the mean of its code. */
function meanOfRows(graph: Vae, of: 'codes' | 'scores'): Operand {
  const { model } = graph;
  const made = graph.traceBeside<string>([graph.near(of)], besideRows(graph), ([near], beside) =>
    decoded(model, model.code(near as Tensor, beside), { ...beside, x: near as Tensor }),
  );
  return made.mean as Operand;
}

/** What stands for rows of codes, as `mean`, and the parameters of p(x | z) where they are made of the codes alone. */
function decoded(model: VaeCore, z: Tensor, beside: Batch): Record<string, Tensor> {
  const { previous, reconstructionDistribution: likelihood } = model;
  if (previous !== null) {
    const seen = beside.condition === undefined ? z : concat([z, beside.condition], -1);
    return { mean: unrolled(model, previous, likelihood, seen) };
  }
  const params = model.likelihoodParams(z, beside);
  return { params, mean: central(model, likelihood, params) };
}
