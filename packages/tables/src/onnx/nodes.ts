import type { Graph, Value } from '@latent/onnx/graph';

// Nodes that every part of a table's graph is made of. Rows are the first axis of all values.

/** A number in double precision. */
export function number(graph: Graph, value: number): Value {
  return graph.constant('double', [], [value]);
}

/**
 * The sum over one axis, which stays with the size 1 where it is kept. It is counted from the first: of no rows ONNX Runtime 1.30 leaves
 * axes that are counted from the last as wide as they were.
 */
export function sum(graph: Graph, of: Value, axis: number, keep: 0 | 1 = 0): Value {
  return graph.node('ReduceSum', [of, graph.whole([axis])], { keepdims: keep });
}

/** Some of the columns of [N, columns], by their places. */
export function columnsOf(graph: Graph, of: Value, places: readonly number[]): Value {
  return graph.node('Gather', [of, graph.whole(places)], { axis: 1 });
}

/** Columns beside each other: [N, …] each. */
export function beside(graph: Graph, values: readonly Value[]): Value {
  return values.length === 1 ? (values[0] as Value) : graph.node('Concat', values, { axis: 1 });
}

/** Where each of parts of these sizes begins, one after the other. */
export function startsOf(sizes: readonly number[], first = 0): readonly number[] {
  let at = first;
  return sizes.map((size) => {
    at += size;
    return at - size;
  });
}

/** Columns, and where they stand. */
export interface Part {
  readonly value: Value;
  readonly at: readonly number[];
}

/** All parts beside each other, each column at its place. */
export function ordered(graph: Graph, parts: readonly Part[], width: number): Value {
  const all = beside(
    graph,
    parts.map(({ value }) => value),
  );
  const from = new Array<number>(width).fill(0);
  parts
    .flatMap(({ at }) => at)
    .forEach((to, i) => {
      from[to] = i;
    });
  return from.every((place, i) => place === i) ? all : columnsOf(graph, all, from);
}
