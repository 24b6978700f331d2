import { describe, expect, it } from 'vitest';
import { memory } from '../../memory/linear-memory.ts';
import { referenceKernels } from '../reference.ts';
import { instantLinker } from './linker.ts';
import { createWasmKernels } from './wasm-kernels.ts';

const wasm = createWasmKernels(instantLinker(memory.wasm as WebAssembly.Memory), referenceKernels);
const both = [referenceKernels, wasm];

function place(values: ArrayLike<number>): number {
  const pointer = memory.reserve(4 * values.length + 64);
  memory.f32.set(values, pointer / 4);
  return pointer;
}
/** Room for `size` results between four guards on either side, and what is there afterwards. */
function guarded(size: number, run: (out: number) => void, initial = 77): number[] {
  const out = place(new Float32Array(size + 8).fill(initial)) + 16;
  run(out);
  return [...memory.f32.slice(out / 4 - 4, out / 4 + size + 4)];
}
const iota = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** Row-major strides of `shape` with its dimensions in the order `order`. */
function stridesOf(shape: readonly number[], order: readonly number[]): number[] {
  const strides = [0, 0, 0, 0];
  let step = 1;
  for (const d of [...order].reverse()) {
    strides[d] = step;
    step *= shape[d];
  }
  return strides;
}

describe('wasm layout kernels', () => {
  it('fills every length', () => {
    for (const n of [0, 1, 2, 3, 4, 5, 15, 16, 17, 33]) {
      for (const value of [0, -0, 1.5, Number.NaN]) {
        const [want, got] = both.map((k) => guarded(n, (out) => k.fill('f32', out, n, value)));
        expect(got).toEqual(want);
      }
    }
  });

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
      const input = place(iota(size));
      for (const order of orders) {
        const outStrides = stridesOf(shape, [0, 1, 2, 3]);
        const inStrides = stridesOf(shape, order);
        const [want, got] = both.map((k) =>
          guarded(size, (out) => k.copy('f32', out, input, shape, outStrides, inStrides)),
        );
        expect(got, `${shape} ${order}`).toEqual(want);
        // And the other way round: scattered writes, runs read.
        const [back, wasmBack] = both.map((k) =>
          guarded(size, (out) => k.copy('f32', out, input, shape, inStrides, outStrides)),
        );
        expect(wasmBack, `${shape} ${order} back`).toEqual(back);
      }
    }
  });

  it('repeats (stride 0), reverses (negative stride), cuts out and skips', () => {
    const shape = [2, 3, 5, 7];
    const size = 210;
    const input = place(iota(2 * size)) + 4 * size;
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
      const [want, got] = both.map((k) =>
        guarded(size, (out) => k.copy('f32', out, input, shape, outStrides, inStrides)),
      );
      expect(got, `${inStrides}`).toEqual(want);
      // Into a wider buffer: the gaps stay.
      const wide = outStrides.map((s) => 2 * s);
      const [wantWide, gotWide] = both.map((k) =>
        guarded(2 * size, (out) => k.copy('f32', out, input, shape, wide, inStrides)),
      );
      expect(gotWide, `${inStrides} into every second`).toEqual(wantWide);
    }
  });

  it('gathers rows and adds rows where indices repeat', () => {
    for (const width of [1, 2, 3, 4, 5, 8, 17, 33]) {
      const table = place(iota(6 * width));
      const indices = place([5, 0, 3, 3, 1, 3, 5]);
      const rows = place(iota(7 * width));
      const [want, got] = both.map((k) =>
        guarded(7 * width, (out) => k.gatherRows('f32', out, table, indices, 7, width)),
      );
      expect(got).toEqual(want);
      const [added, wasmAdded] = both.map((k) =>
        guarded(6 * width, (out) => k.scatterAddRows('f32', out, rows, indices, 7, width)),
      );
      expect(wasmAdded).toEqual(added);
      expect(added.slice(0, 4)).toEqual([77, 77, 77, 77]);
    }
  });

  it('takes running sums from the reference', () => {
    const input = place(iota(6));
    expect(guarded(6, (out) => wasm.cumulativeSum('f32', out, input, 2, 3, true)).slice(4, -4)).toEqual([
      6, 5, 3, 15, 11, 6,
    ]);
  });
});
