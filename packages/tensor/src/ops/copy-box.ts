import type { DType } from '../dtype.ts';
import { copyCall } from '../kernels/copy/copy.ts';
import { execute } from '../kernels/execute.ts';
import { type Shape, stridesOf } from '../shape.ts';

/** An axis of a box: how many, and the steps in both buffers. */
interface Axis {
  readonly size: number;
  readonly out: number;
  readonly input: number;
}

const SINGLE: Axis = { size: 1, out: 0, input: 0 };

/**
 * Copies a box of any rank, element strides given (outStrides null: contiguous). Neighbouring axes that move together
 * are merged; where more than four are left, the smallest are looped over here.
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
  const axes: Axis[] = [];
  for (let d = 0; d < shape.length; d++) {
    const axis = { size: shape[d]!, out: target[d]!, input: inStrides[d]! };
    if (axis.size === 0) return;
    if (axis.size === 1) continue;
    const last = axes.at(-1);
    if (last !== undefined && last.out === axis.out * axis.size && last.input === axis.input * axis.size) {
      axes[axes.length - 1] = { ...axis, size: last.size * axis.size };
    } else axes.push(axis);
  }
  const looped: Axis[] = [];
  while (axes.length > 4) {
    const least = Math.min(...axes.map(({ size }) => size));
    looped.push(
      ...axes.splice(
        axes.findIndex(({ size }) => size === least),
        1,
      ),
    );
  }
  while (axes.length < 4) axes.unshift(SINGLE);
  const sizes = axes.map(({ size }) => size);
  const outSteps = axes.map((axis) => axis.out);
  const inSteps = axes.map((axis) => axis.input);
  const bytes = dtype === 'f32' ? 4 : 8;
  const walk = (depth: number, to: number, from: number): void => {
    const axis = looped[depth];
    if (axis === undefined) {
      execute(copyCall(dtype, to, from, sizes, outSteps, inSteps));
      return;
    }
    for (let i = 0; i < axis.size; i++) walk(depth + 1, to + i * axis.out * bytes, from + i * axis.input * bytes);
  };
  walk(0, out, input);
}
