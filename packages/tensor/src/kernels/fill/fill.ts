import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, LINE, moved, movingTime } from '../kernel.ts';
import { type FunctionBuilder, i32s, V128 } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { streamRun } from '../wasm/loops.ts';

/** Every one of `count` elements becomes `value`. */
export interface FillCall extends KernelCall {
  readonly count: number;
  readonly value: number;
}

export function fillCall(dtype: DType, out: number, count: number, value: number): FillCall {
  return { kernel: fillKernel, dtype, pointers: [out], count, value };
}

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);
const FILL = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(3), [], emitFill));

export const fillKernel: Kernel<FillCall> = {
  name: 'fill',
  outputs: () => 1,
  extents: ({ dtype, count }) => [elements(dtype, count)],
  written: ({ dtype, count }) => elements(dtype, count).to,

  split(call, share) {
    const { begin, count } = share.of(call.count, LINE);
    return count === 0 ? null : { ...call, count, pointers: moved(call, [begin]) };
  },

  nanoseconds: (call) => movingTime(fillKernel.extents(call)),
  label: ({ count }) => `fill [${count}]`,

  reference({ dtype, pointers, count, value }) {
    const start = elementAt(dtype, pointers[0]!);
    view(dtype).fill(value, start, start + count);
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, count, value }, linker) {
      real[0] = value;
      FILL.of(linker)(pointers[0]!, count, bits[0]!);
    },
  },
};

function emitFill(f: FunctionBuilder): void {
  const [out, count, bits] = [0, 1, 2];
  const value = f.local(V128);
  f.get(bits).simd('i32x4_splat').set(value);
  streamRun(f, out, count, () => f.get(value), [out]);
}
