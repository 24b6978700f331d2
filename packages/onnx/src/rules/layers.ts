import type { LayerNorm } from '@latent/nn';
import { float, type Value } from '../graph/graph.ts';
import type { LayerRule } from './rules.ts';

/** Layers that ONNX has an operator for, and that would otherwise be several nodes. */
export const STANDARD_LAYERS: Readonly<Record<string, LayerRule>> = {
  LayerNorm(graph, layer, [x], { tensor }) {
    const { weight, bias, epsilon } = layer as LayerNorm;
    const inputs = [x as Value, tensor(weight), tensor(bias)];
    return graph.node('LayerNormalization', inputs, { axis: -1, epsilon: float(epsilon) });
  },
};
