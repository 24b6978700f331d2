import { type FunctionBuilder, I32, i32s, type ModuleBuilder } from '../wasm/assembler.ts';
import { whilePositive } from '../wasm/loops.ts';
import type { RowSize } from './row-sizes.ts';

/**
 * Rows that go through all steps together: so few that what a step works on stays in the first-level cache and that few pages
 * are written to at a time, and so many that the weights, which come from the second, are used often enough. Whole tiles.
 */
export const PART_ROWS = 24;

/**
 * A function (rows, steps, scratch, pointers…) that calls `prepare` with all that once, and `body` with the same arguments for
 * some rows after the others. `sizes` are what a row has of each operand.
 */
export function defineRowParts(
  module: ModuleBuilder,
  sizes: readonly RowSize[],
  prepare: FunctionBuilder,
  body: FunctionBuilder,
): FunctionBuilder {
  const count = 3 + sizes.length;
  return module.define(i32s(count), [], (f) => {
    const [rows, steps] = [0, 1];
    const part = f.local(I32);
    const all = (first: number): FunctionBuilder => {
      f.get(first);
      for (let i = 1; i < count; i++) f.get(i);
      return f;
    };
    all(rows).call(prepare);
    whilePositive(f, rows, () => {
      f.i32(PART_ROWS).get(rows).get(rows).i32(PART_ROWS).op('i32_gt_s').op('select').set(part);
      all(part).call(body);
      for (const [i, { width, perStep }] of sizes.entries()) {
        if (width === 0) continue;
        f.get(3 + i)
          .get(part)
          .i32(4 * width)
          .op('i32_mul');
        if (perStep) f.get(steps).op('i32_mul');
        f.op('i32_add').set(3 + i);
      }
      f.get(rows).get(part).op('i32_sub').set(rows);
    });
  });
}
