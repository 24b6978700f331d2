import type { Batch } from '@latent/nn';
import { type Checked, type Checks, concat, oneOf, optional, real, type Tensor, UsageError } from '@latent/tensor';
import {
  boundScore,
  contributionsScore,
  densityScore,
  expectedRows,
  likelihoodScore,
  reconstructionErrorScore,
  type Score,
  type VaeCore,
} from '@latent/vae';
import type { Operand } from '../trace/trace.ts';
import { codedRules, type DecodedRows } from './coded-rules.ts';
import type { GraphRule, ModelGraphs } from './graph-rule.ts';
import { central, unrolled } from './made-rows.ts';
import { decision, graphRule, type ModelGraph, type SeenRows } from './model-graph.ts';
import { type DrawOptions, drawChecks, ofDraws, scored } from './scores.ts';

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
  ...codedRules<VaeCore>({
    size: ({ options }) => options.latentSize,
    /** q(z | x); where a flow refines it, the code of each row. */
    encode: (model, { near, beside }): Record<string, Tensor> =>
      model.flow === null ? model.posterior(near, beside) : { mean: model.code(near, beside) },
    decode: decoded,
    reconstruct: reconstructed,
  }),
  elbo: scoreRule(boundScore),
  contributions: rule(drawChecks, (graph, options) => {
    const { columns, kl } = scored(graph, contributionsScore, options);
    const sums = graph.graph.node('ReduceSum', [columns.value, graph.graph.whole([1])], { keepdims: 0 });
    return { score: graph.sum({ value: sums, dims: kl.dims }, kl), columns, kl };
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
      options.noise === 'mean'
        ? graph.ofRows('scores', (rows) => ({ mean: reconstructed(graph.model, rows) }))
        : ofDraws(graph, options, (model, rows, samples) => ({ mean: expectedRows(model, rows, samples) }));
    return { rows: graph.filled(graph.restored(mean)) };
  }),
});

/** What stands for a row, from the mean of its code. */
function reconstructed(model: VaeCore, { near, beside }: SeenRows): Tensor {
  return decoded(model, model.code(near, beside), { ...beside, x: near }).mean;
}

/**
 * What stands for rows of codes, of sequences the likeliest at each step, and the parameters of p(x | z) before any squashing where
 * they are made of the codes alone.
 */
function decoded(model: VaeCore, z: Tensor, beside: Batch): DecodedRows {
  const { previous, reconstructionDistribution: likelihood } = model;
  if (previous !== null) {
    const seen = beside.condition === undefined ? z : concat([z, beside.condition], -1);
    return { mean: unrolled(model, previous, likelihood, seen) };
  }
  const params = model.likelihoodParams(z, beside);
  return { params, mean: central(model, likelihood, params) };
}
