import { type Checked, type Checks, oneOf, optional, real, type Tensor } from '@latent/tensor';
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
import { decision, type GraphRule, graphRule, type ModelGraph, N } from './model-graph.ts';
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
export const VAE_GRAPHS: Readonly<Record<string, GraphRule>> = {
  /** q(z | x); where a flow refines it, the code of each row. */
  encoder: rule({}, (graph) => {
    const { model } = graph;
    return graph.trace<string>([graph.near('codes')], (near) =>
      model.flow === null ? model.posterior(near as Tensor) : { mean: model.code(near as Tensor) },
    );
  }),
  /** p(x | z): its parameters before any squashing, and its mean on the scale of the data. */
  decoder: rule({}, (graph) => {
    const { model } = graph;
    const { params, mean } = graph.trace([graph.input('z', [N, model.options.latentSize])], (z) => {
      const parameters = model.likelihoodParams(z as Tensor);
      return { params: parameters, mean: model.reconstructionDistribution.mean(parameters) };
    });
    return { params, mean: graph.restored(mean) };
  }),
  /** Rows encoded to the mean of their codes and decoded to the mean of p(x | z). */
  reconstruction: rule({}, (graph) => ({ reconstruction: graph.restored(meanOfRows(graph, 'codes')) })),
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
    const { model } = graph;
    const { mean } =
      options.noise === 'mean'
        ? { mean: meanOfRows(graph, 'scores') }
        : ofRows(graph, options, (rows, samples) => ({ mean: expectedRows(model.given({}), rows, samples) }));
    return { rows: graph.filled(graph.restored(mean)) };
  }),
};

function meanOfRows(graph: Vae, of: 'codes' | 'scores'): Operand {
  const { model } = graph;
  return graph.trace([graph.near(of)], (near) => {
    const params = model.likelihoodParams(model.code(near as Tensor));
    return { mean: model.reconstructionDistribution.mean(params) };
  }).mean;
}
