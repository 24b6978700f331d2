import { constant, type Expr, type Primitive, rewrite, select, topological } from '../../expr/expr.ts';
import { ANY, type Range, rangeOf } from '../../expr/range.ts';
import type { Layout } from '../kernel.ts';
import { COLUMN, SCALAR } from '../map/layout.ts';
import { type Lanes, SIGN, type Value } from './lanes.ts';
import { erf, exp, expm1, log, log1p, sign, tanh } from './math.ts';
import { cos, pow, sin } from './math-wide.ts';

/** Of the arguments, and the range of the first. */
type Formula = (l: Lanes, a: Value, b: Value, c: Value, range: Range) => Value;

/** Each primitive on four lanes, when no shorter form is known. Comparisons are masks here. */
const FORMULA: Record<Exclude<Primitive, 'sigmoid'>, Formula> = {
  add: (l, a, b) => l.add(a, b),
  sub: (l, a, b) => l.sub(a, b),
  mul: (l, a, b) => l.mul(a, b),
  div: (l, a, b) => l.div(a, b),
  min: (l, a, b) => l.op('f32x4_min', a, b),
  max: (l, a, b) => l.op('f32x4_max', a, b),
  pow,
  lt: (l, a, b) => l.op('f32x4_lt', a, b),
  le: (l, a, b) => l.op('f32x4_le', a, b),
  eq: (l, a, b) => l.op('f32x4_eq', a, b),
  select: (l, condition, a, b) => l.choose(l.op('f32x4_ne', condition, l.f32(0)), a, b),
  neg: (l, a) => l.op('f32x4_neg', a),
  abs: (l, a) => l.op('f32x4_abs', a),
  sqrt: (l, a) => l.op('f32x4_sqrt', a),
  floor: (l, a) => l.op('f32x4_floor', a),
  sign,
  exp: (l, a, _b, _c, range) => exp(l, a, range),
  log,
  log1p: (l, a, _b, _c, range) => log1p(l, a, range),
  expm1,
  tanh,
  sin,
  cos,
  erf,
  // Lanes are single precision.
  fround: (_l, a) => a,
};

/** Instructions, roughly; what is not listed is one. */
// biome-ignore format: a table
const COST: Partial<Record<Expr['kind'], number>> = {
  div: 4, sqrt: 4, min: 6, max: 6, sign: 4,
  exp: 22, sigmoid: 28, expm1: 28, tanh: 35, log: 40, log1p: 40, erf: 50, sin: 60, cos: 60, pow: 150,
  const: 0, fround: 0,
};

/** About how many instructions one vector of these expressions takes. */
export function instructions(expressions: readonly Expr[]): number {
  return topological(expressions).reduce((sum, node) => sum + (COST[node.kind] ?? 1), 0);
}

/**
 * The same formulas of primitives that have instructions: 1/(1 + e^(−x)), or, fused, the same of e^(−|x|), which a softplus
 * of the same x shares. What becomes of a node depends on nothing but the node.
 */
export function written(expressions: readonly Expr[], fused: boolean): Expr[] {
  return rewrite(expressions, (node) => {
    if (node.kind !== 'sigmoid') return node;
    const x = node.args[0] as Expr;
    if (!fused) return constant(1).div(x.neg().exp().add(1));
    const e = x.abs().neg().exp();
    return select(x.lt(0), e, 1).div(e.add(1));
  });
}

function isComparison(node: Expr): node is Expr & { readonly kind: 'lt' | 'le' | 'eq' } {
  return node.kind === 'lt' || node.kind === 'le' || node.kind === 'eq';
}

/** What has been computed so far: the value of each node, and the mask of each comparison. */
export class Computed {
  readonly values = new Map<Expr, Value>();
  readonly masks = new Map<Expr, Value>();

  copy(): Computed {
    const result = new Computed();
    for (const [node, value] of this.values) result.values.set(node, value);
    for (const [node, mask] of this.masks) result.masks.set(node, mask);
    return result;
  }
}

/**
 * Computes `roots`, given and adding to what is `known`; `input` loads an input. What is used more than once is kept in
 * a local. The returned values may be put on the stack once.
 */
export function computeExpressions(
  l: Lanes,
  roots: readonly Expr[],
  known: Computed,
  input: (position: number) => Value,
): Value[] {
  const nodes = topological(roots);
  const uses = new Map<Expr, number>();
  for (const node of [...nodes.flatMap((user) => user.args), ...roots]) uses.set(node, (uses.get(node) ?? 0) + 1);
  const { values, masks } = known;
  const resolve = (node: Expr): Value => values.get(node) as Value;
  for (const node of nodes) {
    if (values.has(node)) continue;
    const shared = (uses.get(node) as number) > 1;
    const finish = (value: Value): Value => (shared ? l.keep(value) : value);
    if (node.kind === 'const') values.set(node, l.f32(node.value));
    else if (node.kind === 'input') values.set(node, finish(input(node.value)));
    else if (isComparison(node)) {
      const [a, b] = node.args.map(resolve) as [Value, Value];
      const mask = finish(FORMULA[node.kind](l, a, b, b, ANY));
      masks.set(node, mask);
      values.set(node, l.and(mask, l.f32(1)));
    } else values.set(node, finish(compute(l, node, resolve, masks)));
  }
  return roots.map(resolve);
}

