import { N, type Operand, type Value } from '@latent/onnx/graph';
import { concat, softmax, type Tensor } from '@latent/tensor';
import { NODES } from '../answer/beliefs.ts';
import type { LearnedDates } from '../kinds/date.ts';
import type { LearnedNumbers } from '../kinds/number-learner.ts';
import type { Blend } from '../model/linear-fill.ts';
import { readersOf } from '../model/recipe.ts';
import { isDated } from './coded-rows.ts';
import { linesOf } from './lines.ts';
import { Members, type Noise } from './members.ts';
import { columnsOf, number, sum } from './nodes.ts';
import type { TableGraph } from './table-graph.ts';

/** What filled columns are called. */
export const filledName = (name: string): string => `filled.${name}`;

/** What the members say of rows, from all of their codes: how much each counts, [N, codes], and means and spreads, [N, codes, …]. */
type Said = Readonly<Record<'weight' | 'center' | 'std', Value>>;

/** Rows with their holes filled by what is expected there, column by column: see `TableModel.impute`. */
export function filled(table: TableGraph, noise: Noise): Record<string, Operand> {
  const { graph, state, cells } = table;
  const { code, linear, blends } = state;
  const said = saidOf(table, noise);
  const lines = linear !== null && blends.some(([, share]) => share > 0) ? linesOf(graph, linear, cells) : null;
  const expected = numbersOf(table, said);
  const flat = (value: Value): Operand => ({ value: graph.reshape(value, [N]), dims: [N] });
  const entries = code.columns.map(({ name, at, code: own }, c): [string, Operand] => {
    const blend = linear?.knows(c) ? (blends[c] as Blend) : null;
    const { outcomes } = own;
    const cell = cells.numbers.get(c);
    if (cell !== undefined) {
      const belief = expected.get(c);
      const mixed = belief && mixedNumber(table, belief, c, lines, blend);
      const best = mixed ? inUnit(table, cellNumber(table, mixed, c), c) : cell;
      const given = inUnit(table, cell, c);
      const missing = graph.node('IsNaN', [given], {}, 'bool');
      return [filledName(name), flat(graph.node('Where', [missing, best, given], {}, 'double'))];
    }
    const place = cells.categories.findIndex((category) => category.column === c);
    const given = columnsOf(graph, cells.codes as Value, [place]);
    const levels = outcomes?.role === 'levels' ? outcomes.levels.length : 0;
    if (levels === 0) return [filledName(name), flat(given)];
    const shares = mixedLevels(table, said, { column: c, first: at[0] as number, levels }, lines, blend);
    // What is none of the levels is filled by the likeliest that is.
    const best = graph.node('ArgMax', [shares], { axis: 1, keepdims: 1 }, 'int64');
    const missing = graph.node('Less', [given, graph.whole([0])], {}, 'bool');
    return [filledName(name), flat(graph.node('Where', [missing, best, given], {}, 'int64'))];
  });
  return Object.fromEntries(entries);
}

function saidOf({ graph, state, coded }: TableGraph, noise: Noise): Said {
  const readers = readersOf(state.members, state.recipe);
  const made = new Members(readers).trace(graph, coded, noise, (members) => {
    const all = members.map(({ member, rows }) => member.conditionalTensors(rows, noise.samples));
    const joined = (of: (one: (typeof all)[number]) => Tensor): Tensor => concat(all.map(of), 1);
    return {
      // What is hidden has no term, so the rest of the row weighs the codes.
      weight: joined(({ base, terms }) => softmax(base.add(terms.sum({ axis: -1 })))).div(all.length),
      center: joined(({ center }) => center),
      std: joined(({ std }) => std),
    };
  });
  const wide = ({ value }: Operand): Value => graph.cast(value, 'double');
  return { weight: wide(made.weight), center: wide(made.center), std: wide(made.std) };
}

/** What is expected of each column of numbers, by the networks: [N, 1]. */
function numbersOf({ graph, state, scales }: TableGraph, { weight, center, std }: Said): Map<number, Value> {
  const { code } = state;
  const node = (op: string, inputs: readonly Value[]): Value => graph.node(op, inputs);
  const overCodes = (of: Value): Value => sum(graph, of, 1);
  const weights = graph.node('Unsqueeze', [weight, graph.whole([2])]);
  const pick = (of: Value, places: readonly number[]): Value =>
    graph.node('Gather', [of, graph.whole(places)], { axis: 2 });
  const result = new Map<number, Value>();
  const slots = scales.columns.map((c) => {
    const { code: own, at } = code.columns[c] as (typeof code.columns)[number];
    return own.outcomes?.role === 'numbers' ? (at[own.outcomes.numberSlot as number] as number) : 0;
  });
  // E[x | z] by places of the Gaussian that stand for it, each for as much: [N, codes, places, columns].
  const apart = (of: Value): Value => node('Unsqueeze', [pick(of, slots), graph.whole([2])]);
  const places = graph.constant('double', [NODES.length, 1], NODES);
  const values =
    slots.length === 0
      ? null
      : graph.node(
          'ReduceMean',
          [scales.nodes.inverse(graph, node('Add', [apart(center), node('Mul', [apart(std), places])]))],
          { axes: [2], keepdims: 0 },
        );
  code.columns.forEach(({ code: own, at }, c) => {
    const { outcomes } = own;
    if (outcomes?.role !== 'numbers' || own.slots.length === 0) return;
    const { atoms, levelSlot } = outcomes;
    const place = scales.columns.indexOf(c);
    const value = values === null || place < 0 ? null : pick(values, [place]);
    if (levelSlot === null) {
      if (value !== null) result.set(c, overCodes(node('Mul', [value, weights])));
      return;
    }
    // Values apart by how likely they are, and the rest.
    const first = at[levelSlot] as number;
    const shares = node('Mul', [
      pick(
        center,
        atoms.map((_, i) => first + i),
      ),
      weights,
    ]);
    const last = (of: Value): Value => sum(graph, of, 2, 1);
    const held = node('Mul', [shares, graph.constant('double', [atoms.length], atoms)]);
    const known = [overCodes(last(held)), overCodes(last(shares))] as const;
    if (value === null) {
      result.set(c, node('Div', [...known]));
      return;
    }
    const rest = node('Sub', [weights, last(shares)]);
    const whole = node('Add', [known[0], overCodes(node('Mul', [value, rest]))]);
    result.set(c, node('Div', [whole, node('Add', [known[1], overCodes(rest)])]));
  });
  return result;
}

