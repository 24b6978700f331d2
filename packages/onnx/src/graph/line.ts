import type { Shape } from '@latent/tensor';
import type { BrokenLine } from '../rules/transforms.ts';
import type { Graph, Value } from './graph.ts';

/** What is asked of a line at x: y, or log dy/dx. */
export type LineResult = 'value' | 'logSlope';

/** The line read from y to x. */
export function turned({ x, y, spread }: BrokenLine): BrokenLine {
  return { x: y, y: x, spread: 1 / spread };
}

/** Where each of some lists begins, put end to end. */
function starts(lists: readonly { readonly length: number }[]): number[] {
  let end = 0;
  return lists.map(({ length }) => {
    end += length;
    return end - length;
  });
}

/**
 * How many numbers of its column's rising list are below each value [N, …columns]; none where it is no number. They are searched for by
 * halves, in all columns at once, so that neither columns nor lists cost nodes.
 */
export function countBelow(graph: Graph, x: Value, lists: readonly ArrayLike<number>[], columns: Shape): Value {
  const whole = (values: readonly number[]): Value => graph.constant('int64', columns, values);
  const one = (value: number): Value => graph.constant('int64', [], [value]);
  const all = lists.flatMap((list) => Array.from(list));
  const numbers = graph.constant(x.type, [all.length], all);
  const [before, count] = [whole(starts(lists).map((start) => start - 1)), whole(lists.map(({ length }) => length))];
  let below = one(0);
  const longest = lists.reduce((most, { length }) => Math.max(most, length), 1);
  for (let step = 2 ** Math.floor(Math.log2(longest)); step >= 1; step /= 2) {
    const next = graph.node('Add', [below, one(step)]);
    const at = graph.node('Add', [graph.node('Min', [next, count]), before]);
    const less = graph.node('Less', [graph.node('Gather', [numbers, at], {}, x.type), x], {}, 'bool');
    const further = graph.node('And', [graph.node('LessOrEqual', [next, count], {}, 'bool'), less]);
    below = graph.node('Where', [further, next, below], {}, 'int64');
  }
  return below;
}

/** Each column of values [N, …columns] on its own line. */
export function lineNodes(
  graph: Graph,
  x: Value,
  lines: readonly BrokenLine[],
  columns: Shape,
  result: LineResult,
): Value {
  const knots = lines.map((line) => line.x);
  // The pieces of a line: the one before its first knot, and those that begin at one.
  const pieces = lines.map((line) => [0, ...line.x.keys()]);
  const first = graph.constant('int64', columns, starts(pieces));
  const place = graph.node('Add', [countBelow(graph, x, knots, columns), first]);
  const piece = (of: (line: BrokenLine, begin: number, outside: boolean) => number): Value => {
    const numbers = lines.flatMap((line, c) =>
      (pieces[c] as number[]).map((begin, i) => of(line, begin, i === 0 || i === line.x.length)),
    );
    return graph.node('Gather', [graph.constant(x.type, [numbers.length], numbers), place], {}, x.type);
  };
  const slope = piece(({ x: from, y: to, spread }, i, outside) => {
    if (outside) return 1 / spread;
    return ((to[i + 1] as number) - (to[i] as number)) / ((from[i + 1] as number) - (from[i] as number));
  });
  if (result === 'logSlope') return graph.node('Log', [slope]);
  const along = graph.node('Sub', [x, piece(({ x: from }, i) => from[i] as number)]);
  return graph.node('Add', [graph.node('Mul', [along, slope]), piece(({ y: to }, i) => to[i] as number)]);
}
