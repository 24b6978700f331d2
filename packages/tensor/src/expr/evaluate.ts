import { erf } from './erf.ts';
import { type Expr, type Primitive, topological } from './expr.ts';

/** What each primitive means, in double precision. This table is the definition the other readers are tested against. */
export const NUMERIC: Record<Primitive, (a: number, b: number, c: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  pow: (a, b) => a ** b,
  lt: (a, b) => (a < b ? 1 : 0),
  le: (a, b) => (a <= b ? 1 : 0),
  eq: (a, b) => (a === b ? 1 : 0),
  select: (a, b, c) => (a !== 0 ? b : c),
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  sqrt: (a) => Math.sqrt(a),
  floor: (a) => Math.floor(a),
  sign: (a) => Math.sign(a),
  exp: (a) => Math.exp(a),
  log: (a) => Math.log(a),
  log1p: (a) => Math.log1p(a),
  expm1: (a) => Math.expm1(a),
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  tanh: (a) => Math.tanh(a),
  sin: (a) => Math.sin(a),
  cos: (a) => Math.cos(a),
  erf,
  fround: (a) => Math.fround(a),
};

/** The primitives in JavaScript source, for the loop that `jsLoop` writes. */
const SOURCE: Record<Primitive, (a: string, b: string, c: string) => string> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  min: (a, b) => `Math.min(${a}, ${b})`,
  max: (a, b) => `Math.max(${a}, ${b})`,
  pow: (a, b) => `${a} ** ${b}`,
  lt: (a, b) => `${a} < ${b} ? 1 : 0`,
  le: (a, b) => `${a} <= ${b} ? 1 : 0`,
  eq: (a, b) => `${a} === ${b} ? 1 : 0`,
  select: (a, b, c) => `${a} !== 0 ? ${b} : ${c}`,
  neg: (a) => `-${a}`,
  abs: (a) => `Math.abs(${a})`,
  sqrt: (a) => `Math.sqrt(${a})`,
  floor: (a) => `Math.floor(${a})`,
  sign: (a) => `Math.sign(${a})`,
  exp: (a) => `Math.exp(${a})`,
  log: (a) => `Math.log(${a})`,
  log1p: (a) => `Math.log1p(${a})`,
  expm1: (a) => `Math.expm1(${a})`,
  sigmoid: (a) => `1 / (1 + Math.exp(-${a}))`,
  tanh: (a) => `Math.tanh(${a})`,
  sin: (a) => `Math.sin(${a})`,
  cos: (a) => `Math.cos(${a})`,
  erf: (a) => `erf(${a})`,
  fround: (a) => `Math.fround(${a})`,
};

/** The values of `roots` at these inputs. */
export function evaluate(roots: readonly Expr[], inputs: ArrayLike<number>): number[] {
  const values = new Map<Expr, number>();
  for (const node of topological(roots)) {
    if (node.kind === 'const') values.set(node, node.value);
    else if (node.kind === 'input') values.set(node, inputs[node.value]!);
    else {
      const [a, b, c] = node.args.map((argument) => values.get(argument)) as [number, number, number];
      values.set(node, NUMERIC[node.kind](a, b, c));
    }
  }
  return roots.map((root) => values.get(root) as number);
}

/**
 * A loop over `rows × cols`. `offsets` are element offsets of outputs then inputs into `heap`; every output is [rows,
 * cols], input i moves by `rowStrides[i]` per row and `colStrides[i]` per column.
 */
export type ElementLoop = (
  heap: Float32Array | Float64Array,
  rows: number,
  cols: number,
  offsets: readonly number[],
  rowStrides: readonly number[],
  colStrides: readonly number[],
) => void;

/** The formula as a JavaScript loop; where a page forbids making functions from text, as an interpreted loop. */
export function elementLoop(expressions: readonly Expr[], inputs: number): ElementLoop {
  try {
    return new Function('erf', loopSource(expressions, inputs))(erf) as ElementLoop;
  } catch {
    return interpretedLoop(expressions, inputs);
  }
}

function loopSource(expressions: readonly Expr[], inputs: number): string {
  const outputs = expressions.length;
  const nodes = topological(expressions);
  const name = (node: Expr): string => (node.kind === 'const' ? `(${literal(node.value)})` : `v${node.id}`);
  const used = new Set(nodes.filter((node) => node.kind === 'input').map((node) => node.value));
  const each = Array.from({ length: inputs }, (_, i) => i).filter((i) => used.has(i));
  const body = nodes.map((node) => {
    if (node.kind === 'const') return '';
    if (node.kind === 'input') return `const v${node.id} = heap[i${node.value} + c * s${node.value}];`;
    const [a, b, c] = node.args.map(name) as [string, string, string];
    return `const v${node.id} = ${SOURCE[node.kind](a, b, c)};`;
  });
  return `return function (heap, rows, cols, offsets, rowStrides, colStrides) {
    ${each.map((i) => `const s${i} = colStrides[${i}];`).join('')}
    for (let r = 0; r < rows; r++) {
      ${each.map((i) => `const i${i} = offsets[${outputs + i}] + r * rowStrides[${i}];`).join('')}
      ${expressions.map((_, j) => `const o${j} = offsets[${j}] + r * cols;`).join('')}
      for (let c = 0; c < cols; c++) {
        ${body.join('')}
        ${expressions.map((root, j) => `heap[o${j} + c] = ${name(root)};`).join('')}
      }
    }
  }`;
}

function literal(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function interpretedLoop(expressions: readonly Expr[], inputs: number): ElementLoop {
  const outputs = expressions.length;
  const values = new Float64Array(inputs);
  return (heap, rows, cols, offsets, rowStrides, colStrides) => {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        for (let i = 0; i < inputs; i++)
          values[i] = heap[offsets[outputs + i]! + r * rowStrides[i]! + c * colStrides[i]!]!;
        const results = evaluate(expressions, values);
        for (let j = 0; j < outputs; j++) heap[offsets[j]! + r * cols + c] = results[j]!;
      }
    }
  };
}
