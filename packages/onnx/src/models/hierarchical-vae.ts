import { concat, oneOf, optional, real, sizeOf, type Tensor } from '@latent/tensor';
import type { HierarchicalVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<HierarchicalVae>;

const noiseChecks = {
  /** `mean` (default): each level at its mean; `input`: noise that is handed in as `eps` [N, latents of all levels]. */
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
};

/** What becomes a file of a hierarchical VAE. Codes are the latents of all levels, from the rows up. */
export const hierarchicalVaeRules = (): ModelGraphs => ({
  /** q(u | x) of each level, at the mean of those above. */
  encoder: graphRule({}, (graph: Graph) =>
    graph.trace([graph.near('codes')], (near) => {
      const { residuals } = atMeans(graph.model, near as Tensor);
      return {
        mean: concat(
          residuals.map(({ mean }) => mean),
          -1,
        ),
        logVariance: concat(
          residuals.map(({ logVariance }) => logVariance),
          -1,
        ),
      };
    }),
  ),
  decoder: graphRule({}, (graph: Graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.input('z', [N, model.latentSize])], (z) => ({
      mean: meanOf(model, model.tower.from(z as Tensor)),
    }));
    return { mean: graph.restored(mean) };
  }),
  reconstruction: graphRule({}, (graph: Graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.near('codes')], (near) => ({
      mean: meanOf(model, atMeans(model, near as Tensor).params),
    }));
    return { reconstruction: graph.restored(mean) };
  }),
  reconstructionError: graphRule({}, (graph: Graph) => ({ error: onScale(graph, termsOf(graph, 'mean').cost) })),
  elbo: graphRule<HierarchicalVae, typeof noiseChecks>(noiseChecks, (graph, { noise }) => {
    const { cost, kl } = termsOf(graph, noise);
    const reconstruction = onScale(graph, cost);
    const sum = { value: graph.graph.node('Add', [reconstruction.value, kl.value]), dims: kl.dims };
    return { elbo: graph.negated(sum), reconstruction, kl };
  }),
  /** Minus the bound, and whether it is above the threshold. */
  detector: graphRule<HierarchicalVae, typeof noiseChecks & { threshold: ReturnType<typeof real> }>(
    { ...noiseChecks, threshold: real() },
    (graph, { noise, threshold }) => {
      const { cost, kl } = termsOf(graph, noise);
      const sum = { value: graph.graph.node('Add', [onScale(graph, cost).value, kl.value]), dims: kl.dims };
      return decision(graph, sum, threshold);
    },
  ),
});

function atMeans(model: HierarchicalVae, near: Tensor) {
  return model.tower.descend(near, ({ mean }) => mean);
}

function meanOf(model: HierarchicalVae, params: Tensor): Tensor {
  return model.options.reconstruction.mean(params);
}

/** −log p(x | z) of each row on the model's scale, and the sum of the levels' KLs. */
function termsOf(graph: Graph, noise: 'mean' | 'input'): Record<'cost' | 'kl', Operand> {
  const { model } = graph;
  const operands = [graph.x, graph.near('scores')];
  if (noise === 'input') operands.push(graph.input('eps', [N, model.latentSize]));
  return graph.trace(operands, (...inputs) => {
    const [x, near, eps] = inputs as [Tensor, Tensor, Tensor | undefined];
    const parts = eps === undefined ? [] : model.tower.split(eps);
    const { params, residuals } = model.tower.descend(near, ({ mean, logVariance }, level) => {
      const own = parts[level];
      return own === undefined ? mean : mean.add(logVariance.mul(0.5).exp().mul(own));
    });
    const rows = x.reshape([x.shape[0] as number, sizeOf(model.event)]);
    const kl = residuals.map(({ mean, logVariance }) =>
      mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mul(0.5).sum({ axis: -1 }),
    );
    return { cost: model.options.reconstruction.logProb(rows, params).neg(), kl: kl.reduce((a, b) => a.add(b)) };
  });
}

/** A cost in nats of the data as given. */
function onScale(graph: Graph, cost: Operand): Operand {
  if (!graph.model.options.reconstruction.normalized) return cost;
  return { value: graph.shifted(cost.value, 'subtract', 'row', false), dims: cost.dims };
}
