import type { FittedTransform, PartConfig } from '@latent/nn';
import { type Expr, type Shape, select, sizeOf, UsageError } from '@latent/tensor';
import { type BrokenLine, type ColumnFormula, transformRules } from '../rules/transforms.ts';
import { formula, formulaNodes } from './formula.ts';
import type { ElementType, Graph, Value } from './graph.ts';
import { lineNodes, turned } from './line.ts';

/** One thing that a column goes through: a formula and the numbers it takes there, or a line. */
export type ColumnStep =
  | { readonly formula: ColumnFormula; readonly numbers: readonly number[] }
  | { readonly line: BrokenLine };

/** Columns that go through the same, each with its own numbers. */
interface ColumnGroup {
  readonly columns: number[];
  readonly steps: (readonly ColumnStep[])[];
}

/** Columns on a common scale as nodes, by what they go through. */
export class ColumnNodes {
  readonly #groups: readonly ColumnGroup[];
  readonly #event: Shape;

  /** Of each column the steps; of none it stays as it is. Rows are [N, …event], with as many columns. */
  constructor(columns: readonly (readonly ColumnStep[])[], event: Shape) {
    this.#groups = groupsOf(columns);
    this.#event = event;
  }

  /** Of a transform that has learned. */
  static of(fitted: FittedTransform, event: Shape): ColumnNodes {
    const columns = Array.from({ length: fitted.width }, (_, column) => transformSteps(fitted, column));
    return new ColumnNodes(columns, event);
  }

  /** Rows [N, …event] on the common scale. */
  forward(graph: Graph, x: Value): Value {
    return this.#each(graph, x, x, (steps) => steps.reduce((y, step) => step('forward', y), x));
  }

  /** Rows on their own scale again. */
  inverse(graph: Graph, y: Value): Value {
    return this.#each(graph, y, y, (steps) => steps.reduceRight((x, step) => step('inverse', x), y));
  }

  /** log |dy/dx| of every value of rows, 0 where one is missing: [N, …event], or what broadcasts to it. */
  logJacobian(graph: Graph, x: Value, holes: boolean): Value {
    return this.#each(graph, x, graph.constant(x.type, [], [0]), (steps) => {
      let y = x;
      const slopes = steps.map((step, i) => {
        if (i > 0) y = (steps[i - 1] as StepNodes)('forward', y);
        return step('logSlope', y);
      });
      const sum = slopes.reduce((a, b) => graph.node('Add', [a, b]));
      if (!holes) return sum;
      const there = formula(2, (...[value, slope]: Expr[]) =>
        select((value as Expr).eq(value as Expr), slope as Expr, 0),
      );
      return formulaNodes(graph, there, [x, sum], x.type);
    });
  }

  /** What is done to all columns: each group's where it belongs, `rest` elsewhere. */
  #each(graph: Graph, x: Value, rest: Value, build: (steps: readonly StepNodes[]) => Value): Value {
    const size = sizeOf(this.#event);
    return this.#groups.reduce((value, { columns, steps }) => {
      // Columns of other groups go along with the first.
      const all = Array.from({ length: size }, () => steps[0] as readonly ColumnStep[]);
      columns.forEach((column, k) => {
        all[column] = steps[k] as readonly ColumnStep[];
      });
      const made = build(Array.from(all[0] as readonly ColumnStep[], (_, i) => this.#nodes(graph, x.type, all, i)));
      if (columns.length === size) return made;
      const own = new Uint8Array(size);
      for (const column of columns) own[column] = 1;
      return graph.node('Where', [graph.constant('bool', this.#event, own), made, value], {}, x.type);
    }, rest);
  }

  /** Step i of all columns. */
  #nodes(graph: Graph, type: ElementType, columns: readonly (readonly ColumnStep[])[], i: number): StepNodes {
    const steps = columns.map((own) => own[i] as ColumnStep);
    const [first] = steps as [ColumnStep];
    if ('line' in first) {
      const lines = steps.map((step) => (step as typeof first).line);
      return (what, value) =>
        what === 'inverse'
          ? lineNodes(graph, value, lines.map(turned), this.#event, 'value')
          : lineNodes(graph, value, lines, this.#event, what === 'forward' ? 'value' : 'logSlope');
    }
    const numbers = first.numbers.map((_, j) => {
      const own = steps.map((step) => (step as typeof first).numbers[j] as number);
      const alike = own.every((number) => number === own[0]);
      return alike ? graph.constant(type, [], own.slice(0, 1)) : graph.constant(type, this.#event, own);
    });
    return (what, value) => {
      const root = formula(numbers.length + 1, (variable, ...inputs) =>
        first.formula[what](variable as Expr, ...inputs),
      );
      return formulaNodes(graph, root, [value, ...numbers], type);
    };
  }
}

/** What a step does to all columns, as nodes. */
type StepNodes = (what: keyof ColumnFormula, value: Value) => Value;

/** Whether two steps are the same but for their numbers. */
function alike(a: ColumnStep, b: ColumnStep | undefined): boolean {
  return 'line' in a ? b !== undefined && 'line' in b : b !== undefined && 'formula' in b && a.formula === b.formula;
}

function groupsOf(columns: readonly (readonly ColumnStep[])[]): readonly ColumnGroup[] {
  const groups: ColumnGroup[] = [];
  columns.forEach((steps, column) => {
    if (steps.length === 0) return;
    const own = groups.find(
      ({ steps: [other = []] }) => other.length === steps.length && other.every((step, i) => alike(step, steps[i])),
    );
    if (own === undefined) groups.push({ columns: [column], steps: [steps] });
    else {
      own.columns.push(column);
      own.steps.push(steps);
    }
  });
  return groups;
}

/** What a column of a transform goes through. */
export function transformSteps(fitted: FittedTransform, column: number): readonly ColumnStep[] {
  return stepsOf(fitted.spec.config(), column, [...fitted.learned(column)]);
}

/** The same of what a transform is made of; `learned` is what is left of what its methods learned, in order. */
function stepsOf(config: PartConfig, column: number, learned: (readonly number[])[]): ColumnStep[] {
  const rule = transformRules.get(config.name);
  if (rule === undefined) {
    throw new UsageError(
      `exportOnnx: transform: '${config.name}' has no rule for ONNX; give it one with transformRules.define('${config.name}', …)`,
    );
  }
  if ('steps' in rule) return rule.steps(config, column).flatMap((step) => stepsOf(step, column, learned));
  const own = learned.shift() ?? [];
  return [
    'line' in rule ? { line: rule.line(config, own) } : { formula: rule.formula, numbers: rule.numbers(config, own) },
  ];
}
