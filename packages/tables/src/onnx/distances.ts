import type { Graph, Value } from '@latent/onnx/graph';
import { type Shape, type Tensor, ValueError } from '@latent/tensor';
import { numberOf } from '../input/cell.ts';
import { NEAREST, type Neighbours } from '../model/neighbours.ts';
import { type Axis, LEAST, MOST, widthOf } from '../model/row-space.ts';
import type { Cells } from './inputs.ts';
import { beside, columnsOf, number, ordered, type Part, startsOf, sum } from './nodes.ts';

/** How far rows are from those that were learned, in standard deviations from the mean: [N], in double precision. */
export function distances(graph: Graph, cells: Cells, neighbours: Neighbours): Value {
  const { axes, scale } = neighbours.config;
  const { tensors } = neighbours.save();
  const { rows, penalties } = tensors as { readonly rows: Tensor; readonly penalties: Tensor };
  const x = graph.cast(placed(graph, cells, axes), 'double');
  const known = graph.cast(graph.tensor('neighbours.rows', 'float', rows.shape, rows.data), 'double');
  const lonely = graph.cast(graph.tensor('neighbours.penalties', 'float', penalties.shape, penalties.data), 'double');
  const mean = nearest(graph, x, known, lonely, { sizes: rows.shape, equal: roundingOf(cells, axes) });
  return graph.node('Div', [graph.node('Sub', [mean, number(graph, scale[0])]), number(graph, scale[1])]);
}

/** Rows in the space of distances: see `place`. A level that is a number and was never seen is as far as any other that was not. */
function placed(graph: Graph, cells: Cells, axes: readonly Axis[]): Value {
  const starts = startsOf(axes.map((axis) => widthOf([axis])));
  const parts = [numberPlaces(graph, cells, axes, starts), levelPlaces(graph, cells, axes, starts)];
  return ordered(
    graph,
    parts.filter((part) => part !== null),
    widthOf(axes),
  );
}

type NumberAxis = Exclude<Axis, { readonly levels: readonly string[] }>;

function numberPlaces(graph: Graph, cells: Cells, axes: readonly Axis[], starts: readonly number[]): Part | null {
  const own = axes.filter((axis): axis is NumberAxis => !('levels' in axis));
  if (own.length === 0) return null;
  const values = own.map(({ column }) => cells.numbers.get(column) ?? levelNumber(graph, cells, column));
  const x = beside(graph, values);
  const numbers = (of: (axis: NumberAxis) => number): Value => graph.constant('double', [own.length], own.map(of));
  const from = graph.node('Sub', [x, numbers(({ low }) => low)]);
  const share = graph.node('Div', [from, numbers(({ range }) => range)]);
  const held = graph.node('Max', [graph.node('Min', [share, number(graph, MOST)]), number(graph, LEAST)]);
  const hole = graph.node('IsNaN', [share], {}, 'bool');
  const value = graph.node('Where', [hole, numbers(({ middle }) => middle), held], {}, 'double');
  return { value: graph.cast(value, 'float'), at: own.map(({ column }) => starts[column] as number) };
}

/** The numbers that the levels of a category are: [N, 1]. */
function levelNumber(graph: Graph, cells: Cells, column: number): Value {
  const place = categoryOf(cells, column);
  const codes = columnsOf(graph, cells.codes as Value, [place]);
  const keys = cells.categories[place]?.known.keys ?? [];
  // A hole's code comes first; what was never seen is past all.
  const numbers = [Number.NaN, ...keys.map(numberOf), Infinity];
  const next = graph.node('Add', [codes, graph.whole([1])]);
  return graph.node('Gather', [graph.constant('double', [numbers.length], numbers), next], {}, 'double');
}

/** Which of the categories a column is; a file may say of any column that it is one. */
function categoryOf({ categories }: Cells, column: number): number {
  const place = categories.findIndex((category) => category.column === column);
  if (place >= 0) return place;
  throw new ValueError(`exportTable: distances take column ${column} for a category; the model's file is altered`);
}

