import { type Checked, oneOf, optional, type Tensor, UsageError, ValueError, whole, zeros } from '@latent/tensor';
import type { RowInputs, Score, VaeCore } from '@latent/vae';
import type { Operand } from '../trace/trace.ts';
import { type ModelGraph, N } from './model-graph.ts';

/** Where the codes of a score come from, and how many there are of each row. */
export const drawChecks = {
  /** `mean` (default): the mean of each code, the same every time; `input`: noise that is handed in as `eps`. */
  noise: /* @__PURE__ */ optional(oneOf('mean', 'input'), 'mean' as const),
  samples: /* @__PURE__ */ optional(whole({ min: 1 }), 1),
};

/** The options of graphs with codes. */
export type DrawOptions = Checked<typeof drawChecks>;

/** What `program` computes of a VAE's rows, whose noise is an input of the graph [samples, N, latent], or 0. */
export function ofRows<K extends string>(
  graph: ModelGraph<VaeCore>,
  { noise, samples }: DrawOptions,
  program: (rows: RowInputs, samples: number) => Record<K, Tensor>,
): Record<K, Operand> {
  if (noise === 'mean' && samples > 1) {
    throw new ValueError(
      `exportOnnx: the mean of a code is one, got ${samples} samples; leave them out, or say noise: 'input'`,
    );
  }
  const { latentSize } = graph.model.options;
  const operands = [graph.x, graph.near('scores')];
  if (noise === 'input') operands.push(graph.input('eps', [...(samples === 1 ? [] : [samples]), N, latentSize]));
  return graph.trace(operands, (x, near, eps) => {
    const rows = (x as Tensor).shape[0] as number;
    const normal = (count: number, width: number): Tensor =>
      eps === undefined ? zeros([count, rows, width]) : eps.reshape([count, rows, width]);
    return program({ x: x as Tensor, near: near as Tensor, draws: { normal } }, samples);
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
  const result = ofRows(graph, options, (rows, samples) => score.compute(model.given({}), rows, samples));
  for (const part of Object.keys(result) as K[]) {
    const { jacobian, per = 'row' } = score.outputs[part];
    if (jacobian === undefined || per === 'step' || !normalized) continue;
    const { value, dims } = result[part];
    result[part] = { value: graph.shifted(value, jacobian, per, model.options.missing), dims };
  }
  return result;
}
