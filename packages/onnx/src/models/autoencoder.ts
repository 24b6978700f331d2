import { type Context, withinLengths } from '@latent/nn';
import { type Tensor, where } from '@latent/tensor';
import type { Autoencoder, StepwiseDistribution } from '@latent/vae';
import type { Operand } from '../trace/trace.ts';
import { codedRules, type DecodedRows, errorRules } from './coded-rules.ts';
import type { ModelGraphs } from './graph-rule.ts';
import { central, unrolled } from './made-rows.ts';
import type { ModelGraph, SeenRows } from './model-graph.ts';

/** What becomes a file of an autoencoder. */
export const autoencoderRules = (): ModelGraphs => ({
  ...codedRules<Autoencoder>({
    size: ({ codeSize }) => codeSize,
    encode(model, rows) {
      const codes = encoded(model, rows);
      return { code: codes.reshape([codes.shape[0] as number, model.codeSize]) };
    },
    decode: (model, z) => decoded(model, z),
    reconstruct: (model, rows) => decoded(model, encoded(model, rows), contextOf(rows)).mean,
  }),
  ...errorRules(errorOf),
});

/** What goes with rows through networks. */
function contextOf({ x, beside: { lengths } }: SeenRows): Context {
  return lengths === undefined ? {} : { lengths, steps: x.shape[1] as number };
}

function encoded(model: Autoencoder, rows: SeenRows): Tensor {
  return model.encoder.forward(rows.near, contextOf(rows));
}

/** What stands for rows of codes, and their parameters before any squashing where they are made of the codes alone. */
function decoded(model: Autoencoder, codes: Tensor, context: Context = {}): DecodedRows {
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
function errorOf(graph: ModelGraph<Autoencoder>): Operand {
  const { model } = graph;
  const { reconstruction, inputSize } = model.options;
  const { error } = graph.ofRows('scores', (seen) => {
    const { x, beside } = seen;
    const params = model.likelihoodParams(encoded(model, seen), { ...contextOf(seen), x });
    const rows = x.reshape([x.shape[0] as number, inputSize]);
    const { lengths } = beside;
    if (lengths === undefined) return { error: reconstruction.logProb(rows, params).neg() };
    const steps = (reconstruction as StepwiseDistribution).logProbPerStep(rows, params);
    const inside = withinLengths(lengths, steps.shape[1] as number);
    return { error: where(inside, steps, 0).sum({ axis: -1 }).neg() };
  });
  return graph.shifted(error, reconstruction);
}
