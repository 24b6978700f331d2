import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import type { Tile } from '../wasm/tile.ts';

/** Columns of the tile of C that stays in registers. */
export const TILE_COLS = 8;
const VECTORS = TILE_COLS / 4;

/**
 * Adds the micro-kernel for `rows` rows (up to the tile's):
 *
 *     C[i, 0…7] (+)= Σ_{l < k} A[l, i]·B[l, 0…7]
 *
 * Parameters: a, b, stepB, c, rowC, k, accumulate, cols. A is a packed panel, the tile's rows together for each l; B's
 * eight columns are contiguous, `stepB` bytes from one l to the next; C's rows are `rowC` bytes apart. Only `cols` columns
 * are written: what is computed for the others comes from reading past B, and is dropped. Each element adds its
 * products in the order of l.
 */
export function defineMicro(
  module: ModuleBuilder,
  rows: number,
  tile: Tile,
  storeTail: FunctionBuilder,
): FunctionBuilder {
  return module.define(new Array(8).fill(I32), [], (f) => {
    const [a, b, stepB, c, rowC, k, accumulate, cols] = f.arguments(8);
    const sums = Array.from({ length: rows * VECTORS }, () => f.local(V128));
    const vectors = Array.from({ length: VECTORS }, () => f.local(V128));
    const value = f.local(V128);
    const row = f.local(I32);

    /** One l: an outer product. */
    const product = (offset: number): void => {
      vectors.forEach((vector, j) => {
        f.get(b)
          .memory('v128_load', 16 * j)
          .set(vector);
      });
      f.get(b).get(stepB).op('i32_add').set(b);
      for (let i = 0; i < rows; i++) {
        f.get(a)
          .memory('v128_load32_splat', 4 * (tile.rows * offset + i))
          .set(value);
        for (let j = 0; j < VECTORS; j++) {
          const sum = sums[i * VECTORS + j]!;
          if (tile.fused) f.get(value).get(vectors[j]!).get(sum).simd('f32x4_relaxed_madd').set(sum);
          else f.get(sum).get(value).get(vectors[j]!).simd('f32x4_mul').simd('f32x4_add').set(sum);
        }
      }
    };
    const turns = (unroll: number): void => {
      f.get(k)
        .i32(unroll)
        .op('i32_ge_s')
        .if_(() => {
          f.loop(() => {
            for (let u = 0; u < unroll; u++) product(u);
            f.advance(a, 4 * tile.rows * unroll);
            f.get(k).i32(unroll).op('i32_sub').tee(k).i32(unroll).op('i32_ge_s').brIf(0);
          });
        });
    };
    turns(tile.unroll);
    if (tile.unroll > 1) turns(1);

    f.get(accumulate).if_(() => {
      forEachRow(f, rows, c, rowC, row, (i) => {
        for (let j = 0; j < VECTORS; j++) {
          const sum = sums[i * VECTORS + j]!;
          f.get(row)
            .memory('v128_load', 16 * j)
            .get(sum)
            .simd('f32x4_add')
            .set(sum);
        }
      });
    });
    f.get(cols)
      .i32(TILE_COLS)
      .op('i32_ge_s')
      .if_(
        () =>
          forEachRow(f, rows, c, rowC, row, (i) => {
            for (let j = 0; j < VECTORS; j++)
              f.get(row)
                .get(sums[i * VECTORS + j]!)
                .memory('v128_store', 16 * j);
          }),
        () =>
          forEachRow(f, rows, c, rowC, row, (i) => {
            f.get(row)
              .get(sums[i * VECTORS]!)
              .get(sums[i * VECTORS + 1]!)
              .get(cols)
              .call(storeTail);
          }),
      );
  });
}

function forEachRow(
  f: FunctionBuilder,
  rows: number,
  c: Local,
  rowC: Local,
  row: Local,
  body: (i: number) => void,
): void {
  f.get(c).set(row);
  for (let i = 0; i < rows; i++) {
    body(i);
    if (i < rows - 1) f.get(row).get(rowC).op('i32_add').set(row);
  }
}

/** Writes the first `cols` (1 … 7) of eight lanes: parameters pointer, low, high, cols. */
export function defineStoreTail(module: ModuleBuilder): FunctionBuilder {
  return module.define([I32, V128, V128, I32], [], (f) => {
    const [pointer, low, high, cols] = [0, 1, 2, 3];
    f.get(cols)
      .i32(4)
      .op('i32_ge_s')
      .if_(() => {
        f.get(pointer).get(low).memory('v128_store');
        f.advance(pointer, 16);
        f.get(high).set(low);
        f.get(cols).i32(4).op('i32_sub').set(cols);
      });
    for (let lane = 0; lane < 3; lane++) {
      f.get(cols)
        .i32(lane)
        .op('i32_gt_s')
        .if_(() => {
          f.get(pointer)
            .get(low)
            .memoryLane('v128_store32_lane', lane, 4 * lane);
        });
    }
  });
}
