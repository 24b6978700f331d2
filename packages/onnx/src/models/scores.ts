import { type Checked, oneOf, optional, type Tensor, UsageError, ValueError, whole, zeros } from '@latent/tensor';
import type { RowInputs, Score, ScoredModel, VaeCore } from '@latent/vae';
import { N } from '../graph/graph.ts';
import type { Operand } from '../trace/trace.ts';
import { besideRows } from './beside.ts';
import type { ModelGraph } from './model-graph.ts';

/** Where the codes of a score come from, and how many there are of each row. */
export const drawChecks = {
  /** `mean` (default): the mean of each code, the same every time; `input`: noise that is handed in as `eps`. */
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
  samples: /* @__PURE__ */ optional(whole({ min: 1 }), 1),
};

/** The options of graphs with codes. */
export type DrawOptions = Checked<typeof drawChecks>;

/**
 * What `program` computes of a VAE's rows, whose noise is an input of the graph [samples, N, latent], or 0. The model is as the rows
 * see it, with what stands beside them.
 */
export function ofRows<K extends string>(
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
  const { latentSize } = model.options;
  const operands = [graph.x, graph.near('scores')];
  const beside = besideRows(graph);
  if (noise === 'input') operands.push(graph.input('eps', [...(samples === 1 ? [] : [samples]), N, latentSize]));
  return graph.traceBeside(operands, beside, (inputs, own) => {
    const [x, near, eps] = inputs as [Tensor, Tensor, Tensor | undefined];
    const [rows = 0] = x.shape;
    const normal = (count: number, width: number): Tensor =>
      eps === undefined ? zeros([count, rows, width]) : eps.reshape([count, rows, width]);
    return program(model.given({ ...own, x }), { x, near, draws: { normal }, beside: own }, samples);
  });
}

/** The numbers of a score, on the scale of the data. */
export function scored<K extends string>(
  graph: ModelGraph<VaeCore>,
  score: Score<K>,
  options: DrawOptions,
): Record<K, Operand> {
  const { model } = graph;
  const { normalized, name } = model.reconstructionDistribution;
  if (score.density && !normalized) {
    throw new UsageError(`exportOnnx: ${score.name}: ${name} is a plain loss, not a distribution`);
  }
  const result = ofRows(graph, options, (given, rows, samples) => score.compute(given, rows, samples));
  for (const part of Object.keys(result) as K[]) {
    const { jacobian, per = 'row' } = score.outputs[part];
    if (jacobian === undefined || !normalized) continue;
    const { value, dims } = result[part];
    result[part] = { value: graph.shifted(value, jacobian, per, model.options.missing), dims };
  }
  return result;
}
