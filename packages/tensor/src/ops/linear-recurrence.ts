import { apply } from '../eager.ts';
import { ShapeError } from '../errors.ts';
import { execute } from '../kernels/execute.ts';
import { linearRecurrenceCall } from '../kernels/linear-recurrence/linear-recurrence.ts';
import type { Op } from '../op.ts';
import { checkOptions, optional } from '../options.ts';
import { formatShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkTensor, tensorCheck } from './argument.ts';
import { concat, pad, reshape, slice } from './layout.ts';

/**
 * h = L·b where row t of L·b is hₜ = aₜ⊙hₜ₋₁ + bₜ, or Lᵀ·b. With D = Lᵀ·g the gradient to b is D, and that to aₜ is Dₜ⊙hₜ₋₁; of
 * the transposed op, with e = L·g, they are e and eₜ₋₁⊙hₜ. So the two are closed under differentiation.
 */
const linearRecurrenceOp: Op<{ readonly transposed: boolean }> = {
  name: 'linearRecurrence',
  saves: { inputs: [0], output: true },
  shape([a, b]) {
    if (a === undefined || b === undefined || a.length !== 3 || !sameShape(a, b)) {
      throw new ShapeError(
        `linearRecurrence: a and b must be [rows, steps, width] both, got ${[a, b].map((shape) => formatShape(shape ?? [])).join(' and ')}`,
      );
    }
    return a;
  },
  forward({ dtype, out, inputs, shape, params }) {
    const [rows, steps, width] = shape as [number, number, number];
    const [a, b] = inputs;
    execute(linearRecurrenceCall(dtype, [out, a, b], rows, steps, width, params.transposed));
  },
  gradient(i, g, { inputs: [a], output, params: { transposed } }) {
    const passed = apply(linearRecurrenceOp, [a as Tensor, g], { transposed: !transposed });
    if (i === 1) return passed;
    return transposed ? later(passed).mul(output) : passed.mul(later(output));
  },
};

/** x one step later, with zeros at the first. */
function later(x: Tensor): Tensor {
  const steps = x.shape[1] as number;
  if (steps === 0) return x;
  return pad(slice(x, [null, [0, steps - 1]]), [
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
}

export const linearRecurrenceOps = { linearRecurrence: linearRecurrenceOp } as const;

/**
 * hₜ = aₜ⊙hₜ₋₁ + bₜ in each unit by itself: a and b [rows, steps, width] → h [rows, steps, width], from h₀ = `initial` [rows,
 * width] (zeros by default). What minGRU and other linear recurrences go over their steps with: no product in the loop, only
 * numbers that stream by.
 */
export function linearRecurrence(a: Tensor, b: Tensor, options: { readonly initial?: Tensor } = {}): Tensor {
  checkTensor('linearRecurrence', a);
  checkTensor('linearRecurrence', b);
  const { initial } = checkOptions('linearRecurrence', options, { initial: optional(tensorCheck) });
  if (initial === undefined) return apply(linearRecurrenceOp, [a, b], { transposed: false });
  const [rows = 0, steps = 0, width = 0] = b.shape;
  if (!sameShape(checkTensor('linearRecurrence', initial).shape, [rows, width])) {
    throw new ShapeError(
      `linearRecurrence: initial must be ${formatShape([rows, width])} for b ${formatShape(b.shape)}, got ${formatShape(initial.shape)}`,
    );
  }
  // A step before the first that makes h₀ of nothing.
  const before = reshape(initial, [rows, 1, width]);
  const h = apply(linearRecurrenceOp, [concat([before, a], 1), concat([before, b], 1)], { transposed: false });
  return slice(h, [null, [1, steps + 1]]);
}
