import { oneOf, optional, real, softmax, type Tensor, UsageError, zeros } from '@latent/tensor';
import type { Classifier, Model, Regressor, SemiSupervisedVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import { scaleNodes } from '../rules/part.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph, restoredBy } from './model-graph.ts';

/** The probability of each class, of the logits that a model makes of rows, and the number of the most likely one. */
function predictionOf(graph: ModelGraph<Model & { forward(x: Tensor): Tensor }>, rows: Operand) {
  const { probability } = graph.trace([rows], (x) => ({ probability: softmax(graph.model.forward(x as Tensor)) }));
  const likely = graph.graph.node('ArgMax', [probability.value], { axis: 1, keepdims: 0 }, 'int64');
  return { probability, class: { value: likely, dims: [N] } };
}

/** What becomes a file of a classifier. */
export const classifierRules = (): ModelGraphs => ({
  prediction: graphRule<Classifier, Record<never, never>>({}, (graph) => predictionOf(graph, graph.x)),
});

const noiseChecks = {
  /** `mean` (default): the mean of the code under each class; `input`: noise that is handed in as `eps` [classes, N, latent]. */
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
};

/** What becomes a file of a semi-supervised VAE; its `vae` has the graphs of a VAE whose condition is the class. */
export const semiSupervisedRules = (): ModelGraphs => ({
  prediction: graphRule<SemiSupervisedVae, Record<never, never>>({}, (graph) =>
    predictionOf(graph, graph.near('codes')),
  ),
  elbo: graphRule<SemiSupervisedVae, typeof noiseChecks>(noiseChecks, (graph, { noise }) => ({
    elbo: boundOf(graph, noise),
  })),
  /** Minus the bound, and whether it is above the threshold. */
  detector: graphRule<SemiSupervisedVae, typeof noiseChecks & { threshold: ReturnType<typeof real> }>(
    { ...noiseChecks, threshold: real() },
    (graph, { noise, threshold }) => decision(graph, graph.negated(boundOf(graph, noise)), threshold),
  ),
});

/** The bound of log p(x), all classes enumerated, on the scale of the data. */
function boundOf(graph: ModelGraph<SemiSupervisedVae>, noise: 'mean' | 'input'): Operand {
  const { model } = graph;
  const { latentSize, missing } = model.vae.options;
  const operands = [graph.x, graph.near('scores')];
  if (noise === 'input') operands.push(graph.input('eps', [model.classes, N, latentSize]));
  const { elbo } = graph.trace(operands, (...inputs) => {
    const [x, near, eps] = inputs as [Tensor, Tensor, Tensor | undefined];
    const normal = (count: number, width: number): Tensor => eps ?? zeros([count, x.shape[0] as number, width]);
    return { elbo: model.bound({ x, near, draws: { normal } }) };
  });
  if (!model.vae.reconstructionDistribution.normalized) return elbo;
  return { value: graph.shifted(elbo.value, 'add', 'row', missing), dims: elbo.dims };
}

/** What becomes a file of a regressor: the expected targets, on their own scale. */
export const regressorRules = (): ModelGraphs => ({
  prediction: graphRule<Regressor, Record<never, never>>({}, (graph) => {
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
