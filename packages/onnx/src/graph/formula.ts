import { type Expr, input, select } from '@latent/tensor';
import type { ElementType, Graph, Value } from './graph.ts';

/** Primitives of formulas that are an operator. */
const OPERATORS = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  min: 'Min',
  max: 'Max',
  pow: 'Pow',
  neg: 'Neg',
  abs: 'Abs',
  sqrt: 'Sqrt',
  floor: 'Floor',
  sign: 'Sign',
  exp: 'Exp',
  log: 'Log',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  sin: 'Sin',
  cos: 'Cos',
  erf: 'Erf',
  // Its numbers are single precision.
  fround: 'Identity',
} satisfies Partial<Record<Expr['kind'], string>>;

const COMPARISONS = { lt: 'Less', le: 'LessOrEqual', eq: 'Equal' } satisfies Partial<Record<Expr['kind'], string>>;

/**
 * Primitives that ONNX does not have, by those it has, in forms that keep the small differences near 0:
 * eˣ − 1 = tanh(x/2)·(eˣ + 1), and log(1 + x) = log(u)·x/(u − 1) with u = 1 + x (Kahan).
 */
const REWRITTEN = {
  expm1: (x: Expr) => x.mul(0.5).tanh().mul(x.exp().add(1)),
  log1p(x: Expr) {
    const u = x.add(1);
    return select(u.eq(1), x, u.log().mul(x.div(u.sub(1))));
  },
} satisfies Partial<Record<Expr['kind'], (x: Expr) => Expr>>;

/** How every kind of node of a formula is written. A kind that is missing does not compile. */
const KINDS: Record<Expr['kind'], string | ((x: Expr) => Expr) | null> = {
  ...OPERATORS,
  ...COMPARISONS,
  ...REWRITTEN,
  select: 'Where',
  const: null,
  input: null,
};

/** Formulas of several nodes that are one operator: where the x in such a formula is, the formula, the operator. */
const NAMED: readonly (readonly [x: (e: Expr) => Expr | undefined, is: (x: Expr) => Expr, operator: string])[] = [
  [(e) => e.args[0]?.args[0], (x) => x.max(0).add(x.abs().neg().exp().log1p()), 'Softplus'],
];

/**
 * A formula as nodes of a graph, over values that are broadcast. It is the third reader of formulas, beside plain numbers and
 * kernels: what is written once as data means the same in all of them. Comparisons are truth values here, and numbers where
 * they are computed with.
 */
export function formulaNodes(graph: Graph, root: Expr, inputs: readonly Value[], type: ElementType = 'float'): Value {
  const made = new Map<Expr, Value>();
  const number = (e: Expr): Value => graph.cast(value(e), type);
  const value = (e: Expr): Value => {
    let known = made.get(e);
    if (known === undefined) {
      known = make(e);
      made.set(e, known);
    }
    return known;
  };
  const make = (e: Expr): Value => {
    if (e.kind === 'const') return graph.constant(type, [], [e.value]);
    if (e.kind === 'input') return inputs[e.value] as Value;
    for (const [at, is, operator] of NAMED) {
      const x = at(e);
      if (x !== undefined && is(x) === e) return graph.node(operator, [number(x)]);
    }
    if (e.kind in REWRITTEN) return value((KINDS[e.kind] as (x: Expr) => Expr)(e.args[0] as Expr));
    const operator = KINDS[e.kind] as string;
    if (e.kind === 'select') {
      const [condition, yes, no] = e.args as readonly [Expr, Expr, Expr];
      return graph.node(operator, [graph.cast(value(condition), 'bool'), number(yes), number(no)], {}, type);
    }
    return graph.node(operator, e.args.map(number), {}, e.kind in COMPARISONS ? 'bool' : type);
  };
  return number(root);
}

/** A formula of so many inputs, as its author writes it, as data. */
export function formula(count: number, build: (...inputs: Expr[]) => Expr): Expr {
  return build(...Array.from({ length: count }, (_, i) => input(i)));
}
