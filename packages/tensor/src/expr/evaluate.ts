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
  return evaluator(roots)(inputs);
}

/** The same for many inputs. What it returns is written over by the next call. */
export function evaluator(roots: readonly Expr[]): (inputs: ArrayLike<number>) => number[] {
  const nodes = topological(roots);
  const places = new Map(nodes.map((node, i) => [node, i]));
  const args = nodes.map((node) => node.args.map((argument) => places.get(argument) as number));
  const made = roots.map((root) => places.get(root) as number);
  const values = new Float64Array(nodes.length);
  const results: number[] = new Array(roots.length);
  return (inputs) => {
    for (let i = 0; i < nodes.length; i++) {
      const { kind, value } = nodes[i]!;
      if (kind === 'const') values[i] = value;
      else if (kind === 'input') values[i] = inputs[value]!;
      else {
        const [a, b, c] = args[i] as [number, number, number];
        values[i] = NUMERIC[kind](values[a]!, values[b]!, values[c]!);
      }
    }
    for (let j = 0; j < made.length; j++) results[j] = values[made[j]!]!;
    return results;
  };
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
    return interpretedLoop(expressions);
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

/** Elements at a time of an interpreted loop: each node of the formula is looked at once for so many. */
const BLOCK = 256;

function interpretedLoop(expressions: readonly Expr[]): ElementLoop {
  const outputs = expressions.length;
  const values = new Map(topological(expressions).map((node) => [node, new Float64Array(BLOCK)]));
  const valuesOf = (node: Expr | undefined): Float64Array => (node && values.get(node)) ?? new Float64Array(BLOCK);
  const read: { readonly input: number; readonly to: Float64Array }[] = [];
  const compute: ((count: number) => void)[] = [];
  for (const [node, to] of values) {
    if (node.kind === 'const') to.fill(node.value);
    else if (node.kind === 'input') read.push({ input: node.value, to });
    else {
      const primitive = NUMERIC[node.kind];
      const [a, b, c] = [0, 1, 2].map((i) => valuesOf(node.args[i])) as [Float64Array, Float64Array, Float64Array];
      compute.push((count) => {
        for (let i = 0; i < count; i++) to[i] = primitive(a[i]!, b[i]!, c[i]!);
      });
    }
  }
  const made = expressions.map(valuesOf);
  return (heap, rows, cols, offsets, rowStrides, colStrides) => {
    for (let begin = 0; begin < rows * cols; begin += BLOCK) {
      const count = Math.min(BLOCK, rows * cols - begin);
      for (const { input, to } of read) {
        const [from, down, right] = [offsets[outputs + input]!, rowStrides[input]!, colStrides[input]!];
        let [r, c] = [Math.floor(begin / cols), begin % cols];
        for (let i = 0; i < count; i++) {
          to[i] = heap[from + r * down + c * right]!;
          if (++c === cols) [r, c] = [r + 1, 0];
        }
      }
      for (const step of compute) step(count);
      for (const [j, from] of made.entries()) {
        for (let i = 0; i < count; i++) heap[offsets[j]! + begin + i] = from[i]!;
      }
    }
  };
}
