import { Module } from '@latent/nn';
import { type Graph, heldRows, N, nearRows, type Operand, trace, type Value } from '@latent/onnx/graph';
import { type Tensor, zeros } from '@latent/tensor';
import type { RowInputs } from '@latent/vae';
import type { TableVae } from '../model/table-vae.ts';

/** Where the codes of rows come from: their means, or noise that is an input, so many draws of each. */
export interface Noise {
  readonly noise: 'mean' | 'input';
  readonly samples: number;
}

/** The members of a model, under the names that they have in its file. */
export class Members extends Module {
  readonly member: readonly TableVae[];

  constructor(members: readonly TableVae[]) {
    super();
    this.member = members;
    for (const { prior } of members) prior?.refresh();
  }

  /** What a program computes of coded rows [N, width], and of the noise where it is an input. */
  trace<K extends string>(
    graph: Graph,
    coded: Value,
    noise: Noise,
    program: (members: readonly { readonly member: TableVae; readonly rows: RowInputs }[]) => Record<K, Tensor>,
    of: 'scores' | 'codes' = 'scores',
  ): Record<K, Operand> {
    const [{ options }] = this.member as readonly [TableVae];
    const width = options.inputSize;
    const limits = this.member.map((member) => member.seenRange?.limits(of) ?? null);
    const dims = [N, width];
    const operands: Operand[] = [];
    const held = limits[0] ? heldRows(graph, coded, limits[0], [width]) : coded;
    operands.push({ value: held, dims });
    // Members that were trained on the same rows see the same.
    const seen = limits.map((own) => JSON.stringify(own && [Array.from(own.least), Array.from(own.most)]));
    seen.forEach((key, i) => {
      const own = limits[i];
      if (seen.indexOf(key) === i) operands.push({ value: own ? nearRows(graph, coded, own, [width]) : coded, dims });
    });
    const kinds = [...new Set(seen)];
    if (noise.noise === 'input') {
      const lead = noise.samples === 1 ? [] : [noise.samples];
      const shape = [...lead, N, options.latentSize];
      operands.push({ value: graph.input('eps', 'float', shape), dims: shape });
    }
    return trace(graph, this, operands, (...inputs) => {
      const x = inputs[0] as Tensor;
      const [rows = 0] = x.shape;
      const eps = inputs[1 + kinds.length];
      const normal = (count: number, size: number): Tensor =>
        eps === undefined ? zeros([count, rows, size]) : eps.reshape([count, rows, size]);
      return program(
        this.member.map((member, i) => ({
          member,
          rows: { x, near: inputs[1 + kinds.indexOf(seen[i] as string)] as Tensor, draws: { normal } },
        })),
      );
    });
  }
}

/** The mean over members. */
export function meanOf(values: readonly Tensor[]): Tensor {
  return values.reduce((a, b) => a.add(b)).div(values.length);
}
