import type { DType } from '../../dtype.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, moved, movingTime } from '../kernel.ts';
import { F32, type FunctionBuilder, I32, i32s, V128 } from '../wasm/assembler.ts';
import { LinkedFunction } from '../wasm/linker.ts';
import { streamRun, whilePositive } from '../wasm/loops.ts';

/**
 * A linear map along the middle axis of [outer, size, inner]: `out[o, j, :] = Σ_t weight[j, t]·in[o, index[j, t], :]` for j <
 * `places`. The table holds index and weight of each of `taps` terms of each place, one after the other; an index below 0 stands
 * for no term. Pointers are out, in, table.
 */
export interface ResampleCall extends KernelCall {
  readonly outer: number;
  readonly size: number;
  readonly places: number;
  readonly taps: number;
  readonly inner: number;
}

export function resampleCall(
  dtype: DType,
  pointers: readonly [out: number, input: number, table: number],
  sizes: Omit<ResampleCall, 'kernel' | 'dtype' | 'pointers'>,
): ResampleCall {
  return { kernel: resampleKernel, dtype, pointers, ...sizes };
}

const RESAMPLE = /* @__PURE__ */ new LinkedFunction((module) => module.define(i32s(8), [], emitResample));

export const resampleKernel: Kernel<ResampleCall> = {
  name: 'resample',
  outputs: () => 1,
  extents: ({ dtype, outer, size, places, taps, inner }) => [
    elements(dtype, outer * places * inner),
    elements(dtype, outer * size * inner),
    elements(dtype, places * taps * 2),
  ],
  written: ({ dtype, outer, places, inner }) => elements(dtype, outer * places * inner).to,

  split(call, share) {
    const { begin, count } = share.of(call.outer);
    const steps = [begin * call.places * call.inner, begin * call.size * call.inner, 0];
    return count === 0 ? null : { ...call, outer: count, pointers: moved(call, steps) };
  },

  nanoseconds: ({ dtype, outer, places, taps, inner }) =>
    movingTime([elements(dtype, outer * places * inner * (1 + taps)), elements(dtype, places * taps)]),
  label: ({ outer, size, places, taps, inner }) => `resample [${outer}, ${size} → ${places}, ${inner}] of ${taps}`,

  reference({ dtype, pointers, outer, size, places, taps, inner }) {
    const heap = view(dtype);
    const [out, input, table] = pointers.map((pointer) => elementAt(dtype, pointer)) as [number, number, number];
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < places; j++) {
        for (let c = 0; c < inner; c++) {
          let total = 0;
          for (let t = 0; t < taps; t++) {
            const entry = table + (j * taps + t) * 2;
            const index = heap[entry]!;
            if (index >= 0) total += heap[entry + 1]! * heap[input + (o * size + index) * inner + c]!;
          }
          heap[out + (o * places + j) * inner + c] = total;
        }
      }
    }
  },

  wasm: {
    takes: ({ dtype }) => dtype === 'f32',
    run({ pointers, outer, size, places, taps, inner }, linker) {
      RESAMPLE.of(linker)(pointers[0]!, pointers[1]!, pointers[2]!, outer, size, places, taps, inner);
    },
  },
};

/** The first term is written, the others are added to it. */
function emitResample(f: FunctionBuilder): void {
  const [out, input, table, outer, size, places, taps, inner] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [line, place, entry, tap, left, to, from, started] = Array.from({ length: 8 }, () => f.local(I32)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const weight = f.local(V128);
  const zero = f.constant([0, 0, 0, 0]);
  const index = f.local(F32);
  f.get(inner).i32(4).op('i32_mul').set(line);
  whilePositive(f, outer, () => {
    f.get(table).set(entry).get(places).set(place);
    whilePositive(f, place, () => {
      f.i32(0).set(started).get(taps).set(tap);
      whilePositive(f, tap, () => {
        f.get(entry).memory('f32_load').tee(index).f32(0).op('f32_ge');
        f.if_(() => {
          f.get(entry).memory('v128_load32_splat', 4).set(weight);
          f.get(index).op('i32_trunc_f32_s').get(line).op('i32_mul').get(input).op('i32_add').set(from);
          f.get(out).set(to).get(inner).set(left);
          const term = (offset: number): FunctionBuilder =>
            f.get(from).memory('v128_load', offset).get(weight).simd('f32x4_mul');
          f.get(started).if_(
            () => {
              streamRun(f, to, left, (offset) => term(offset).get(to).memory('v128_load', offset).simd('f32x4_add'), [
                to,
                from,
              ]);
            },
            () => streamRun(f, to, left, term, [to, from]),
          );
          f.i32(1).set(started);
        });
        f.advance(entry, 8).advance(tap, -1);
      });
      f.get(started).i32(0).op('i32_eq');
      f.if_(() => {
        f.get(out).set(to).get(inner).set(left);
        streamRun(f, to, left, () => f.get(zero), [to]);
      });
      f.get(out).get(line).op('i32_add').set(out);
      f.advance(place, -1);
    });
    f.get(input).get(size).get(line).op('i32_mul').op('i32_add').set(input);
    f.advance(outer, -1);
  });
}
