import type { FittedTransform, PartConfig } from '@latent/nn';
import { constant, type Expr, type Shape, select, sizeOf, UsageError } from '@latent/tensor';
import { type ColumnFormula, transformRules } from '../rules/transforms.ts';
import { formula, formulaNodes } from './formula.ts';
import type { ElementType, Graph, Value } from './graph.ts';

/** A formula that a column goes through, and the numbers it takes there. */
interface ColumnStep<N> {
  readonly formula: ColumnFormula;
  readonly numbers: readonly N[];
}

/** Columns that go through the same formulas, each with its own numbers. */
interface ColumnGroup {
  readonly columns: number[];
  readonly steps: (readonly ColumnStep<number>[])[];
}

/** A fitted transform as nodes: columns by the formulas that they go through. */
export class ColumnNodes {
  readonly #groups: readonly ColumnGroup[];
  readonly #event: Shape;

  constructor(fitted: FittedTransform, event: Shape) {
    this.#groups = groupsOf(fitted);
    this.#event = event;
  }

  /** Rows [N, …event] on the common scale. */
  forward(graph: Graph, x: Value): Value {
    return this.#each(graph, x, x, (value, steps) =>
      steps.reduce((y, { formula: each, numbers }) => each.forward(y, ...numbers), value),
    );
  }

  /** Rows on their own scale again. */
  inverse(graph: Graph, y: Value): Value {
    return this.#each(graph, y, y, (value, steps) =>
      steps.reduceRight((x, { formula: each, numbers }) => each.inverse(x, ...numbers), value),
    );
  }

  /** log |dy/dx| of every value of rows, 0 where one is missing: [N, …event], or what broadcasts to it. */
  logJacobian(graph: Graph, x: Value, holes: boolean): Value {
    return this.#each(graph, x, graph.constant(x.type, [], [0]), (value, steps) => {
      let [sum, y] = [constant(0), value];
      for (const { formula: each, numbers } of steps) {
        sum = sum.add(each.logSlope(y, ...numbers));
        y = each.forward(y, ...numbers);
      }
      return holes ? select(value.eq(value), sum, 0) : sum;
    });
  }

  /** A formula over all columns: each group's where it belongs, `rest` elsewhere. */
  #each(graph: Graph, x: Value, rest: Value, build: (x: Expr, steps: readonly ColumnStep<Expr>[]) => Expr): Value {
    return this.#groups.reduce((value, { columns, steps }) => {
      const [first = []] = steps;
      const lists = first.flatMap(({ numbers }, i) =>
        numbers.map((_, j) => this.#numbers(graph, x.type, columns, steps, i, j)),
      );
      const root = formula(lists.length + 1, (variable, ...inputs) =>
        build(
          variable as Expr,
          first.map(({ formula: own, numbers }) => ({ formula: own, numbers: inputs.splice(0, numbers.length) })),
        ),
      );
      const made = formulaNodes(graph, root, [x, ...lists], x.type);
      if (columns.length === sizeOf(this.#event)) return made;
      const own = new Uint8Array(sizeOf(this.#event));
      for (const column of columns) own[column] = 1;
      return graph.node('Where', [graph.constant('bool', this.#event, own), made, value], {}, x.type);
    }, rest);
  }

  /** Number j of step i of every column, or one where it is the same in all; columns of other groups get the first's. */
  #numbers(
    graph: Graph,
    type: ElementType,
    columns: readonly number[],
    steps: ColumnGroup['steps'],
    i: number,
    j: number,
  ): Value {
    const numbers = steps.map((own) => own[i]?.numbers[j] as number);
    const [first = 0] = numbers;
    if (numbers.every((number) => number === first)) return graph.constant(type, [], [first]);
    const all = new Float64Array(sizeOf(this.#event)).fill(first);
    columns.forEach((column, k) => {
      all[column] = numbers[k] as number;
    });
    return graph.constant(type, this.#event, all);
  }
}

function groupsOf(fitted: FittedTransform): readonly ColumnGroup[] {
  const groups: ColumnGroup[] = [];
  for (let column = 0; column < fitted.width; column++) {
    const steps = stepsOf(fitted.spec.config(), column, [...fitted.learned(column)]);
    if (steps.length === 0) continue;
    const own = groups.find(
      ({ steps: [other = []] }) =>
        other.length === steps.length && other.every((step, i) => step.formula === steps[i]?.formula),
    );
    if (own === undefined) groups.push({ columns: [column], steps: [steps] });
    else {
      own.columns.push(column);
      own.steps.push(steps);
    }
  }
  return groups;
}

/** What a column goes through; `learned` is what is left of what its methods learned, in order. */
function stepsOf(config: PartConfig, column: number, learned: (readonly number[])[]): ColumnStep<number>[] {
  const rule = transformRules.get(config.name);
  if (rule === undefined) {
    throw new UsageError(
      `exportOnnx: transform: '${config.name}' has no rule for ONNX; give it one with transformRules.define('${config.name}', …)`,
    );
  }
  if ('steps' in rule) return rule.steps(config, column).flatMap((step) => stepsOf(step, column, learned));
  const numbers = rule.numbers(config, learned.shift() ?? []);
  return [{ formula: typeof rule.formula === 'function' ? rule.formula(numbers.length) : rule.formula, numbers }];
}
