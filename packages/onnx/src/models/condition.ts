import type { VaeCore } from '@latent/vae';
import { type Graph, N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';

/**
 * What a model's rows are conditioned on, an input `condition` as the model's own methods take it: class numbers [N], whole, which
 * become columns of zeros and ones; or columns of numbers [N, columns].
 */
export function conditionOf(graph: Graph, condition: NonNullable<VaeCore['options']['condition']>): Operand {
  if ('columns' in condition) {
    const dims = [N, condition.columns];
    return { value: graph.input('condition', 'float', dims), dims };
  }
  const { classes } = condition;
  const numbers = graph.reshape(graph.input('condition', 'int64', [N]), [N, 1]);
  const each = graph.constant('int64', [classes], [...Array(classes).keys()]);
  const own = graph.node('Equal', [numbers, each], {}, 'bool');
  return { value: graph.cast(own, 'float'), dims: [N, classes] };
}
