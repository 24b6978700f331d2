import { type Expr, type Shape, select } from '@latent/tensor';
import { formula, formulaNodes } from '../graph/formula.ts';
import type { Graph, Value } from '../graph/graph.ts';

/** Where what a model was trained on ends, by column, and past what single precision cannot square: see `SeenRange.limits`. */
export interface RowLimits {
  readonly least: ArrayLike<number>;
  readonly most: ArrayLike<number>;
  readonly largest: number;
}

type Held = (x: Expr, least: Expr, most: Expr, largest: number) => Expr;

const limited =
  (build: Held) =>
  (graph: Graph, rows: Value, { least, most, largest }: RowLimits, column: Shape): Value => {
    const numbers = (values: ArrayLike<number>): Value => graph.constant('float', column, values);
    const held = formula(3, (...[x, low, high]: Expr[]) => build(x as Expr, low as Expr, high as Expr, largest));
    return formulaNodes(graph, held, [rows, numbers(least), numbers(most)]);
  };

/** Rows that are scored, [N, …column]: far values are held where single precision can square them. */
export const heldRows = /* @__PURE__ */ limited((x, least, most, largest) =>
  select(x.lt(least), x.max(-largest), select(most.lt(x), x.min(largest), x)),
);

/** The same as encoders see them: far values drawn in. */
export const nearRows = /* @__PURE__ */ limited((x, least, most) =>
  select(x.lt(least), least, select(most.lt(x), most, x)),
);
