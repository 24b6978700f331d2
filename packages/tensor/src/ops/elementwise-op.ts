import { apply } from '../eager.ts';
import { differentiate } from '../expr/differentiate.ts';
import { type Expr, input, substitute, topological } from '../expr/expr.ts';
import { execute } from '../kernels/execute.ts';
import type { Layout, MapProgram } from '../kernels/kernel.ts';
import { COLUMN, FULL, ROW, SCALAR } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { mapProgram, programOf } from '../kernels/map/map-program.ts';
import type { Call, Op, Saved } from '../op.ts';
import { broadcastShapes, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { copyBox } from './copy-box.ts';

/** The gradient to one input: g, the inputs, then the output, as expressions. Null: zero everywhere. */
export type GradientRule = ((g: Expr, ...values: Expr[]) => Expr) | null;

/** The row of an elementwise op: the formula is all there is to it. */
export interface ElementwiseOp extends Op<undefined> {
  readonly program: MapProgram;
}

/**
 * An elementwise op with broadcasting, from its formula and the formulas of its gradients, which are put together when they
 * are first used. A gradient is itself an elementwise op over (g, inputs…, output), made when first needed, whose own gradients
 * are derived symbolically; the op saves just those inputs and the output that its gradient formulas mention.
 */
export function elementwise(
  name: string,
  value: (...inputs: Expr[]) => Expr,
  rules: readonly GradientRule[],
): ElementwiseOp {
  const count = rules.length;
  return build(mapProgram(name, count, value), () => rules.map((rule) => rule?.(...gradientInputs(count)) ?? null));
}

/** In gradient formulas g is input 0, the op's inputs are 1 … count, and its output is count + 1. */
export function gradientInputs(count: number): [Expr, ...Expr[]] {
  return Array.from({ length: count + 2 }, (_, i) => input(i)) as [Expr, ...Expr[]];
}

function build(program: MapProgram, derive: () => readonly (Expr | null)[]): ElementwiseOp {
  const { name, inputs: count } = program;
  let gradients: readonly (Expr | null)[] | undefined;
  let saves: Op['saves'] | undefined;
  const gradientOps: (GradientOp | undefined)[] = [];
  return {
    name,
    program,
    get saves() {
      gradients ??= derive();
      saves ??= mentioned(gradients, count);
      return saves;
    },
    shape: (shapes) => broadcastShapes(name, shapes),
    forward: (call) => mapBroadcast(call, program),
    gradient(i, g, saved) {
      gradients ??= derive();
      const rule = gradients[i] ?? null;
      if (rule === null) return null;
      if (rule === G) return g;
      gradientOps[i] ??= gradientOp(`${name}.gradient${i}`, rule, count);
      return gradientOps[i].apply(g, saved);
    },
  };
}

/** Which inputs, and whether the output, the gradients look at. */
function mentioned(gradients: readonly (Expr | null)[], count: number): Op['saves'] {
  const nodes = topological(gradients.filter((gradient) => gradient !== null));
  const used = new Set(nodes.filter(({ kind }) => kind === 'input').map(({ value }) => value));
  return {
    inputs: Array.from({ length: count }, (_, i) => i).filter((i) => used.has(i + 1)),
    output: used.has(count + 1),
  };
}

const G = /* @__PURE__ */ input(0);

export interface GradientOp {
  apply(g: Tensor, saved: Saved<undefined>): Tensor;
}

/** The op of a gradient formula, over just those of (g, inputs…, output) that it mentions. */
export function gradientOp(name: string, rule: Expr, count: number): GradientOp {
  const used = [...new Set(topological([rule]).flatMap((n) => (n.kind === 'input' ? [n.value] : [])))].sort(
    (a, b) => a - b,
  );
  const renumbered = Array.from({ length: count + 2 }, (_, i) => input(Math.max(0, used.indexOf(i))));
  const op = symbolicOp(name, substitute(rule, renumbered), used.length);
  return {
    apply: (g, saved) =>
      apply(
        op,
        used.map((i) => (i === 0 ? g : i <= count ? (saved.inputs[i - 1] as Tensor) : saved.output)),
        undefined,
      ),
  };
}

/** An op whose gradients are derived from its formula, when they are first asked for. */
export function symbolicOp(name: string, root: Expr, count: number): ElementwiseOp {
  const program = programOf(name, [root], count);
  let full: ElementwiseOp | undefined;
  const derive = (): readonly (Expr | null)[] => {
    const shifted = Array.from({ length: count }, (_, i) => input(i + 1));
    return differentiate(root, count).map((d) => (d === null ? null : G.mul(substitute(d, shifted))));
  };
  return {
    name,
    program,
    // Which inputs the derivatives mention is not known until they are derived; keep them all.
    saves: { inputs: Array.from({ length: count }, (_, i) => i), output: false },
    shape: (shapes) => broadcastShapes(name, shapes),
    forward: (call) => mapBroadcast(call, program),
    gradient(i, g, saved) {
      full ??= build(program, derive);
      return full.gradient(i, g, saved);
    },
  };
}

/** Runs `program` over the broadcast of the call's inputs. */
export function mapBroadcast(call: Call<unknown>, program: MapProgram): void {
  const { shape, shapes, dtype } = call;
  const pointers = [call.out, ...call.inputs];
  const layouts: Layout[] = new Array(shapes.length).fill(FULL);
  const size = sizeOf(shape);
  if (size === 0) return;
  let cols = size; // set by the first input that repeats; the others must fit it or are expanded
  for (let i = 0; i < shapes.length; i++) {
    if (sameShape(shapes[i]!, shape)) continue;
    const inputSize = sizeOf(shapes[i]!);
    if (inputSize === size) continue;
    if (inputSize === 1) {
      layouts[i] = SCALAR;
      continue;
    }
    const found = repeats(shapes[i]!, shape, inputSize);
    if (found !== null && (cols === size || found.cols === cols)) {
      cols = found.cols;
      layouts[i] = found.layout;
    } else {
      const expanded = call.scratch(size * (dtype === 'f32' ? 4 : 8));
      expand(call, expanded, call.inputs[i]!, shapes[i]!);
      pointers[i + 1] = expanded;
    }
  }
  execute(mapCall(program, dtype, size / cols, cols, pointers, layouts));
}

/** How `from` repeats in `to`: as the row of a matrix, as its column (with how many columns), or neither (null). */
function repeats(from: Shape, to: Shape, fromSize: number): { layout: Layout; cols: number } | null {
  const lead = to.length - from.length;
  const sizeAt = (axis: number): number => (axis < lead ? 1 : from[axis - lead]!);
  let trailing = 1;
  for (let axis = to.length - 1; axis >= 0 && sizeAt(axis) === to[axis]; axis--) trailing *= to[axis]!;
  if (trailing === fromSize) return { layout: ROW, cols: trailing };
  let leading = 1;
  for (let axis = 0; axis < to.length && sizeAt(axis) === to[axis]; axis++) leading *= to[axis]!;
  if (leading === fromSize) return { layout: COLUMN, cols: sizeOf(to) / leading };
  return null;
}

/** Writes `from`, broadcast to the call's shape, at `out`. */
function expand(call: Call<unknown>, out: number, pointer: number, from: Shape): void {
  const { shape } = call;
  const lead = shape.length - from.length;
  const inStrides = new Array(shape.length).fill(0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= lead; axis--) {
    if (from[axis - lead] !== 1) inStrides[axis] = stride;
    stride *= from[axis - lead]!;
  }
  copyBox(call.dtype, out, pointer, shape, null, inStrides);
}
