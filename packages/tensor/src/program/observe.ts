import type { Kernels } from '../kernels/kernels.ts';
import { type KernelCall, run } from './call.ts';

/** Kernels that make every call through `observe`, which gets it as data and must call `perform` once. */
export function observedKernels(kernels: Kernels, observe: (call: KernelCall, perform: () => void) => void): Kernels {
  const make = (call: KernelCall, scratch = 0): void => observe(call, () => run(call, kernels, scratch));
  return {
    name: kernels.name,
    matmulScratch: kernels.matmulScratch,
    map(program, dtype, rows, cols, pointers, layouts) {
      make({ kernel: 'map', dtype, pointers: [...pointers], program, rows, cols, layouts: [...layouts] });
    },
    reduce(kind, program, dtype, axis, rows, cols, out, inputs, layouts, line = cols) {
      const pointers = [out, ...inputs];
      make({ kernel: 'reduce', dtype, pointers, kind, program, axis, rows, cols, layouts: [...layouts], line });
    },
    matmul(dtype, out, a, b, m, n, k, transA, transB, batch, strideA, strideB, scratch, ...lines) {
      const [lineA = transA ? m : k, lineB = transB ? k : n, lineC = n] = lines;
      const sizes = { m, n, k, transA, transB, batch, strideA, strideB, lineA, lineB, lineC };
      make({ kernel: 'matmul', dtype, pointers: [out, a, b], ...sizes }, scratch);
    },
    copy(dtype, out, input, shape, outStrides, inStrides) {
      const strides = { outStrides: [...outStrides], inStrides: [...inStrides] };
      make({ kernel: 'copy', dtype, pointers: [out, input], shape: [...shape], ...strides });
    },
    fill(dtype, out, count, value) {
      make({ kernel: 'fill', dtype, pointers: [out], count, value });
    },
    gatherRows(dtype, out, table, indices, count, width) {
      make({ kernel: 'gatherRows', dtype, pointers: [out, table, indices], count, width });
    },
    scatterAddRows(dtype, out, rows, indices, count, width) {
      make({ kernel: 'scatterAddRows', dtype, pointers: [out, rows, indices], count, width });
    },
    cumulativeSum(dtype, out, input, rows, cols, reverse) {
      make({ kernel: 'cumulativeSum', dtype, pointers: [out, input], rows, cols, reverse });
    },
    random(kind, dtype, out, count, state, first = 0) {
      make({ kernel: 'random', dtype, pointers: [out, state], kind, count, first });
    },
  };
}
