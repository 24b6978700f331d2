import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { copyCall } from '../kernels/copy/copy.ts';
import { execute } from '../kernels/execute.ts';
import { gatherRowsCall } from '../kernels/gather-rows/gather-rows.ts';
import { scatterAddRowsCall } from '../kernels/scatter-add-rows/scatter-add-rows.ts';
import type { Op } from '../op.ts';
import { whole } from '../options.ts';
import { checkedSize, formatShape, normalizeAxis, sameShape, sizeOf } from '../shape.ts';

import type { Tensor } from '../tensor.ts';
import { checkTensor } from './argument.ts';
import { equal } from './elementwise.ts';
import { checkCount, checkIndices, type Indices, indexTensor } from './indices.ts';
import { expandDims, transpose } from './layout.ts';

export type { Indices } from './indices.ts';

/** Rows of axis 0; inputs are the table and the indices. */
const gatherOp: Op<undefined> = {
  name: 'gather',
  saves: { inputs: [1], output: false },
  shape: ([table, indices]) => [...indices, ...table.slice(1)],
  forward(call) {
    const [table, indices] = call.shapes;
    const width = sizeOf(table.slice(1));
    execute(gatherRowsCall(call.dtype, [call.out, call.inputs[0], call.inputs[1]], sizeOf(indices), width, table[0]!));
  },
  gradient(i, g, { inputs: [, indices], shapes }) {
    return i === 0 ? apply(scatterAddOp, [g.full(shapes[0], 0), indices, g], undefined) : null;
  },
};

/** base with rows added at the indices; inputs are base, indices, rows. */
const scatterAddOp: Op<undefined> = {
  name: 'scatterAdd',
  saves: { inputs: [1], output: false },
  shape([base, indices, rows]) {
    if (!sameShape(rows, [...indices, ...base.slice(1)])) {
      throw new ShapeError(
        `scatterAdd: rows must be ${formatShape([...indices, ...base.slice(1)])} for base ${formatShape(base)} and indices ${formatShape(indices)}, got ${formatShape(rows)}`,
      );
    }
    return base;
  },
  forward(call) {
    const [base, indices, rows] = call.inputs;
    const [shape, count] = [call.shapes[0], sizeOf(call.shapes[1])];
    execute(copyCall(call.dtype, call.out, base, [1, 1, 1, sizeOf(shape)], [0, 0, 0, 1], [0, 0, 0, 1]));
    const width = sizeOf(shape.slice(1));
    execute(scatterAddRowsCall(call.dtype, [call.out, rows, indices], count, width, shape[0]!));
  },
  gradient(i, g, { inputs: [, indices] }) {
    if (i === 1) return null;
    return i === 0 ? g : apply(gatherOp, [g, indices], undefined);
  },
};

/** The rows of ops that look up by index; see `opTable`. */
export const indexingOps = { gather: gatherOp, scatterAdd: scatterAddOp } as const;

/** The slices of x at `indices` along `axis` (0): NumPy's `take`. Result: x's shape with that axis replaced by the indices' shape. */
export function gather(x: Tensor, indices: Indices, axis = 0): Tensor {
  const rank = checkTensor('gather', x).shape.length;
  const normal = normalizeAxis('gather', axis, rank);
  const positions = indexTensor('gather', indices, x, x.shape[normal]!);
  if (normal === 0) return apply(gatherOp, [x, positions], undefined);
  const toFront = [normal, ...[...x.shape.keys()].filter((a) => a !== normal)];
  const picked = apply(gatherOp, [transpose(x, toFront), positions], undefined);
  // The indices' axes come first; they belong where `axis` was.
  const width = positions.shape.length;
  const order = picked.shape.map((_, a) => (a < normal ? a + width : a < normal + width ? a - normal : a));
  return transpose(picked, order);
}

/** x with `rows[i]` added to its slice `indices[i]` of axis 0; repeated indices add up. */
export function scatterAdd(x: Tensor, indices: Indices, rows: Tensor): Tensor {
  checkTensor('scatterAdd', x);
  if (x.shape.length === 0) throw new ShapeError('scatterAdd: a scalar has no slices');
  const positions = indexTensor('scatterAdd', indices, x, x.shape[0] ?? 0);
  return apply(scatterAddOp, [x, positions, checkTensor('scatterAdd', rows)], undefined);
}

/** Rows of `depth` numbers, 1 at the index and 0 elsewhere: [...indices, depth]. No gradient. */
export function oneHot(indices: Tensor, depth: number): Tensor {
  checkTensor('oneHot', indices);
  whole({ min: 0 })(depth, { caller: 'oneHot', path: 'depth' });
  checkedSize('oneHot', [...indices.shape, depth], indices.dtype);
  checkCount('oneHot', 'a depth of', depth, indices.dtype);
  checkIndices('oneHot', indices, depth);
  const positions = Array.from({ length: depth }, (_, i) => i);
  return equal(expandDims(indices, -1), indices.from(positions, [depth]));
}
