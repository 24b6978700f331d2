import { type Batch, type Context, withinLengths } from '@latent/nn';
import { type Checked, type Checks, real, type Tensor, where } from '@latent/tensor';
import type { Autoencoder, StepwiseDistribution } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { central, unrolled } from './made-rows.ts';
import { decision, graphRule, type ModelGraph } from './model-graph.ts';

type Graph = ModelGraph<Autoencoder>;

const rule = <S extends Checks>(options: S, build: (graph: Graph, options: Checked<S>) => Record<string, Operand>) =>
  graphRule<Autoencoder, S>(options, build);

/** What becomes a file of an autoencoder. */
export const autoencoderRules = (): ModelGraphs => ({
  encoder: rule({}, (graph) =>
    graph.traceBeside([graph.near('codes')], besideRows(graph), ([near], beside) => {
      const codes = encoded(graph.model, near as Tensor, beside);
      return { code: codes.reshape([codes.shape[0] as number, graph.model.codeSize]) };
    }),
  ),
  /** The parameters of the rows' distribution before any squashing, and its mean on the scale of the data; see the VAE's. */
  decoder: rule({}, (graph) => {
    const { mean, ...params } = graph.trace<string>([graph.input('z', [N, graph.model.codeSize])], (z) =>
      decoded(graph.model, z as Tensor),
    );
    return { ...params, mean: graph.restored(mean as Operand) };
  }),
  reconstruction: rule({}, (graph) => {
    const { model } = graph;
    const { mean } = graph.traceBeside<string>([graph.near('codes')], besideRows(graph), ([near], beside) =>
      decoded(model, encoded(model, near as Tensor, beside), contextOf(near as Tensor, beside)),
    );
    return { reconstruction: graph.restored(mean as Operand, 'rows') };
  }),
  reconstructionError: rule({}, (graph) => ({ error: errorOf(graph) })),
  /** The error, and whether it is above the threshold. */
  detector: rule({ threshold: real() }, (graph, { threshold }) => decision(graph, errorOf(graph), threshold)),
});

function besideRows({ lengths }: Graph): Record<string, Operand> {
  return lengths === null ? {} : { lengths };
}

/** What goes with rows through networks. */
function contextOf(x: Tensor, { lengths }: Batch): Context {
  return lengths === undefined ? {} : { lengths, steps: x.shape[1] as number };
}

function encoded(model: Autoencoder, near: Tensor, beside: Batch): Tensor {
  return model.encoder.forward(near, contextOf(near, beside));
}

/** What stands for rows of codes, as `mean`, and their parameters where they are made of the codes alone. */
function decoded(model: Autoencoder, codes: Tensor, context: Context = {}): Record<string, Tensor> {
  const { previous, codeSize } = model;
  const { reconstruction: likelihood } = model.options;
  if (previous !== null) {
    const flat = codes.reshape([codes.shape[0] as number, codeSize]);
    return { mean: unrolled(model, previous, likelihood, flat) };
  }
  const params = model.likelihoodParams(codes, context);
  return { params, mean: central(model, likelihood, params) };
}

/** The loss of each row against itself, on the scale of the data. */
function errorOf(graph: Graph): Operand {
  const { model } = graph;
  const { reconstruction } = model.options;
  const { error } = graph.traceBeside(
    [graph.x, graph.near('scores')],
    besideRows(graph),
    ([x, near]: Tensor[], beside) => {
      const given = { ...contextOf(x as Tensor, beside), x: x as Tensor };
      const params = model.likelihoodParams(encoded(model, near as Tensor, beside), given);
      const rows = (x as Tensor).reshape([(x as Tensor).shape[0] as number, model.options.inputSize]);
      const { lengths } = beside;
      if (lengths === undefined) return { error: reconstruction.logProb(rows, params).neg() };
      const steps = (reconstruction as StepwiseDistribution).logProbPerStep(rows, params);
      return {
        error: where(withinLengths(lengths, steps.shape[1] as number), steps, 0)
          .sum({ axis: -1 })
          .neg(),
      };
    },
  );
  if (!reconstruction.normalized) return error;
  return { value: graph.shifted(error.value, 'subtract', 'row', false), dims: error.dims };
}
