import { normalQuantile, type PartConfig } from '@latent/nn';
import { constant, type Expr, select } from '@latent/tensor';
import { Rules } from './rules.ts';

/** The map of a column as formulas; further inputs are the column's numbers. */
export interface ColumnFormula {
  forward(x: Expr, ...numbers: Expr[]): Expr;
  inverse(y: Expr, ...numbers: Expr[]): Expr;
  /** log dy/dx at x. */
  logSlope(x: Expr, ...numbers: Expr[]): Expr;
}

/** Straight lines between knots (xᵢ, yᵢ), both rising; beyond them y rises by one for each `spread`. */
export interface BrokenLine {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly spread: number;
}

/**
 * How a transform becomes nodes: the formula of a column, and its numbers from the transform's options and what was learned;
 * or the line that was learned; or, of a transform that is made of others, those that a column goes through.
 */
export type TransformRule =
  | {
      readonly formula: ColumnFormula;
      numbers(options: PartConfig, learned: readonly number[]): readonly number[];
    }
  | { line(options: PartConfig, learned: readonly number[]): BrokenLine }
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

/** From here on asinh t is ln 2t in double precision. */
const FAR = 1e8;

/** y = asinh(x/s), without the difference of like numbers near 0, nor a square past the range far from it. */
const inverseSinh: ColumnFormula = {
  forward(x, scale) {
    const t = x.div(scale as Expr);
    const far = t.abs();
    const near = far.min(FAR);
    const root = near.square().add(1).sqrt();
    const close = near.add(near.square().div(root.add(1))).log1p();
    return t.sign().mul(select(far.lt(FAR), close, far.max(FAR).log().add(Math.LN2)));
  },
  inverse(y, scale) {
    // sinh|y| = e·(1 + 1/(e + 1))/2 with e = exp|y| − 1, which keeps its digits near 0.
    const e = y.abs().expm1();
    return y
      .sign()
      .mul(e.mul(constant(1).div(e.add(1)).add(1)).mul(0.5))
      .mul(scale as Expr);
  },
  // −½log(x² + s²), of the larger and their ratio.
  logSlope(x, scale) {
    const [far, width] = [x.abs(), scale as Expr];
    const larger = far.max(width);
    return larger.log().add(far.min(width).div(larger).square().log1p().mul(0.5)).neg();
  },
};

const asLearned = (_options: PartConfig, learned: readonly number[]): readonly number[] => learned;

const STANDARD_TRANSFORMS: Readonly<Record<string, TransformRule>> = {
  standardise: { formula: affine, numbers: asLearned },
  robust: { formula: affine, numbers: asLearned },
  minMax: {
    formula: ranged,
    numbers: ({ low, high }, learned) => [...learned, low as number, (high as number) - (low as number)],
  },
  asinh: { formula: inverseSinh, numbers: ({ scale }) => [scale as number] },
  log: { formula: logarithm, numbers: ({ offset }) => [offset as number] },
  quantile: {
    line: (_options, [spread = 1, ...flat]) => ({
      spread,
      x: flat.filter((_, i) => i % 2 === 0),
      y: flat.filter((_, i) => i % 2 === 1).map((share) => normalQuantile(share)),
    }),
  },
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
