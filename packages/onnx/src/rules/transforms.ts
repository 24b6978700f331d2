import type { PartConfig } from '@latent/nn';
import type { Expr } from '@latent/tensor';
import { Rules } from './rules.ts';

/** The map of a column as formulas; further inputs are the column's numbers. */
export interface ColumnFormula {
  forward(x: Expr, ...numbers: Expr[]): Expr;
  inverse(y: Expr, ...numbers: Expr[]): Expr;
  /** log dy/dx at x. */
  logSlope(x: Expr, ...numbers: Expr[]): Expr;
}

/**
 * How a transform becomes nodes: the formula of a column, and its numbers from the transform's options and what was learned;
 * or, of a transform that is made of others, those that a column goes through.
 */
export type TransformRule =
  | {
      readonly formula: ColumnFormula;
      numbers(options: PartConfig, learned: readonly number[]): readonly number[];
    }
  | { steps(options: PartConfig, column: number): readonly PartConfig[] };

/** y = (x − shift)/scale. */
const affine: ColumnFormula = {
  forward: (x, shift, scale) => x.sub(shift as Expr).div(scale as Expr),
  inverse: (y, shift, scale) => y.mul(scale as Expr).add(shift as Expr),
  logSlope: (_x, _shift, scale) => (scale as Expr).log().neg(),
};

/** y = low + span·(x − shift)/scale. */
const ranged: ColumnFormula = {
  forward: (x, shift, scale, low, span) =>
    affine
      .forward(x, shift as Expr, scale as Expr)
      .mul(span as Expr)
      .add(low as Expr),
  inverse: (y, shift, scale, low, span) =>
    affine.inverse(y.sub(low as Expr).div(span as Expr), shift as Expr, scale as Expr),
  logSlope: (_x, _shift, scale, _low, span) => (span as Expr).div(scale as Expr).log(),
};

/** y = ln(x + offset). */
const logarithm: ColumnFormula = {
  forward: (x, offset) => x.add(offset as Expr).log(),
  inverse: (y, offset) => y.exp().sub(offset as Expr),
  logSlope: (x, offset) =>
    x
      .add(offset as Expr)
      .log()
      .neg(),
};

const asLearned = (_options: PartConfig, learned: readonly number[]): readonly number[] => learned;

const STANDARD_TRANSFORMS: Readonly<Record<string, TransformRule>> = {
  standardise: { formula: affine, numbers: asLearned },
  robust: { formula: affine, numbers: asLearned },
  minMax: {
    formula: ranged,
    numbers: ({ low, high }, learned) => [...learned, low as number, (high as number) - (low as number)],
  },
  log: { formula: logarithm, numbers: ({ offset }) => [offset as number] },
  chain: { steps: ({ steps }) => steps as readonly PartConfig[] },
  perColumn: {
    steps({ groups }, column) {
      const own = (groups as readonly { columns: readonly number[]; transform: PartConfig }[]).find(({ columns }) =>
        columns.includes(column),
      );
      return own === undefined ? [] : [own.transform];
    },
  },
};

/** Rules of transforms by their names. */
export const transformRules: Rules<TransformRule> = /* @__PURE__ */ new Rules<TransformRule>(
  'transform',
  STANDARD_TRANSFORMS,
);