/** What networks expect of a number, mixed with lines and the mean. */
function mixedNumber(
  { graph, state }: TableGraph,
  own: Value,
  column: number,
  lines: Value | null,
  blend: Blend | null,
): Value {
  if (blend === null || blend[0] === 1) return own;
  const { spans, mean } = (state.linear as NonNullable<typeof state.linear>).parts;
  const place = spans[column]?.from as number;
  const terms = [graph.node('Mul', [own, number(graph, blend[0])])];
  if (lines !== null && blend[1] > 0) {
    const line = columnsOf(graph, lines, [place]);
    terms.push(graph.node('Mul', [line, number(graph, blend[1])]));
  }
  return graph.node('Add', [
    terms.reduce((a, b) => graph.node('Add', [a, b])),
    number(graph, blend[2] * (mean[place] as number)),
  ]);
}

/** A number as a cell has it: within what was learned, with as many digits. */
function cellNumber({ graph, state }: TableGraph, value: Value, column: number): Value {
  const { name, kind } = state.code.columns[column] as (typeof state.code.columns)[number];
  const learned = state.code.learned[name] as LearnedNumbers | LearnedDates;
  const held = graph.node('Min', [
    graph.node('Max', [value, number(graph, learned.least)]),
    number(graph, learned.most),
  ]);
  const step = isDated(kind) ? (learned as LearnedDates).unit : digitStep((learned as LearnedNumbers).decimals);
  if (step === null) return held;
  const [by, back] = step >= 1 ? (['Div', 'Mul'] as const) : (['Mul', 'Div'] as const);
  const size = number(graph, step >= 1 ? step : Math.round(1 / step));
  return graph.node(back, [graph.node('Round', [graph.node(by, [held, size])]), size]);
}

/** A column's numbers as they are handed in: dates may be seconds there. */
function inUnit({ graph, cells }: TableGraph, value: Value, column: number): Value {
  const unit = cells.units.get(column) ?? 1;
  return unit === 1 ? value : graph.node('Div', [value, number(graph, unit)]);
}

function digitStep(decimals: number | null): number | null {
  return decimals === null ? null : 10 ** -decimals;
}

/** How likely the levels of a category are: [N, levels], without what is none of them. */
function mixedLevels(
  { graph, state }: TableGraph,
  { weight, center }: Said,
  { column, first, levels }: { readonly column: number; readonly first: number; readonly levels: number },
  lines: Value | null,
  blend: Blend | null,
): Value {
  const places = Array.from({ length: levels }, (_, i) => first + i);
  const own = graph.node('Gather', [center, graph.whole(places)], { axis: 2 });
  const weights = graph.node('Unsqueeze', [weight, graph.whole([2])]);
  const said = sum(graph, graph.node('Mul', [own, weights]), 1);
  if (blend === null || blend[0] === 1 || state.linear === null) return said;
  const terms = [graph.node('Mul', [said, number(graph, blend[0])])];
  const usual = state.linear
    .shares(column, null)
    .subarray(0, levels)
    .map((share) => share * blend[2]);
  terms.push(graph.constant('double', [1, levels], usual));
  if (lines !== null && blend[1] > 0) {
    const from = state.linear.parts.spans[column]?.from as number;
    const line = columnsOf(
      graph,
      lines,
      places.map((_, i) => from + i),
    );
    const above = graph.node('Max', [line, number(graph, 0)]);
    const total = sum(graph, above, 1, 1);
    const some = graph.node('Less', [number(graph, 0), total], {}, 'bool');
    const share = graph.node(
      'Where',
      [some, graph.node('Div', [above, total]), number(graph, 1 / (levels + 1))],
      {},
      'double',
    );
    terms.push(graph.node('Mul', [share, number(graph, blend[1])]));
  }
  return terms.reduce((a, b) => graph.node('Add', [a, b]));
}
