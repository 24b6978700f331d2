import { describe, expect, it } from 'vitest';
import { memory } from '../../memory/linear-memory.ts';
import { put, runWasm } from '../samples.ts';
import { copyCall } from './copy.ts';

/** Room for `size` results between four guards on either side, and what is there after a copy. */
function guarded(
  size: number,
  inPlain: boolean,
  input: number,
  shape: readonly number[],
  outStrides: readonly number[],
  inStrides: readonly number[],
): number[] {
  const out = put(new Float32Array(size + 8).fill(77)) + 16;
  const call = copyCall('f32', out, input, shape, outStrides, inStrides);
  if (inPlain) call.kernel.reference(call);
  else runWasm(call);
  return [...memory.f32.slice(out / 4 - 4, out / 4 + size + 4)];
}
/** The reference and WebAssembly. */
function both(
  ...copy: [size: number, ...rest: Parameters<typeof guarded> extends [number, boolean, ...infer R] ? R : never]
) {
  const [size, ...rest] = copy;
  return [guarded(size, true, ...rest), guarded(size, false, ...rest)] as const;
}
const iota = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** Row-major strides of `shape` with its dimensions in the order `order`. */
function stridesOf(shape: readonly number[], order: readonly number[]): number[] {
  const strides = [0, 0, 0, 0];
  let step = 1;
  for (const d of [...order].reverse()) {
    strides[d] = step;
    step *= shape[d]!;
  }
  return strides;
}

describe('wasm copy', () => {
  it('copies boxes in every order of dimensions', () => {
    const orders = [0, 1, 2, 3].flatMap((a) =>
      [0, 1, 2, 3].flatMap((b) =>
        [0, 1, 2, 3].flatMap((c) => [0, 1, 2, 3].map((d) => [a, b, c, d]).filter((o) => new Set(o).size === 4)),
      ),
    );
    for (const shape of [
      [2, 3, 4, 5],
      [1, 1, 9, 6],
      [1, 3, 1, 17],
      [3, 1, 5, 1],
      [1, 1, 1, 1],
      [2, 0, 3, 4],
      [1, 8, 4, 33],
    ]) {
      const size = shape.reduce((a, b) => a * b);
      const input = put(iota(size));
      for (const order of orders) {
        const outStrides = stridesOf(shape, [0, 1, 2, 3]);
        const inStrides = stridesOf(shape, order);
        const [want, got] = both(size, input, shape, outStrides, inStrides);
        expect(got, `${shape} ${order}`).toEqual(want);
        // And the other way round: scattered writes, runs read.
        const [back, wasmBack] = both(size, input, shape, inStrides, outStrides);
        expect(wasmBack, `${shape} ${order} back`).toEqual(back);
      }
    }
  });

  it('repeats (stride 0), reverses (negative stride), cuts out and skips', () => {
    const shape = [2, 3, 5, 7];
    const size = 210;
    const input = put(iota(2 * size)) + 4 * size;
    const outStrides = stridesOf(shape, [0, 1, 2, 3]);
    const cases = [
      [0, 7, 0, 1],
      [0, 0, 1, 0],
      [0, 0, 0, 0],
      [105, 35, 7, -1],
      [-105, 35, -7, 1],
      [1, 0, 2, 0],
      [50, 10, 1, 2],
      [3, 9, 1, 27],
      [0, 1, 0, 3],
    ];
    for (const inStrides of cases) {
      const [want, got] = both(size, input, shape, outStrides, inStrides);
      expect(got, `${inStrides}`).toEqual(want);
      // Into a wider buffer: the gaps stay.
      const wide = outStrides.map((s) => 2 * s);
      const [wantWide, gotWide] = both(2 * size, input, shape, wide, inStrides);
      expect(gotWide, `${inStrides} into every second`).toEqual(wantWide);
    }
  });
});
