import { type FittedConfig, FittedTransform } from '@latent/nn';
import {
  type ColumnFormula,
  ColumnNodes,
  type ColumnStep,
  formula,
  formulaNodes,
  type Graph,
  transformSteps,
  type Value,
} from '@latent/onnx/graph';
import { type Expr, select } from '@latent/tensor';
import type { RowCode } from '../encode/row-code.ts';
import type { LearnedDates } from '../kinds/date.ts';
import { COUNT_LINE_END, type LearnedNumbers, LINE_END } from '../kinds/number-learner.ts';
import type { Cells } from './inputs.ts';
import { beside, columnsOf, number, ordered, type Part } from './nodes.ts';

/** Numbers of the common scale as nodes, each column by what it goes through. */
export interface Scales {
  /** Of each place on the common scale, the column. */
  readonly columns: readonly number[];
  readonly nodes: ColumnNodes;
}

/** y = v from the least value of the scale's domain on, below it a straight line: see `NumberScale`. */
const below = (build: (x: Expr, least: Expr) => Expr): ColumnFormula => ({
  forward: (x, least) => build(x, least as Expr),
  inverse: (y) => y,
  logSlope: (x) => x.mul(0),
});
const logInside = below((x, least) => {
  const line = least.mul(x.div(least).sub(1).max(LINE_END.exponent).exp());
  return select(x.lt(least), line.max(LINE_END.least), x);
});
const log1pInside = below((x) => select(x.lt(0), x.max(COUNT_LINE_END).expm1(), x));

/** Past this single precision cannot square numbers. Dates have no such end. */
const FARTHEST = 1e6;
const ROOT_2 = Math.SQRT2;

/** Whether a column's numbers are dates. */
export const isDated = (kind: { readonly name: string }): boolean => kind.name === 'date' || kind.name === 'time';

/** What the numbers of columns go through to the common scale, of those that have a place there. */
export function scalesOf(code: RowCode): Scales {
  const columns: number[] = [];
  const steps: (readonly ColumnStep[])[] = [];
  code.columns.forEach(({ name, kind }, c) => {
    if (kind.role !== 'number') return;
    const learned = code.learned[name] as LearnedNumbers | LearnedDates;
    if (learned.scale === null) return;
    columns.push(c);
    const place = { caller: 'exportTable', path: name };
    const own = transformSteps(FittedTransform.fromConfig(learned.scale as FittedConfig, place), 0);
    if (kind.name === 'positive')
      steps.push([{ formula: logInside, numbers: [(learned as LearnedNumbers).smallest] }, ...own]);
    else if (kind.name === 'count') steps.push([{ formula: log1pInside, numbers: [] }, ...own]);
    else steps.push(own);
  });
  return { columns, nodes: new ColumnNodes(steps, [columns.length]) };
}

/** Rows as a model sees them: [N, width], in single precision. Holes are NaN. */
export function codedRows(graph: Graph, code: RowCode, scales: Scales, cells: Cells): Value {
  const parts: Part[] = [];
  const slot = (c: number, s: number): number => code.columns[c]?.at[s] as number;
  const hole = graph.constant('float', [], [Number.NaN]);
  const numbers = new Map(cells.numbers);
  // Values apart are levels, and their number is a hole.
  cells.numbers.forEach((value, c) => {
    const { outcomes } = code.columns[c]?.code ?? {};
    if (outcomes?.role !== 'numbers' || outcomes.levelSlot === null) return;
    const { atoms, levelSlot } = outcomes;
    const type = cells.columns[c]?.type;
    const known = graph.constant('double', [atoms.length], type === 'float32' ? atoms.map(Math.fround) : atoms);
    const is = graph.cast(graph.node('Equal', [value, known], {}, 'bool'), 'float');
    const any = graph.node('ReduceMax', [is], { axes: [1], keepdims: 1 });
    const levels = graph.node('Concat', [is, graph.node('Sub', [graph.constant('float', [], [1]), any])], { axis: 1 });
    const missing = graph.node('IsNaN', [value], {}, 'bool');
    parts.push({
      value: graph.node('Where', [missing, hole, levels], {}, 'float'),
      at: Array.from({ length: atoms.length + 1 }, (_, i) => slot(c, levelSlot) + i),
    });
    numbers.set(c, graph.node('Where', [graph.cast(any, 'bool'), number(graph, Number.NaN), value], {}, 'double'));
  });
  if (scales.columns.length > 0) {
    const own = beside(
      graph,
      scales.columns.map((c) => numbers.get(c) as Value),
    );
    const dated = scales.columns.map((c) => isDated(code.columns[c]?.kind ?? { name: '' }));
    parts.unshift({
      value: onScale(graph, scales, own, dated),
      at: scales.columns.map((c) => {
        const { outcomes } = code.columns[c]?.code ?? {};
        return slot(c, outcomes?.role === 'numbers' ? (outcomes.numberSlot as number) : 0);
      }),
    });
    const phases = phasesOf(code, scales.columns);
    if (phases.length > 0) {
      const value = columnsOf(
        graph,
        own,
        phases.map(({ from }) => from),
      );
      parts.push({ value: waves(graph, value, phases), at: phases.map(({ at }) => at) });
    }
  }
  if (cells.codes !== null) parts.push(levelPlaces(graph, cells.codes, code, cells.categories));
  return ordered(graph, parts, code.width);
}

