import type { VaeCore } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraph } from './model-graph.ts';

/** What stands beside rows of a model: their condition, and of sequences their lengths. */
export function besideRows(graph: ModelGraph<VaeCore>): Record<string, Operand> {
  const { lengths } = graph;
  return { ...besideCodes(graph), ...(lengths !== null && { lengths }) };
}

/**
 * What stands beside codes of a model: their condition, an input of the graph. It is class numbers [N], whole, or columns of numbers
 * [N, columns], as the model's own methods take it.
 */
export function besideCodes({ model, graph }: ModelGraph<VaeCore>): Record<string, Operand> {
  const { condition } = model.options;
  if (condition === null) return {};
  if ('columns' in condition) {
    const dims = [N, condition.columns];
    return { condition: { value: graph.input('condition', 'float', dims), dims } };
  }
  const { classes } = condition;
  const numbers = graph.reshape(graph.input('condition', 'int64', [N]), [N, 1]);
  const each = graph.constant(
    'int64',
    [classes],
    Array.from({ length: classes }, (_, i) => i),
  );
  const own = graph.node('Equal', [numbers, each], {}, 'bool');
  return { condition: { value: graph.cast(own, 'float'), dims: [N, classes] } };
}
