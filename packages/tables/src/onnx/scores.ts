import { N, type Operand, type Value } from '@latent/onnx/graph';
import { scatterAdd, type Tensor, zeros } from '@latent/tensor';
import { boundScore, contributionsScore, rowsProgram } from '@latent/vae';
import type { TableState } from '../model/state.ts';
import { distances } from './distances.ts';
import { Members, meanOf, type Noise } from './members.ts';
import { number, sum } from './nodes.ts';
import type { TableGraph } from './table-graph.ts';

/** How odd rows are, as `TableModel.score` says it: [N]. */
export function score(table: TableGraph, noise: Noise): Operand {
  const { graph, state, coded } = table;
  const { bound } = new Members(state.members).trace(graph, coded, noise, (members) => ({
    bound: meanOf(
      members.map(({ member, rows }) => boundScore.compute(member.given({ x: rows.x }), rows, noise.samples).elbo),
    ),
  }));
  const far = neighbourPart(table);
  const own = graph.node('Neg', [bound.value]);
  if (far === null) return { value: own, dims: [N] };
  const both = graph.node('Add', [graph.cast(own, 'double'), far]);
  return { value: graph.cast(both, 'float'), dims: [N] };
}

/** A score and what it is made of: each column's −E log p(x_j | z), the KL, and for detectors what distances add. */
export function contributions(table: TableGraph, noise: Noise): Record<string, Operand> {
  const { graph, state, coded } = table;
  const { owner, columns: named } = state.code;
  const made = new Members(state.members).trace(graph, coded, noise, (members) => {
    const parts = members.map(({ member, rows }) =>
      contributionsScore.compute(member.given({ x: rows.x }), rows, noise.samples),
    );
    return {
      columns: byColumn(meanOf(parts.map(({ columns }) => columns)), owner, named.length),
      kl: meanOf(parts.map(({ kl }) => kl)),
    };
  });
  const { columns, kl } = made;
  const own = graph.node('Add', [sum(graph, columns.value, 1), kl.value]);
  const far = neighbourPart(table);
  if (far === null) return { score: { value: own, dims: [N] }, columns, kl };
  const distance = graph.cast(far, 'float');
  return {
    score: { value: graph.node('Add', [own, distance]), dims: [N] },
    columns,
    kl,
    distance: { value: distance, dims: [N] },
  };
}

/** The sums over each column's numbers: [rows, width] to [rows, columns]. */
function byColumn(terms: Tensor, owner: Int32Array, columns: number): Tensor {
  if (owner.every((column, i) => column === i)) return terms;
  const [rows = 0] = terms.shape;
  return scatterAdd(zeros([columns, rows]), Array.from(owner), terms.transpose()).transpose();
}

/** What distances to learned rows add to a score, in nats and in double precision; null where they add nothing. */
function neighbourPart({ graph, state, cells }: TableGraph): Value | null {
  const { neighbours, neighbourScale } = state;
  if (neighbours === null || neighbourScale === 0) return null;
  return graph.node('Mul', [distances(graph, cells, neighbours), number(graph, neighbourScale)]);
}

/**
 * The scores at the means of the codes of the rows that calibrate and are kept: what a file without noise is to be held against. What
 * distances add is what was told beside the bound.
 */
export function referenceAtMean({ members, reference, recipe, seed, code }: TableState): Float64Array {
  const count = reference.rows.length / code.width;
  const total = Float64Array.from(reference.scores);
  for (const member of members) {
    const rows = reference.rows.slice();
    const near = member.seenRange?.drawIn(rows, 'scores') ?? null;
    const atMean = rowsProgram(({ x, near: seen }) => ({
      elbo: boundScore.compute(
        member.given({ x }),
        { x, near: seen, draws: { normal: (samples, width) => zeros([samples, x.shape[0] as number, width]) } },
        1,
      ).elbo,
    }));
    const { elbo } = atMean({ values: rows, near, count }, [code.width]);
    const drawn = member.elboPerRow(reference.rows, { samples: recipe.draws, seed }).data;
    const plain = elbo.data;
    for (let r = 0; r < count; r++)
      total[r] = (total[r] as number) + ((drawn[r] as number) - (plain[r] as number)) / members.length;
  }
  return total;
}
