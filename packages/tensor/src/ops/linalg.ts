import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { execute } from '../kernels/execute.ts';
import type { Layout } from '../kernels/kernel.ts';
import { FULL, ROW } from '../kernels/map/layout.ts';
import { mapCall } from '../kernels/map/map.ts';
import { mapProgram } from '../kernels/map/map-program.ts';
import { matmulCall } from '../kernels/matmul/matmul.ts';
import type { Op } from '../op.ts';
import { checkNames } from '../options.ts';
import { broadcastShapes, formatShape, type Shape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkFlag, checkTensor } from './argument.ts';
import { broadcastTo, reshape } from './layout.ts';
import { sum } from './reduce.ts';

/** Of `matmul`. */
export interface MatmulOptions {
  /** Use aᵀ (the last two axes swapped); nothing is copied. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

interface Flags {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Rows of the matrices of a shape, after their transpose flag. */
function rowsOf(shape: Shape, transposed: boolean): number {
  return shape[shape.length - (transposed ? 1 : 2)]!;
}
function colsOf(shape: Shape, transposed: boolean): number {
  return rowsOf(shape, !transposed);
}

const matmulOp: Op<Flags> = {
  name: 'matmul',
  saves: { inputs: [0, 1], output: false },
  shape([a, b], { transposeA, transposeB }) {
    const k = colsOf(a, transposeA);
    const inner = rowsOf(b, transposeB);
    if (k !== inner) {
      const mark = (flag: boolean): string => (flag ? 'ᵀ' : '');
      throw new ShapeError(
        `matmul: inner sizes differ, got ${formatShape(a)}${mark(transposeA)} × ${formatShape(b)}${mark(transposeB)} (${k} ≠ ${inner})`,
      );
    }
    // Batch axes are equal here, or one side has none.
    const shape = (a.length > b.length ? a : b).slice();
    shape[shape.length - 2] = rowsOf(a, transposeA);
    shape[shape.length - 1] = colsOf(b, transposeB);
    return shape;
  },
  forward(call) {
    const { dtype, shapes, shape, params } = call;
    const { transposeA: transA, transposeB: transB } = params;
    const m = rowsOf(shape, false);
    const n = colsOf(shape, false);
    const k = colsOf(shapes[0], transA);
    let batch = 1;
    for (let axis = 0; axis < shape.length - 2; axis++) batch *= shape[axis]!;
    const strideA = shapes[0].length > 2 ? m * k : 0;
    const strideB = shapes[1].length > 2 ? k * n : 0;
    const [a, b] = call.inputs;
    execute(matmulCall(dtype, [call.out, a, b], m, n, k, transA, transB, batch, strideA, strideB));
  },
  // C = op(A)·op(B): dA = G·op(B)ᵀ and dB = op(A)ᵀ·G, each transposed again where the operand was.
  gradient(i, g, { inputs: [a, b], params: { transposeA, transposeB } }) {
    if (i === 0) {
      return transposeA
        ? product(b, g, { transposeA: transposeB, transposeB: true })
        : product(g, b, { transposeA: false, transposeB: !transposeB });
    }
    return transposeB
      ? product(g, a, { transposeA: true, transposeB: transposeA })
      : product(a, g, { transposeA: !transposeA, transposeB: false });
  },
};

function product(a: Tensor, b: Tensor, flags: Flags): Tensor {
  return apply(matmulOp, [a, b], flags);
}

const ADD_BIAS = /* @__PURE__ */ mapProgram('addBias', 2, (y, b) => y.add(b));
const BIAS_LAYOUTS: readonly Layout[] = [FULL, ROW];

/** x·Wᵀ + b with x [rows, in], W [out, in], b [out]; the bias may be left out. */
const linearOp: Op<undefined> = {
  name: 'linear',
  saves: { inputs: [0, 1], output: false },
  shape: ([x, weight]) => [x[0]!, weight[0]!],
  forward(call) {
    const { dtype, out, inputs } = call;
    const [m, k] = call.shapes[0] as readonly [number, number];
    const [n] = call.shapes[1] as readonly [number, number];
    execute(matmulCall(dtype, [out, inputs[0], inputs[1]], m, n, k, false, true));
    if (inputs.length === 3) execute(mapCall(ADD_BIAS, dtype, m, n, [out, out, inputs[2]], BIAS_LAYOUTS));
  },
  gradient(i, g, { inputs: [x, weight] }) {
    if (i === 0) return product(g, weight, { transposeA: false, transposeB: false });
    if (i === 1) return product(g, x, { transposeA: true, transposeB: false });
    return sum(g, { axis: 0 });
  },
};

/** The rows of products; see `opTable`. */
export const linalgOps = { matmul: matmulOp, linear: linearOp } as const;

/**
 * The matrix product over the last two axes: [..., m, k] × [..., k, n] → [..., m, n]. Leading axes are batches and
 * broadcast. Vectors are not matrices here: reshape to [1, n] or [n, 1].
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  checkTensor('matmul', a);
  checkTensor('matmul', b);
  checkNames('matmul', options, ['transposeA', 'transposeB']);
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new ShapeError(
      `matmul: needs at least two axes on both sides, got ${formatShape(a.shape)} × ${formatShape(b.shape)}; reshape a vector to [1, n] or [n, 1]`,
    );
  }
  const flags = {
    transposeA: checkFlag('matmul', 'transposeA', options?.transposeA),
    transposeB: checkFlag('matmul', 'transposeB', options?.transposeB),
  };
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  if (batchA.length > 0 && batchB.length > 0 && !sameShape(batchA, batchB)) {
    const batch = broadcastShapes('matmul', [batchA, batchB]);
    return product(
      broadcastTo(a, [...batch, ...a.shape.slice(-2)]),
      broadcastTo(b, [...batch, ...b.shape.slice(-2)]),
      flags,
    );
  }
  return product(a, b, flags);
}

/**
 * A dense layer: x·Wᵀ + b along the last axis of x. x [..., in], weight [out, in], bias [out] → [..., out].
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const width = checkTensor('linear', x).shape[x.shape.length - 1];
  checkTensor('linear', weight);
  if (bias !== undefined && bias !== null) checkTensor('linear', bias);
  if (weight.shape.length !== 2 || width !== weight.shape[1]) {
    throw new ShapeError(
      weight.shape.length === 2
        ? `linear: expected last axis ${weight.shape[1]}, got ${formatShape(x.shape)}`
        : `linear: weight must be [out, in], got ${formatShape(weight.shape)}`,
    );
  }
  if (bias && !sameShape(bias.shape, [weight.shape[0]!])) {
    throw new ShapeError(`linear: bias must be [${weight.shape[0]}], got ${formatShape(bias.shape)}`);
  }
  const inputs = (flat: Tensor): Tensor[] => (bias ? [flat, weight, bias] : [flat, weight]);
  if (x.shape.length === 2) return apply(linearOp, inputs(x), undefined);
  const rows = x.size / Math.max(1, width as number);
  return reshape(apply(linearOp, inputs(reshape(x, [rows, width as number])), undefined), [
    ...x.shape.slice(0, -1),
    weight.shape[0]!,
  ]);
}
