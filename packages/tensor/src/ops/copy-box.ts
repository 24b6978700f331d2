import { copyCall } from '../kernels/copy/copy.ts';
import { execute } from '../kernels/execute.ts';
import type { DType } from '../kernels/kernel.ts';
import { type Shape, stridesOf } from '../shape.ts';

/**
 * Copies a box of any rank, element strides given (outStrides null: contiguous). Neighbouring axes that move together
 * are merged; what is left beyond four axes is looped over here.
 */
export function copyBox(
  dtype: DType,
  out: number,
  input: number,
  shape: Shape,
  outStrides: readonly number[] | null,
  inStrides: readonly number[],
): void {
  const target = outStrides ?? stridesOf(shape);
  const sizes: number[] = [];
  const o: number[] = [];
  const x: number[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis];
    if (size === 0) return;
    if (size === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && o[last] === target[axis] * size && x[last] === inStrides[axis] * size) {
      sizes[last] *= size;
      o[last] = target[axis];
      x[last] = inStrides[axis];
    } else {
      sizes.push(size);
      o.push(target[axis]);
      x.push(inStrides[axis]);
    }
  }
  while (sizes.length < 4) {
    sizes.unshift(1);
    o.unshift(0);
    x.unshift(0);
  }
  const bytes = dtype === 'f32' ? 4 : 8;
  const inner = sizes.length - 4;
  const walk = (axis: number, outPointer: number, inPointer: number): void => {
    if (axis === inner) {
      execute(copyCall(dtype, outPointer, inPointer, sizes.slice(inner), o.slice(inner), x.slice(inner)));
      return;
    }
    for (let i = 0; i < sizes[axis]; i++)
      walk(axis + 1, outPointer + i * o[axis] * bytes, inPointer + i * x[axis] * bytes);
  };
  walk(0, out, input);
}
