import { type FunctionBuilder, type Local, V128 } from './assembler.ts';
import { storeLanes } from './lanes.ts';

/** `while (left >= least) body()`; the body takes from `left`. */
export function whileAtLeast(f: FunctionBuilder, left: Local, least: number, body: () => void): void {
  f.get(left).i32(least).op('i32_ge_s');
  f.if_(() => {
    f.loop(() => {
      body();
      f.get(left).i32(least).op('i32_ge_s').brIf(0);
    });
  });
}

/** `while (left > 0) body()`; the body takes from `left`. */
export function whilePositive(f: FunctionBuilder, left: Local, body: () => void): void {
  whileAtLeast(f, left, 1, body);
}

/** Stores `count` vectors' worth of elements at `out`; `load` puts a vector, `offset` bytes on, on the stack. */
export function streamRun(
  f: FunctionBuilder,
  out: Local,
  left: Local,
  load: (offset: number) => void,
  moving: readonly Local[],
): void {
  const advance = (vectors: number): void => {
    for (const pointer of moving) f.advance(pointer, 16 * vectors);
    f.advance(left, -4 * vectors);
  };
  for (const vectors of [4, 1]) {
    whileAtLeast(f, left, 4 * vectors, () => {
      for (let u = 0; u < vectors; u++) {
        f.get(out);
        load(16 * u);
        f.memory('v128_store', 16 * u);
      }
      advance(vectors);
    });
  }
  f.get(left).i32(0).op('i32_gt_s');
  f.if_(() => {
    const last = f.local(V128);
    load(0);
    f.set(last);
    storeLanes(f, out, last, left);
  });
}
