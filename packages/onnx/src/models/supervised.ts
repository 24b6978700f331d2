import { real, softmax, type Tensor, UsageError, zeros } from '@latent/tensor';
import type { Classifier, Model, Regressor, SemiSupervisedVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import { scaleNodes } from '../rules/part.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph, restoredBy } from './model-graph.ts';
import { type NoiseOptions, noiseChecks } from './noise.ts';

/** The probability of each class, of the logits that a model makes of rows, and the number of the most likely one. */
function predictionOf(graph: ModelGraph<Model & { forward(x: Tensor): Tensor }>, rows: Operand) {
  const { probability } = graph.trace([rows], (x) => ({ probability: softmax(graph.model.forward(x as Tensor)) }));
  const likely = graph.graph.node('ArgMax', [probability.value], { axis: 1, keepdims: 0 }, 'int64');
  return { probability, class: { value: likely, dims: [N] } };
}

/** What becomes a file of a classifier. */
export const classifierRules = (): ModelGraphs => ({
  prediction: graphRule({}, (graph: ModelGraph<Classifier>) => predictionOf(graph, graph.x)),
});

/** What becomes a file of a semi-supervised VAE; its `vae` has the graphs of a VAE whose condition is the class. `eps` [classes, N, latent]. */
export const semiSupervisedRules = (): ModelGraphs => ({
  prediction: graphRule({}, (graph: ModelGraph<SemiSupervisedVae>) => predictionOf(graph, graph.near('codes'))),
  elbo: graphRule(noiseChecks, (graph: ModelGraph<SemiSupervisedVae>, options) => ({ elbo: boundOf(graph, options) })),
  /** Minus the bound, and whether it is above the threshold. */
  detector: graphRule(
    { ...noiseChecks, threshold: real() },
    (graph: ModelGraph<SemiSupervisedVae>, { threshold, ...options }) =>
      decision(graph, graph.negated(boundOf(graph, options)), threshold),
  ),
});

/** The bound of log p(x), all classes enumerated, on the scale of the data. */
function boundOf(graph: ModelGraph<SemiSupervisedVae>, { noise }: NoiseOptions): Operand {
  const { vae, classes } = graph.model;
  const { latentSize, missing } = vae.options;
  const { elbo } = graph.ofRows(
    'scores',
    ({ x, near, eps }) => {
      const normal = (count: number, width: number): Tensor => eps ?? zeros([count, x.shape[0] as number, width]);
      return { elbo: graph.model.bound({ x, near, draws: { normal } }) };
    },
    noise === 'mean' ? null : [classes, N, latentSize],
  );
  return graph.shifted(elbo, vae.reconstructionDistribution, 'add', { holes: missing });
}

/** What becomes a file of a regressor: the expected targets, on their own scale. */
export const regressorRules = (): ModelGraphs => ({
  prediction: graphRule({}, (graph: ModelGraph<Regressor>) => {
    const { model } = graph;
    const { targetTransform, targetTransformToLearn } = model;
    if (targetTransform === null && targetTransformToLearn !== null) {
      throw new UsageError(
        `exportOnnx: targetTransform: ${targetTransformToLearn.name}() learns from the first fit; call fit before`,
      );
    }
    const { mean } = graph.trace([graph.x], (x) => ({
      mean: model.targetDistribution.mean(model.forward(x as Tensor)),
    }));
    if (targetTransform === null) return { prediction: mean };
    const columns = scaleNodes(targetTransform, [targetTransform.width]);
    const wide = graph.graph.cast(mean.value, 'double');
    const value = graph.graph.cast(restoredBy(graph.graph, columns, wide), graph.type);
    return { prediction: { value, dims: mean.dims } };
  }),
});
