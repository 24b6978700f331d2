import { type Checked, type Checks, real, type Tensor } from '@latent/tensor';
import type { Autoencoder } from '@latent/vae';
import type { Operand } from '../trace/trace.ts';
import { decision, type GraphRule, graphRule, type ModelGraph, N } from './model-graph.ts';

type Graph = ModelGraph<Autoencoder>;

const rule = <S extends Checks>(options: S, build: (graph: Graph, options: Checked<S>) => Record<string, Operand>) =>
  graphRule<Autoencoder, S>(options, build);

/** What becomes a file of an autoencoder. */
export const AUTOENCODER_GRAPHS: Readonly<Record<string, GraphRule>> = {
  encoder: rule({}, (graph) =>
    graph.trace([graph.near('codes')], (near) => {
      const codes = graph.model.encoder.forward(near as Tensor);
      return { code: codes.reshape([codes.shape[0] as number, graph.model.codeSize]) };
    }),
  ),
  /** The parameters of the rows' distribution before any squashing, and its mean on the scale of the data. */
  decoder: rule({}, (graph) => {
    const { model } = graph;
    const { params, mean } = graph.trace([graph.input('z', [N, model.codeSize])], (z) => {
      const parameters = model.likelihoodParams(z as Tensor);
      return { params: parameters, mean: model.options.reconstruction.mean(parameters) };
    });
    return { params, mean: graph.restored(mean) };
  }),
  reconstruction: rule({}, (graph) => {
    const { model } = graph;
    const { mean } = graph.trace([graph.near('codes')], (near) => ({
      mean: model.options.reconstruction.mean(model.likelihoodParams(model.encoder.forward(near as Tensor))),
    }));
    return { reconstruction: graph.restored(mean) };
  }),
  reconstructionError: rule({}, (graph) => ({ error: errorOf(graph) })),
  /** The error, and whether it is above the threshold. */
  detector: rule({ threshold: real() }, (graph, { threshold }) => decision(graph, errorOf(graph), threshold)),
};

/** The loss of each row against itself, on the scale of the data. */
function errorOf(graph: Graph): Operand {
  const { model } = graph;
  const { reconstruction } = model.options;
  const { error } = graph.trace([graph.x, graph.near('scores')], (x, near) => {
    const params = model.likelihoodParams(model.encoder.forward(near as Tensor));
    const rows = (x as Tensor).reshape([(x as Tensor).shape[0] as number, model.options.inputSize]);
    return { error: reconstruction.logProb(rows, params).neg() };
  });
  if (!reconstruction.normalized) return error;
  return { value: graph.shifted(error.value, 'subtract', 'row', false), dims: error.dims };
}
