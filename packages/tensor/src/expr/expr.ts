/**
 * Elementwise formulas as data: a small DAG of primitives over inputs and constants, written once per op and read by
 * three interpreters: numbers (`evaluate.ts`, the definition), a JavaScript loop (`evaluate.ts` too) and
 * WebAssembly SIMD. Nodes are hash-consed: the same formula is the same object, so shared parts are computed once.
 */
export type Primitive =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'pow'
  | 'lt'
  | 'le'
  | 'eq'
  | 'select'
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'floor'
  | 'sign'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'expm1'
  | 'sigmoid'
  | 'tanh'
  | 'sin'
  | 'cos'
  | 'erf'
  | 'fround';

export type ExprLike = Expr | number;

const interned = new Map<string, Expr>();
let nextId = 0;

/**
 * An elementwise formula: a node of a graph of primitives in which equal nodes are one. It is made of `input`s and `constant`s
 * by the methods below, and says what is computed, not how.
 */
export class Expr {
  readonly id: number;
  readonly kind: Primitive | 'const' | 'input';
  readonly args: readonly Expr[];
  /** The number of a constant, the position of an input. */
  readonly value: number;

  constructor(id: number, kind: Primitive | 'const' | 'input', args: readonly Expr[], value: number) {
    this.id = id;
    this.kind = kind;
    this.args = args;
    this.value = value;
  }

  add(other: ExprLike): Expr {
    return make('add', this, other);
  }
  sub(other: ExprLike): Expr {
    return make('sub', this, other);
  }
  mul(other: ExprLike): Expr {
    return make('mul', this, other);
  }
  div(other: ExprLike): Expr {
    return make('div', this, other);
  }
  /** NaN if either is NaN. */
  min(other: ExprLike): Expr {
    return make('min', this, other);
  }
  max(other: ExprLike): Expr {
    return make('max', this, other);
  }
  pow(other: ExprLike): Expr {
    return make('pow', this, other);
  }
  /** 1 where true, 0 where false or either is NaN. */
  lt(other: ExprLike): Expr {
    return make('lt', this, other);
  }
  le(other: ExprLike): Expr {
    return make('le', this, other);
  }
  eq(other: ExprLike): Expr {
    return make('eq', this, other);
  }
  neg(): Expr {
    return make('neg', this);
  }
  abs(): Expr {
    return make('abs', this);
  }
  sqrt(): Expr {
    return make('sqrt', this);
  }
  floor(): Expr {
    return make('floor', this);
  }
  /** −1, 0 or 1; NaN of NaN. */
  sign(): Expr {
    return make('sign', this);
  }
  exp(): Expr {
    return make('exp', this);
  }
  log(): Expr {
    return make('log', this);
  }
  log1p(): Expr {
    return make('log1p', this);
  }
  expm1(): Expr {
    return make('expm1', this);
  }
  /** 1 / (1 + e^(−x)), with the right small numbers for very negative x. */
  sigmoid(): Expr {
    return make('sigmoid', this);
  }
  tanh(): Expr {
    return make('tanh', this);
  }
  sin(): Expr {
    return make('sin', this);
  }
  cos(): Expr {
    return make('cos', this);
  }
  erf(): Expr {
    return make('erf', this);
  }
  /** Rounded to single precision, as if it had been written as a f32 and read again. */
  fround(): Expr {
    return make('fround', this);
  }
  square(): Expr {
    return make('mul', this, this);
  }
}

function intern(kind: Expr['kind'], args: readonly Expr[], value: number): Expr {
  const key = `${kind}(${kind === 'const' || kind === 'input' ? (Object.is(value, -0) ? '-0' : value) : args.map((a) => a.id).join()})`;
  let node = interned.get(key);
  if (node === undefined) {
    node = new Expr(nextId++, kind, args, value);
    interned.set(key, node);
  }
  return node;
}

export function make(kind: Primitive, ...args: ExprLike[]): Expr {
  return intern(kind, args.map(expr), 0);
}

/** The number as a formula. */
export function constant(value: number): Expr {
  return intern('const', [], value);
}

/** The input of a formula at `position`, counted from 0. */
export function input(position: number): Expr {
  return intern('input', [], position);
}

/** `condition ≠ 0 ? whenTrue : whenFalse`; both sides are evaluated, the other's value (even NaN) is dropped. */
export function select(condition: Expr, whenTrue: ExprLike, whenFalse: ExprLike): Expr {
  return make('select', condition, whenTrue, whenFalse);
}

export function expr(value: ExprLike): Expr {
  return typeof value === 'number' ? constant(value) : value;
}

/** The nodes that `roots` need, each once, arguments before users. */
export function topological(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (node: Expr): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const argument of node.args) visit(argument);
    order.push(node);
  };
  for (const root of roots) visit(root);
  return order;
}

/** The same formulas with each node replaced by what `change` makes of it, its arguments being replaced already. */
export function rewrite(roots: readonly Expr[], change: (node: Expr) => Expr): Expr[] {
  const made = new Map<Expr, Expr>();
  for (const node of topological(roots)) {
    const { kind, args, value } = node;
    const changed = args.map((argument) => made.get(argument) as Expr);
    made.set(node, change(args.length === 0 ? node : intern(kind, changed, value)));
  }
  return roots.map((root) => made.get(root) as Expr);
}

/** The same formula with each input replaced. */
export function substitute(root: Expr, inputs: readonly Expr[]): Expr {
  return rewrite([root], (node) => (node.kind === 'input' ? (inputs[node.value] as Expr) : node))[0] as Expr;
}
