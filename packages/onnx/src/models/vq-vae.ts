import { full, gather, sizeOf, type Tensor, UsageError } from '@latent/tensor';
import type { VqVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import { errorRules, reconstructionRule } from './coded-rules.ts';
import type { GraphRule, ModelGraphs } from './graph-rule.ts';
import { graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<VqVae>;

/** What becomes a file of a VQ-VAE. Codes are whole numbers [N, …places]. */
export const vqVaeRules = (): ModelGraphs => {
  const rules: ModelGraphs = {
    encoder: graphRule({}, (graph: Graph) => {
      const { codes } = graph.ofRows('codes', ({ near }) => ({ codes: nearest(graph.model, near) }));
      const dims = [N, ...graph.model.places];
      return { codes: { value: graph.graph.cast(graph.graph.reshape(codes.value, dims), 'int64'), dims } };
    }),
    /** The mean of p(x | codes), on the scale of the data. */
    decoder: graphRule({}, (graph: Graph) => {
      const dims = [N, ...graph.model.places];
      const codes = { value: graph.graph.cast(graph.graph.input('codes', 'int64', dims), 'float'), dims };
      const { mean } = graph.trace([codes], (numbers) => ({ mean: means(graph.model, numbers as Tensor) }));
      return { mean: graph.restored(mean) };
    }),
    reconstruction: reconstructionRule<VqVae>((model, { near }) => means(model, nearest(model, near))),
    ...errorRules((graph: Graph) => costs(graph).reconstruction),
    /** −log p(x) ≤ reconstruction + codes, in nats of the data as given. */
    codeBound: graphRule({}, (graph: Graph) => {
      const { name, normalized } = graph.model.options.reconstruction;
      if (!normalized) throw new UsageError(`exportOnnx: codeBound: ${name} is a plain loss, not a distribution`);
      const { reconstruction, codes } = costs(graph);
      return { bound: graph.sum(reconstruction, codes), reconstruction, codes };
    }),
  };
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, learned(rule)]));
};

/** A rule for models whose codebook has learned; before, all codes are alike. */
function learned({ options, build }: GraphRule): GraphRule {
  return {
    options,
    build(graph, own) {
      if (graph.model.seenRange === null) {
        throw new UsageError('exportOnnx: the codebook of a VqVae is made of rows; call fit before');
      }
      return build(graph, own);
    },
  };
}

/** The codes of rows: [rows, places]. */
function nearest(model: VqVae, near: Tensor): Tensor {
  return model.codebook.nearest(model.vectors(near)).reshape([near.shape[0] as number, sizeOf(model.places)]);
}

/** The parameters of p(x | codes). */
function paramsOf(model: VqVae, codes: Tensor): Tensor {
  return model.likelihoodParams(gather(model.codebook.codes, codes.reshape([codes.size])));
}

function means(model: VqVae, codes: Tensor): Tensor {
  return model.options.reconstruction.mean(paramsOf(model, codes));
}

/** What a row costs given its codes, on the scale of the data, and what its codes cost. */
function costs(graph: Graph): Record<'reconstruction' | 'codes', Operand> {
  const { model } = graph;
  const { reconstruction: likelihood, codes: count } = model.options;
  const [width, places] = [sizeOf(model.event), sizeOf(model.places)];
  const trained = model.prior.trained.item() === 1;
  const { reconstruction, codes } = graph.ofRows('scores', ({ x, near }) => {
    const rows = x.reshape([x.shape[0] as number, width]);
    const own = nearest(model, near);
    return {
      reconstruction: likelihood.logProb(rows, paramsOf(model, own)).neg(),
      // Before `fitPrior` all codes are as likely.
      codes: trained ? model.prior.logProb(own).neg() : full([rows.shape[0] as number], places * Math.log(count)),
    };
  });
  return { reconstruction: graph.shifted(reconstruction, likelihood), codes };
}