function levelPlaces(graph: Graph, cells: Cells, axes: readonly Axis[], starts: readonly number[]): Part | null {
  const own = axes.flatMap((axis) => ('levels' in axis ? [axis] : []));
  if (own.length === 0) return null;
  const chosen = own.map(({ column }) => categoryOf(cells, column));
  const codes = columnsOf(graph, cells.codes as Value, chosen);
  // Of each code, a hole's first, its place on the axis; all tables one after the other.
  const tables = own.map(({ levels }, k) => {
    const keys = cells.categories[chosen[k] as number]?.known.keys ?? [];
    const placeOf = new Map(levels.map((level, i) => [level, i]));
    return [-1, ...keys.map((key) => placeOf.get(key) ?? levels.length), levels.length];
  });
  const firsts = startsOf(
    tables.map(({ length }) => length),
    1,
  );
  const at = graph.node('Add', [codes, graph.whole(firsts)]);
  const place = graph.node('Gather', [graph.whole(tables.flat()), at], {}, 'int64');
  const places = own.flatMap(({ column, levels }, k) =>
    Array.from({ length: levels.length + 1 }, (_, i) => ({
      of: k,
      i,
      last: i === levels.length,
      at: (starts[column] as number) + i,
    })),
  );
  const wide = columnsOf(
    graph,
    place,
    places.map(({ of }) => of),
  );
  const is = graph.node('Equal', [wide, graph.whole(places.map(({ i }) => i))], {}, 'bool');
  const worth = graph.constant(
    'float',
    [places.length],
    places.map(({ last }) => (last ? MOST : 1)),
  );
  return { value: graph.node('Mul', [graph.cast(is, 'float'), worth]), at: places.map((each) => each.at) };
}

/** How far, squared, numbers that are handed in with single precision may put a row from itself; 0 where none are. */
function roundingOf({ columns }: Cells, axes: readonly Axis[]): number {
  return axes.reduce((sum, axis) => {
    if ('levels' in axis || columns[axis.column]?.type !== 'float32') return sum;
    const { low, range } = axis;
    return sum + (SINGLE * (1 + Math.max(Math.abs(low), Math.abs(low + range)) / range)) ** 2;
  }, 0);
}
const SINGLE = 2 ** -23;

/** What is known of the learned rows: how many and of how many places, and up to which square of a distance one is equal. */
interface Learned {
  readonly sizes: Shape;
  readonly equal: number;
}

/**
 * The mean of the three least of distance and penalty, one equal row left out: [N]. Four candidates are found by products, which lose the
 * digits of small distances, and measured anew by their differences.
 */
function nearest(graph: Graph, given: Value, rows: Value, penalties: Value, { sizes, equal: up }: Learned): Value {
  const [count = 0, width = 0] = sizes;
  const node = (op: string, inputs: readonly Value[], type?: 'bool' | 'double' | 'int64'): Value =>
    graph.node(op, inputs, {}, type);
  const squares = (of: Value, axis: number, keep: 0 | 1): Value => sum(graph, node('Mul', [of, of]), axis, keep);
  const least = (of: Value, k: number): readonly Value[] =>
    graph.nodeOf('TopK', [of, graph.whole([k])], { axis: -1, largest: 0, sorted: 1 }, ['double', 'int64']);

  // One row more, left out again at the end: TopK of no rows ends the process of ONNX Runtime 1.30.
  const x = graph.node('Concat', [given, graph.constant('double', [1, width], new Float64Array(width))], { axis: 0 });
  const both = node('Add', [squares(x, 1, 1), squares(rows, 1, 0)]);
  const product = node('MatMul', [x, graph.transpose(rows, [1, 0])]);
  const rough = node('Sub', [both, node('Mul', [product, number(graph, 2)])]);
  const all = node('Add', [node('Sqrt', [node('Max', [rough, number(graph, 0)])]), penalties]);
  const [, place] = least(all, Math.min(NEAREST + 1, count)) as [Value, Value];

  const candidates = graph.node('Gather', [rows, place], { axis: 0 }, 'double');
  const apart = squares(node('Sub', [candidates, node('Unsqueeze', [x, graph.whole([1])])]), 2, 0);
  const equal = node('LessOrEqual', [apart, number(graph, up)], 'bool');
  const none = graph.constant('int64', [], [count]);
  const first = graph.node('ReduceMin', [node('Where', [equal, place, none], 'int64')], { axes: [1], keepdims: 1 });
  const own = node('Equal', [place, first], 'bool');
  const value = node('Add', [node('Sqrt', [apart]), graph.node('Gather', [penalties, place], {}, 'double')]);
  const others = node('Where', [own, number(graph, Infinity), value], 'double');
  const [found] = least(others, Math.min(NEAREST, count)) as [Value, Value];
  const there = node('Less', [found, number(graph, Infinity)], 'bool');
  const counted = node('Max', [sum(graph, graph.cast(there, 'double'), 1), number(graph, 1)]);
  const total = sum(graph, node('Where', [there, found, number(graph, 0)], 'double'), 1);
  return node('Slice', [node('Div', [total, counted]), graph.whole([0]), graph.whole([-1])]);
}