function compute(l: Lanes, node: Expr, resolve: (node: Expr) => Value, masks: Map<Expr, Value>): Value {
  const short = shortForm(l, node, resolve, masks);
  if (short) return short;
  const [a, b = a, c = a] = node.args.map(resolve) as [Value, Value, Value];
  const range = rangeOf(node.args[0] as Expr);
  return FORMULA[node.kind as keyof typeof FORMULA](l, a, b, c, range);
}

/** Cheaper instructions with the same results, NaN and zeros included. */
function shortForm(l: Lanes, node: Expr, resolve: (node: Expr) => Value, masks: Map<Expr, Value>): Value | undefined {
  // A primitive looks at the arguments that it has.
  const [a, b, c] = node.args as readonly [Expr, Expr, Expr];
  switch (node.kind) {
    case 'max':
    case 'min': {
      // pmax(x, y) = x < y ? y : x keeps a NaN in x. Of two zeros it keeps x, so a zero bound needs care.
      const [x, bound] = a.kind === 'const' ? [b, a] : [a, b];
      if (bound.kind !== 'const' || Number.isNaN(bound.value) || x === bound) return undefined;
      if (node.kind === 'min') {
        return Object.is(bound.value, -0) ? undefined : l.op('f32x4_pmin', resolve(x), resolve(bound));
      }
      const largest = l.op('f32x4_pmax', resolve(x), resolve(bound));
      return Object.is(bound.value, 0) ? l.add(largest, l.f32(0)) : largest; // −0 + 0 = 0
    }
    case 'neg':
      return a.kind === 'abs' ? l.op('v128_or', resolve(a.args[0] as Expr), l.i32(SIGN)) : undefined;
    case 'div':
      return b.kind === 'const' && isPowerOfTwo(b.value) ? l.mul(resolve(a), l.f32(1 / b.value)) : undefined;
    case 'pow':
      return b.kind === 'const' ? constantPower(l, resolve(a), b.value) : undefined;
    case 'select': {
      const mask = masks.get(a);
      if (mask === undefined) return undefined;
      if (a.kind === 'lt' && a.args[0]! === c && a.args[1]! === b) return l.op('f32x4_pmax', resolve(c), resolve(b));
      if (a.kind === 'lt' && a.args[0]! === b && a.args[1]! === c) return l.op('f32x4_pmin', resolve(c), resolve(b));
      return l.choose(mask, resolve(b), resolve(c));
    }
    default:
      return undefined;
  }
}

/** ±2ᵏ with a reciprocal far from the ends of the range. */
function isPowerOfTwo(value: number): boolean {
  const exponent = Math.round(Math.log2(Math.abs(value)));
  return Math.abs(exponent) <= 100 && Math.abs(value) === 2 ** exponent;
}

function constantPower(l: Lanes, value: Value, exponent: number): Value | undefined {
  if (![-1, 1, 2, 3, 4].includes(exponent)) return undefined;
  const x = l.keep(value);
  if (exponent === 1) return x;
  if (exponent === -1) return l.div(l.f32(1), x);
  const square = l.keep(l.mul(x, x));
  return exponent === 2 ? square : l.mul(square, exponent === 3 ? x : square);
}

/**
 * How each node varies, as a layout: what depends on `SCALAR` inputs alone is computed once, on `COLUMN` inputs once a
 * row. Returns, for each of these two levels, the nodes that must be ready for the next.
 */
export function invariants(
  roots: readonly Expr[],
  layouts: readonly Layout[],
): { scalars: readonly Expr[]; columns: readonly Expr[] } {
  const level = new Map<Expr, Layout>();
  const needed = new Set<Expr>();
  for (const node of topological(roots)) {
    const own: Layout = node.kind === 'input' ? (layouts[node.value] as Layout) : SCALAR;
    const varies = node.args.reduce<Layout>(
      (bits, argument) => (bits | (level.get(argument) as Layout)) as Layout,
      own,
    );
    level.set(node, varies);
    for (const argument of node.args) if (level.get(argument) !== varies) needed.add(argument);
  }
  for (const root of roots) needed.add(root);
  const at = (wanted: number): Expr[] =>
    [...needed].filter((node) => node.kind !== 'const' && level.get(node) === wanted);
  return { scalars: at(SCALAR), columns: at(COLUMN) };
}
