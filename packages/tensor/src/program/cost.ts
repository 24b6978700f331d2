import { cost } from '../kernels/wasm/expression.ts';
import { extents, type KernelCall, outputsOf } from './call.ts';

// Measured on one core of an x86-64 server with WebAssembly SIMD; only their order of magnitude matters.
const NS_PER_FLOP = 1 / 32;
const NS_PER_ELEMENT = 0.12;
const NS_PER_INSTRUCTION = 0.045;
const NS_PER_BYTE = 0.06;

/** About how many nanoseconds a call takes. */
export function nanoseconds(call: KernelCall): number {
  switch (call.kernel) {
    case 'matmul':
      return 2 * call.batch * call.m * call.n * call.k * NS_PER_FLOP;
    case 'map':
    case 'reduce':
      return call.rows * call.cols * (NS_PER_ELEMENT + NS_PER_INSTRUCTION * cost(call.program.expressions));
    case 'random':
      return call.count * 40 * NS_PER_INSTRUCTION;
    default:
      return extents(call).reduce((sum, bytes) => sum + bytes, 0) * NS_PER_BYTE;
  }
}

/** Bytes that a call reads and writes, each operand once, and the floating-point operations of a matrix product. */
export function work(call: KernelCall): { readonly flop: number; readonly bytes: number } {
  const bytes = extents(call).reduce((sum, extent) => sum + extent, 0);
  return { flop: call.kernel === 'matmul' ? 2 * call.batch * call.m * call.n * call.k : 0, bytes };
}

/** What a call is called in a profile. */
export function nameOf(call: KernelCall): string {
  switch (call.kernel) {
    case 'matmul': {
      const mark = (flag: boolean): string => (flag ? 'ᵀ' : '');
      return `matmul ${call.m}×${call.k}${mark(call.transA)} · ${call.k}×${call.n}${mark(call.transB)}`;
    }
    case 'map':
      return `${call.program.name} [${call.rows}, ${call.cols}]${outputsOf(call) > 1 ? ` → ${outputsOf(call)}` : ''}`;
    case 'reduce':
      return `${call.kind} over ${call.axis === 1 ? 'columns' : 'rows'} of ${call.program.name} [${call.rows}, ${call.cols}]`;
    case 'random':
      return `random ${call.kind} [${call.count}]`;
    default:
      return call.kernel;
  }
}
