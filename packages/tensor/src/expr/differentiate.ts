import { constant, type Expr, input, make, type Primitive, select, substitute, topological } from './expr.ts';

/**
 * The local derivatives of each primitive: given the arguments and the node itself, the derivative to each argument
 * (null: zero everywhere it exists). Used for what a hand-written first derivative leaves open: second derivatives.
 */
const DERIVATIVE: Record<Primitive, (a: Expr, b: Expr, c: Expr, y: Expr) => readonly (Expr | null)[]> = {
  add: () => [ONE, ONE],
  sub: () => [ONE, constant(-1)],
  mul: (a, b) => [b, a],
  div: (_a, b, _c, y) => [ONE.div(b), y.div(b).neg()],
  // At a tie the gradient goes to the first argument.
  min: (a, b) => [a.le(b), b.lt(a)],
  max: (a, b) => [b.le(a), a.lt(b)],
  pow: (a, b, _c, y) => [b.mul(a.pow(b.sub(1))), y.mul(select(ZERO.lt(a), a.log(), 0))],
  lt: () => [null, null],
  le: () => [null, null],
  eq: () => [null, null],
  select: (a) => [null, select(a, 1, 0), select(a, 0, 1)],
  neg: () => [constant(-1)],
  abs: (a) => [a.sign()],
  sqrt: (_a, _b, _c, y) => [constant(0.5).div(y)],
  floor: () => [null],
  sign: () => [null],
  exp: (_a, _b, _c, y) => [y],
  log: (a) => [ONE.div(a)],
  log1p: (a) => [ONE.div(a.add(1))],
  expm1: (_a, _b, _c, y) => [y.add(1)],
  sigmoid: (_a, _b, _c, y) => [y.mul(ONE.sub(y))],
  tanh: (_a, _b, _c, y) => [ONE.sub(y.mul(y))],
  sin: (a) => [a.cos()],
  cos: (a) => [a.sin().neg()],
  // erf′(x) = 2/√π · e^(−x²)
  erf: (a) => [
    a
      .mul(a)
      .neg()
      .exp()
      .mul(2 / Math.sqrt(Math.PI)),
  ],
  fround: () => [ONE],
};

const ZERO = /* @__PURE__ */ constant(0);
const ONE = /* @__PURE__ */ constant(1);

/** The derivatives of `root` to each of `inputs` inputs, by reverse accumulation over the DAG; null where it is zero. */
export function differentiate(root: Expr, inputs: number): (Expr | null)[] {
  const adjoint = new Map<Expr, Expr>([[root, ONE]]);
  const result: (Expr | null)[] = Array.from({ length: inputs }, () => null);
  for (const node of topological([root]).reverse()) {
    const incoming = adjoint.get(node);
    if (incoming === undefined) continue;
    if (node.kind === 'input') result[node.value] = incoming;
    if (node.kind === 'input' || node.kind === 'const') continue;
    // A primitive looks at the arguments that it has.
    const [a, b, c] = node.args as readonly [Expr, Expr, Expr];
    const local = DERIVATIVE[node.kind](a, b, c, node);
    node.args.forEach((argument, i) => {
      const derivative = local[i] as Expr | null;
      if (derivative === null || argument.kind === 'const') return;
      const term = times(incoming, derivative, node, i);
      const sum = adjoint.get(argument);
      adjoint.set(argument, sum === undefined ? term : sum.add(term));
    });
  }
  return result;
}

/** incoming · derivative, leaving out factors of one, and passing through `select` without 0·∞. */
function times(incoming: Expr, derivative: Expr, node: Expr, position: number): Expr {
  if (node.kind === 'select') {
    return position === 1 ? select(node.args[0]!, incoming, 0) : select(node.args[0]!, 0, incoming);
  }
  if (derivative === ONE) return incoming;
  if (incoming === ONE) return derivative;
  if (derivative.kind === 'const' && derivative.value === -1) return incoming.neg();
  return make('mul', incoming, derivative);
}

/** Gradient rules of a formula of `count` inputs, derived from it: for `elementwise` and `rowSum`. */
export function derivedRules(
  value: (...inputs: Expr[]) => Expr,
  count: number,
): ((g: Expr, ...values: Expr[]) => Expr)[] {
  const inputs = Array.from({ length: count }, (_, i) => input(i));
  return differentiate(value(...inputs), count).map(
    (derivative) =>
      (g, ...values) =>
        derivative === null ? constant(0).mul(g) : g.mul(substitute(derivative, values)),
  );
}
