import { softmax, type Tensor, UsageError } from '@latent/tensor';
import type { Classifier, Regressor } from '@latent/vae';
import { ColumnNodes } from '../graph/columns.ts';
import { type GraphRule, graphRule, N, restoredBy } from './model-graph.ts';

/** What becomes a file of a classifier: the probability of each class, and the number of the most likely one. */
export const CLASSIFIER_GRAPHS: Readonly<Record<string, GraphRule>> = {
  prediction: graphRule<Classifier, Record<never, never>>({}, (graph) => {
    const { probability } = graph.trace([graph.x], (x) => ({
      probability: softmax(graph.model.forward(x as Tensor)),
    }));
    const likely = graph.graph.node('ArgMax', [probability.value], { axis: 1, keepdims: 0 }, 'int64');
    return { probability, class: { value: likely, dims: [N] } };
  }),
};

/** What becomes a file of a regressor: the expected targets, on their own scale. */
export const REGRESSOR_GRAPHS: Readonly<Record<string, GraphRule>> = {
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
    const columns = new ColumnNodes(targetTransform, [targetTransform.width]);
    const wide = graph.graph.cast(mean.value, 'double');
    const value = graph.graph.cast(restoredBy(graph.graph, columns, wide), graph.type);
    return { prediction: { value, dims: mean.dims } };
  }),
};
