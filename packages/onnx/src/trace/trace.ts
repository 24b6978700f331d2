import type { Module } from '@latent/nn';
import type { Shape, Tensor } from '@latent/tensor';
import type { Dims, Graph, Value } from '../graph/graph.ts';
import { layerRules } from '../rules/rules.ts';
import { ROWS } from './dims.ts';
import { emit } from './emit.ts';
import { record } from './record.ts';
import { unify } from './unify.ts';

/** An operand of a program: a value of the graph, and its sizes. */
export interface Operand {
  readonly value: Value;
  readonly dims: Dims;
}

/**
 * Adds what `program` computes of the operands to the graph. The program runs twice, with five rows and with seven, on numbers
 * of no meaning: what stays is the graph's structure, and what changes in proportion is the number of rows, left open.
 */
export function trace<K extends string>(
  graph: Graph,
  module: Module,
  operands: readonly Operand[],
  program: (...inputs: Tensor[]) => Readonly<Record<K, Tensor>>,
): Record<K, Operand> {
  const whole = (layer: Module): boolean => layerRules.get(layer.type) !== undefined;
  const [a, b] = ROWS.map((rows, seed) => {
    const shapes = operands.map(
      ({ dims }): Shape => dims.map((dim) => (typeof dim === 'number' ? dim : dim.rows * rows)),
    );
    return record(module, shapes, program as (...inputs: Tensor[]) => Record<string, Tensor>, { seed, whole });
  }) as [ReturnType<typeof record>, ReturnType<typeof record>];
  const values = operands.map(({ value }) => value);
  return emit(graph, module, unify(a, b), values) as Record<K, Operand>;
}
