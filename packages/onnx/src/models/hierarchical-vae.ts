import { concat, real, sizeOf, type Tensor } from '@latent/tensor';
import type { HierarchicalVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import { codedRules, errorRules } from './coded-rules.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';
import { type NoiseOptions, noiseChecks } from './noise.ts';

type Graph = ModelGraph<HierarchicalVae>;

/** What becomes a file of a hierarchical VAE. Codes are the latents of all levels, from the rows up; `eps` [N, latents of all levels]. */
export const hierarchicalVaeRules = (): ModelGraphs => ({
  ...codedRules<HierarchicalVae>({
    size: ({ latentSize }) => latentSize,
    /** q(u | x) of each level, at the mean of those above. */
    encode(model, { near }) {
      const { residuals } = atMeans(model, near);
      const all = (part: 'mean' | 'logVariance'): Tensor =>
        concat(
          residuals.map((level) => level[part]),
          -1,
        );
      return { mean: all('mean'), logVariance: all('logVariance') };
    },
    decode: (model, z) => ({ mean: meanOf(model, model.tower.from(z)) }),
    reconstruct: (model, { near }) => meanOf(model, atMeans(model, near).params),
  }),
  ...errorRules((graph: Graph) => termsOf(graph, { noise: 'mean' }).reconstruction),
  elbo: graphRule(noiseChecks, (graph: Graph, options) => {
    const { reconstruction, kl } = termsOf(graph, options);
    return { elbo: graph.negated(graph.sum(reconstruction, kl)), reconstruction, kl };
  }),
  /** Minus the bound, and whether it is above the threshold. */
  detector: graphRule({ ...noiseChecks, threshold: real() }, (graph: Graph, { threshold, ...options }) => {
    const { reconstruction, kl } = termsOf(graph, options);
    return decision(graph, graph.sum(reconstruction, kl), threshold);
  }),
});

function atMeans(model: HierarchicalVae, near: Tensor) {
  return model.tower.descend(near, ({ mean }) => mean);
}

function meanOf(model: HierarchicalVae, params: Tensor): Tensor {
  return model.options.reconstruction.mean(params);
}

/** −log p(x | z) of each row in nats of the data as given, and the sum of the levels' KLs. */
function termsOf(graph: Graph, { noise }: NoiseOptions): Record<'reconstruction' | 'kl', Operand> {
  const { model } = graph;
  const { reconstruction: likelihood } = model.options;
  const program = ({ x, near, eps }: { x: Tensor; near: Tensor; eps: Tensor | null }) => {
    const parts = eps === null ? [] : model.tower.split(eps);
    const { params, residuals } = model.tower.descend(near, ({ mean, logVariance }, level) => {
      const own = parts[level];
      return own === undefined ? mean : mean.add(logVariance.mul(0.5).exp().mul(own));
    });
    const rows = x.reshape([x.shape[0] as number, sizeOf(model.event)]);
    const kl = residuals.map(({ mean, logVariance }) =>
      mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mul(0.5).sum({ axis: -1 }),
    );
    return { cost: likelihood.logProb(rows, params).neg(), kl: kl.reduce((a, b) => a.add(b)) };
  };
  const { cost, kl } = graph.ofRows('scores', program, noise === 'mean' ? null : [N, model.latentSize]);
  return { reconstruction: graph.shifted(cost, likelihood), kl };
}
