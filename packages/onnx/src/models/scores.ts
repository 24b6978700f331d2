import { type Checked, optional, type Tensor, UsageError, ValueError, whole, zeros } from '@latent/tensor';
import type { RowInputs, Score, ScoredModel, VaeCore } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import type { ModelGraph } from './model-graph.ts';
import { noiseChecks } from './noise.ts';

/** Where the codes of a score come from, and how many there are of each row. */
export const drawChecks = { ...noiseChecks, samples: /* @__PURE__ */ optional(whole({ min: 1 }), 1) };

/** The options of graphs with codes. */
export type DrawOptions = Checked<typeof drawChecks>;

/**
 * What `program` computes of a VAE's rows, whose noise is an input of the graph [samples, N, latent], or 0. The model is as the rows
 * see it, with what stands beside them.
 */
export function ofDraws<K extends string>(
  graph: ModelGraph<VaeCore>,
  { noise, samples }: DrawOptions,
  program: (model: ScoredModel, rows: RowInputs, samples: number) => Record<K, Tensor>,
): Record<K, Operand> {
  if (noise === 'mean' && samples > 1) {
    throw new ValueError(
      `exportOnnx: the mean of a code is one, got ${samples} samples; leave them out, or say noise: 'input'`,
    );
  }
  const { model } = graph;
  const sizes = [...(samples === 1 ? [] : [samples]), N, model.options.latentSize];
  return graph.ofRows(
    'scores',
    ({ x, near, eps, beside }) => {
      const [rows = 0] = x.shape;
      const normal = (count: number, width: number): Tensor =>
        eps === null ? zeros([count, rows, width]) : eps.reshape([count, rows, width]);
      return program(model.given({ ...beside, x }), { x, near, draws: { normal }, beside }, samples);
    },
    noise === 'mean' ? null : sizes,
  );
}

/** The numbers of a score, on the scale of the data. */
export function scored<K extends string>(
  graph: ModelGraph<VaeCore>,
  score: Score<K>,
  options: DrawOptions,
): Record<K, Operand> {
  const { reconstructionDistribution: likelihood } = graph.model;
  const { missing: holes } = graph.model.options;
  if (score.density && !likelihood.normalized) {
    throw new UsageError(`exportOnnx: ${score.name}: ${likelihood.name} is a plain loss, not a distribution`);
  }
  const result = ofDraws(graph, options, (given, rows, samples) => score.compute(given, rows, samples));
  for (const part of Object.keys(result) as K[]) {
    const { jacobian, per = 'row' } = score.outputs[part];
    if (jacobian !== undefined) result[part] = graph.shifted(result[part], likelihood, jacobian, { per, holes });
  }
  return result;
}
