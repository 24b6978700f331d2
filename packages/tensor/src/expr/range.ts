import type { Expr } from './expr.ts';

/** What a node's values lie in, unless they are NaN. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const ANY: Range = { low: -Infinity, high: Infinity };
const NOT_NEGATIVE: Range = { low: 0, high: Infinity };

// A zero has no sign here.
const of = (low: number, high: number): Range => ({ low: low + 0, high: high + 0 });
const rising =
  (map: (x: number) => number) =>
  (a: Range): Range =>
    of(map(a.low), map(a.high));
const within = (low: number, high: number) => (): Range => of(low, high);

/** The ranges of primitives by those of their arguments; what is not listed may be anything. */
const RANGE: Partial<Record<Expr['kind'], (a: Range, b: Range, c: Range) => Range>> = {
  neg: (a) => of(-a.high, -a.low),
  abs: (a) => of(a.low > 0 ? a.low : a.high < 0 ? -a.high : 0, Math.max(Math.abs(a.low), Math.abs(a.high))),
  min: (a, b) => of(Math.min(a.low, b.low), Math.min(a.high, b.high)),
  max: (a, b) => of(Math.max(a.low, b.low), Math.max(a.high, b.high)),
  select: (_a, b, c) => of(Math.min(b.low, c.low), Math.max(b.high, c.high)),
  // Only signs: what is rounded may leave narrower bounds.
  mul: (a, b) => signOf(sign(a) * sign(b)),
  exp: (a) => of(0, a.high <= 0 ? 1 : Infinity),
  log1p: (a) => signOf(sign(a)),
  expm1: (a) => signOf(sign(a)),
  sqrt: within(0, Infinity),
  sigmoid: within(0, 1),
  tanh: within(-1, 1),
  erf: within(-1, 1),
  floor: rising(Math.floor),
};

/** 1 and −1: never negative, never positive. */
function sign({ low, high }: Range): number {
  return low >= 0 ? 1 : high <= 0 ? -1 : 0;
}
function signOf(sign: number): Range {
  return sign > 0 ? NOT_NEGATIVE : sign < 0 ? of(-Infinity, 0) : ANY;
}

const known = new WeakMap<Expr, Range>();

/** The range of a node, as far as it can be told from the formula alone. */
export function rangeOf(node: Expr): Range {
  let range = known.get(node);
  if (range === undefined) {
    range = compute(node);
    known.set(node, range);
  }
  return range;
}

function compute(node: Expr): Range {
  const { kind, args } = node;
  if (kind === 'const') return Number.isNaN(node.value) ? ANY : of(node.value, node.value);
  if (kind === 'mul' && args[0] === args[1]) return NOT_NEGATIVE;
  const [a = ANY, b = ANY, c = ANY] = args.map(rangeOf);
  return RANGE[kind]?.(a, b, c) ?? ANY;
}
