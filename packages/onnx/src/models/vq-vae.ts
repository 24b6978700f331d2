import { type Checked, type Checks, full, gather, real, sizeOf, type Tensor, UsageError } from '@latent/tensor';
import type { VqVae } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<VqVae>;

/** A rule for models whose codebook has learned; before, all codes are alike. */
const rule = <S extends Checks>(options: S, build: (graph: Graph, options: Checked<S>) => Record<string, Operand>) =>
  graphRule<VqVae, S>(options, (graph, own) => {
    if (graph.model.seenRange === null) {
      throw new UsageError('exportOnnx: the codebook of a VqVae is made of rows; call fit before');
    }
    return build(graph, own);
  });

/** What becomes a file of a VQ-VAE. Codes are whole numbers [N, …places]. */
export const vqVaeRules = (): ModelGraphs => ({
  encoder: rule({}, (graph) => {
    const { codes } = graph.trace([graph.near('codes')], (near) => ({ codes: nearest(graph.model, near as Tensor) }));
    const dims = [N, ...graph.model.places];
    return { codes: { value: graph.graph.cast(graph.graph.reshape(codes.value, dims), 'int64'), dims } };
  }),
  /** The mean of p(x | codes), on the scale of the data. */
  decoder: rule({}, (graph) => {
    const { model } = graph;
    const dims = [N, ...model.places];
    const codes = { value: graph.graph.cast(graph.graph.input('codes', 'int64', dims), 'float'), dims };
    const { mean } = graph.trace([codes], (numbers) => ({ mean: means(model, numbers as Tensor) }));
    return { mean: graph.restored(mean) };
  }),
  reconstruction: rule({}, (graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.near('codes')], (near) => ({
      mean: means(model, nearest(model, near as Tensor)),
    }));
    return { reconstruction: graph.restored(mean) };
  }),
  reconstructionError: rule({}, (graph) => ({ error: costs(graph).reconstruction })),
  /** −log p(x) ≤ reconstruction + codes, in nats of the data as given. */
  codeBound: rule({}, (graph) => {
    const { name, normalized } = graph.model.options.reconstruction;
    if (!normalized) throw new UsageError(`exportOnnx: codeBound: ${name} is a plain loss, not a distribution`);
    const { reconstruction, codes } = costs(graph);
    const bound = { value: graph.graph.node('Add', [reconstruction.value, codes.value]), dims: codes.dims };
    return { bound, reconstruction, codes };
  }),
  /** The error, and whether it is above the threshold. */
  detector: rule({ threshold: real() }, (graph, { threshold }) =>
    decision(graph, costs(graph).reconstruction, threshold),
  ),
});

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
  const { reconstruction, codes } = graph.trace([graph.x, graph.near('scores')], (x, near) => {
    const rows = (x as Tensor).reshape([(x as Tensor).shape[0] as number, width]);
    const own = nearest(model, near as Tensor);
    return {
      reconstruction: likelihood.logProb(rows, paramsOf(model, own)).neg(),
      // Before `fitPrior` all codes are as likely.
      codes: trained ? model.prior.logProb(own).neg() : full([rows.shape[0] as number], places * Math.log(count)),
    };
  });
  if (!likelihood.normalized) return { reconstruction, codes };
  const value = graph.shifted(reconstruction.value, 'subtract', 'row', false);
  return { reconstruction: { value, dims: reconstruction.dims }, codes };
}