/** Numbers on the common scale, held to what single precision can square. */
function onScale(graph: Graph, { columns, nodes }: Scales, numbers: Value, dated: readonly boolean[]): Value {
  const scaled = graph.cast(nodes.forward(graph, numbers), 'float');
  const most = graph.constant(
    'float',
    [columns.length],
    dated.map((is) => (is ? Infinity : FARTHEST)),
  );
  // A hole stays one, whatever a runtime's largest of it and a number is.
  const missing = graph.node('IsNaN', [numbers], {}, 'bool');
  const held = formula(2, (...[y, far]: Expr[]) => {
    const [value, end] = [y as Expr, far as Expr];
    return select(value.lt(end.neg()), end.neg(), select(end.lt(value), end, value));
  });
  const hole = graph.constant('float', [], [Number.NaN]);
  return graph.node('Where', [missing, hole, formulaNodes(graph, held, [scaled, most])], {}, 'float');
}

/** One of a pair of waves that tell where in a period a moment is: which number it is of, and where it goes. */
interface Phase {
  readonly from: number;
  readonly at: number;
  readonly period: number;
  readonly shift: number;
}

function phasesOf(code: RowCode, columns: readonly number[]): readonly Phase[] {
  return columns.flatMap((c, from) => {
    const { name, kind, at } = code.columns[c] as RowCode['columns'][number];
    if (!isDated(kind)) return [];
    return (code.learned[name] as LearnedDates).periods.flatMap((period, i): Phase[] => {
      const first = (at[0] as number) + 1 + 2 * i;
      // A sine is a cosine a quarter later.
      return [
        { from, at: first, period, shift: 0 },
        { from, at: first + 1, period, shift: Math.PI / 2 },
      ];
    });
  });
}

function waves(graph: Graph, moments: Value, phases: readonly Phase[]): Value {
  const numbers = (of: (phase: Phase) => number): Value => graph.constant('double', [phases.length], phases.map(of));
  const inputs = [moments, numbers(({ period }) => period), numbers(({ shift }) => shift)];
  const wave = formula(3, (...[ms, period, shift]: Expr[]) =>
    (ms as Expr)
      .mul(2 * Math.PI)
      .div(period as Expr)
      .sub(shift as Expr)
      .cos()
      .mul(ROOT_2),
  );
  return graph.cast(formulaNodes(graph, wave, inputs, 'double'), 'float');
}

/** The places of all levels of all categories: 1 where the code says so, NaN in a hole. */
function levelPlaces(graph: Graph, codes: Value, code: RowCode, categories: Cells['categories']): Part {
  const places = categories.flatMap(({ column, known }, k) =>
    Array.from({ length: known.placed + 1 }, (_, level) => ({
      of: k,
      level,
      at: (code.columns[column]?.at[0] as number) + level,
    })),
  );
  const placed = graph.node('Min', [codes, graph.whole(categories.map(({ known }) => known.placed))]);
  const own = columnsOf(
    graph,
    placed,
    places.map(({ of }) => of),
  );
  const is = graph.node('Equal', [own, graph.whole(places.map(({ level }) => level))], {}, 'bool');
  const missing = graph.node('Less', [own, graph.whole([0])], {}, 'bool');
  const hole = graph.constant('float', [], [Number.NaN]);
  return {
    value: graph.node('Where', [missing, hole, graph.cast(is, 'float')], {}, 'float'),
    at: places.map(({ at }) => at),
  };
}
