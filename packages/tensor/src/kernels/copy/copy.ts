import { type DType, elementBytes } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { type Extent, type Kernel, type KernelCall, moved, movingTime } from '../kernel.ts';
import { runCopy } from './wasm.ts';

/** Copies a 4-D box: `out[o(i)] = in[x(i)]`; strides count elements and may be 0 or negative. No element is written twice. */
export interface CopyCall extends KernelCall {
  readonly shape: readonly number[];
  readonly outStrides: readonly number[];
  readonly inStrides: readonly number[];
}

export function copyCall(
  dtype: DType,
  out: number,
  input: number,
  shape: readonly number[],
  outStrides: readonly number[],
  inStrides: readonly number[],
): CopyCall {
  return { kernel: copyKernel, dtype, pointers: [out, input], shape, outStrides, inStrides };
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** From the element furthest back to the one furthest on. */
function reach({ dtype, shape }: CopyCall, strides: readonly number[]): Extent {
  if (count(shape) === 0) return { from: 0, to: 0 };
  let [from, to] = [0, 1];
  for (const [d, n] of shape.entries()) {
    const last = (n - 1) * strides[d]!;
    if (last < 0) from += last;
    else to += last;
  }
  const bytes = elementBytes(dtype);
  return { from: from * bytes, to: to * bytes };
}

export const copyKernel: Kernel<CopyCall> = {
  name: 'copy',
  outputs: () => 1,
  extents: (call) => [reach(call, call.outStrides), reach(call, call.inStrides)],
  written: ({ dtype, shape }) => count(shape) * elementBytes(dtype),

  split(call, share) {
    const { shape, outStrides, inStrides } = call;
    const axis = shape.findIndex((n) => n >= share.threads);
    if (axis < 0) return share.whole(call);
    const { begin, count } = share.of(shape[axis]!);
    const sizes = shape.map((n, d) => (d === axis ? count : n));
    const steps = [begin * outStrides[axis]!, begin * inStrides[axis]!];
    return count === 0 ? null : { ...call, shape: sizes, pointers: moved(call, steps) };
  },

  nanoseconds: (call) => movingTime(copyKernel.extents(call)),
  label: ({ shape }) => `copy [${shape.join(', ')}]`,

  reference({ dtype, pointers, shape, outStrides, inStrides }) {
    const heap = view(dtype);
    const [out, input] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number];
    const [n0, n1, n2, n3] = shape as [number, number, number, number];
    const [o0, o1, o2, o3] = outStrides as [number, number, number, number];
    const [i0, i1, i2, i3] = inStrides as [number, number, number, number];
    for (let a = 0; a < n0; a++) {
      for (let b = 0; b < n1; b++) {
        for (let c = 0; c < n2; c++) {
          let o = out + a * o0 + b * o1 + c * o2;
          let x = input + a * i0 + b * i1 + c * i2;
          for (let d = 0; d < n3; d++) {
            heap[o] = heap[x]!;
            o += o3;
            x += i3;
          }
        }
      }
    }
  },

  wasm: { takes: ({ dtype }) => dtype === 'f32', run: runCopy },
};
