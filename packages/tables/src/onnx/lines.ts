import type { Graph, Value } from '@latent/onnx/graph';
import type { LinearFill } from '../model/linear-fill.ts';
import type { Cells } from './inputs.ts';
import { beside, columnsOf, number, sum } from './nodes.ts';

/** Steps of conjugate gradients beyond as many as rows have places, after which they would be exact but for rounding. */
const MORE_STEPS = 20;
/** Less than this is nothing, and not divided by. */
const LEAST = 1e-290;

/** Rows as straight lines fill them, in the columns' own units: [N, width], in double precision. See `LinearFill`. */
export function linesOf(graph: Graph, linear: LinearFill, cells: Cells): Value {
  const { mean, std, precision } = linear.parts;
  const { width } = linear;
  const numbers = (values: Float64Array): Value => graph.constant('double', [width], values);
  const node = (op: string, inputs: readonly Value[], type?: 'bool'): Value => graph.node(op, inputs, {}, type);
  const own = node('Div', [node('Sub', [placed(graph, linear, cells), numbers(mean)]), numbers(std)]);
  const missing = node('IsNaN', [own], 'bool');
  const hole = graph.cast(missing, 'double');
  const known = graph.node('Where', [missing, number(graph, 0), own], {}, 'double');
  const matrix = graph.constant('double', [width, width], precision);
  /** The rows' own part of the matrix, of holes by holes, times a vector of holes. */
  const applied = (x: Value): Value => node('Mul', [node('MatMul', [x, matrix]), hole]);
  const filled = solved(graph, applied, node('Neg', [applied(known)]), linear);
  const whole = graph.node('Where', [missing, filled, own], {}, 'double');
  return node('Add', [node('Mul', [whole, numbers(std)]), numbers(mean)]);
}

/**
 * The solutions of A·y = b, each row's A a part of one positive definite matrix, by conjugate gradients with its diagonal (Hestenes & Stiefel
 * 1952): a graph has no inverse, and steps are products.
 */
function solved(graph: Graph, applied: (x: Value) => Value, b: Value, linear: LinearFill): Value {
  const { width } = linear;
  const { precision } = linear.parts;
  const node = (op: string, inputs: readonly Value[]): Value => graph.node(op, inputs);
  const dot = (u: Value, v: Value): Value => sum(graph, node('Mul', [u, v]), 1, 1);
  // What has come to nothing stays there.
  const over = (u: Value, v: Value): Value => node('Div', [u, node('Max', [v, number(graph, LEAST)])]);
  const diagonal = graph.constant(
    'double',
    [width],
    Float64Array.from({ length: width }, (_, i) => precision[i * (width + 1)] as number),
  );
  let [rest, near] = [b, node('Div', [b, diagonal])];
  let [y, along, size]: [Value | null, Value, Value] = [null, near, dot(b, near)];
  for (let i = 0; i < width + MORE_STEPS; i++) {
    const image = applied(along);
    const step = over(size, dot(along, image));
    const moved = node('Mul', [along, step]);
    y = y === null ? moved : node('Add', [y, moved]);
    rest = node('Sub', [rest, node('Mul', [image, step])]);
    near = node('Div', [rest, diagonal]);
    const next = dot(rest, near);
    along = node('Add', [near, node('Mul', [along, over(next, size)])]);
    size = next;
  }
  return y as Value;
}

/** Rows as lines see them: numbers in their own units, and levels that have a place; NaN in holes. */
function placed(graph: Graph, linear: LinearFill, cells: Cells): Value {
  const parts = linear.parts.spans.flatMap((span, c): Value[] => {
    if (span === null) return [];
    const cell = cells.numbers.get(c);
    if (cell !== undefined) return [cell];
    const place = cells.categories.findIndex(({ column }) => column === c);
    const code = columnsOf(graph, cells.codes as Value, [place]);
    // The levels of a span are the first of the file's.
    const levels = graph.whole(Array.from({ length: span.size }, (_, i) => i));
    const is = graph.cast(graph.node('Equal', [code, levels], {}, 'bool'), 'double');
    const missing = graph.node('Less', [code, graph.whole([0])], {}, 'bool');
    return [graph.node('Where', [missing, number(graph, Number.NaN), is], {}, 'double')];
  });
  return beside(graph, parts);
}
