import { TILE_COLS } from '../matmul/micro.ts';
import { type FunctionBuilder, I32, i32s, type Local, type ModuleBuilder, V128 } from '../wasm/assembler.ts';
import { storeLanes } from '../wasm/lanes.ts';
import type { Tile } from '../wasm/tile.ts';
import { multiplyAdd, parameters } from './micro.ts';

// Micro-kernels that sum over pixels: `images` images of `rows` rows of `pixels` pixels, of which two operands have each
// some numbers. Each operand goes on by its own bytes from pixel to pixel; the bytes of a row and of an image are added
// after the last pixel of one.

/** The parameters of all of them, in order. */
export const WEIGHT_PARAMETERS = [
  'a',
  'b',
  'out',
  'images',
  'rows',
  'pixels',
  'pixelA',
  'rowA',
  'imageA',
  'pixelB',
  'rowB',
  'imageB',
  /** Bytes from row to row of the result. */
  'line',
  'accumulate',
  'cols',
] as const;

const VECTORS = TILE_COLS / 4;

type Parameters = Record<(typeof WEIGHT_PARAMETERS)[number], Local>;

function eachPixel(f: FunctionBuilder, p: Parameters, body: () => void): void {
  const [rows, pixels] = [f.local(I32), f.local(I32)];
  const move = (a: Local, b: Local): void => {
    f.get(p.a).get(a).op('i32_add').set(p.a).get(p.b).get(b).op('i32_add').set(p.b);
  };
  const until = (left: Local): void => {
    f.get(left).i32(1).op('i32_sub').tee(left).brIf(0);
  };
  f.loop(() => {
    f.get(p.rows).set(rows);
    f.loop(() => {
      f.get(p.pixels).set(pixels);
      f.loop(() => {
        body();
        move(p.pixelA, p.pixelB);
        until(pixels);
      });
      move(p.rowA, p.rowB);
      until(rows);
    });
    move(p.imageA, p.imageB);
    until(p.images);
  });
}

/** `rows` numbers of a, one after the other, times eight of b: a tile of the result, of which `cols` columns are written. */
export function defineOuterProduct(
  module: ModuleBuilder,
  rows: number,
  tile: Tile,
  storeTail: FunctionBuilder,
): FunctionBuilder {
  return module.define(i32s(WEIGHT_PARAMETERS.length), [], (f) => {
    const p = parameters(...WEIGHT_PARAMETERS);
    const sums = Array.from({ length: rows * VECTORS }, () => f.local(V128));
    const columns = Array.from({ length: VECTORS }, () => f.local(V128));
    const value = f.local(V128);
    const row = f.local(I32);
    eachPixel(f, p, () => {
      for (const [j, column] of columns.entries())
        f.get(p.b)
          .memory('v128_load', 16 * j)
          .set(column);
      for (let i = 0; i < rows; i++) {
        f.get(p.a)
          .memory('v128_load32_splat', 4 * i)
          .set(value);
        for (const [j, column] of columns.entries()) {
          multiplyAdd(
            f,
            tile.fused,
            sums[i * VECTORS + j]!,
            () => f.get(value),
            () => f.get(column),
          );
        }
      }
    });
    const eachRow = (body: (sums: readonly Local[]) => void): void => {
      f.get(p.out).set(row);
      for (let i = 0; i < rows; i++) {
        body(sums.slice(i * VECTORS, (i + 1) * VECTORS));
        if (i < rows - 1) f.get(row).get(p.line).op('i32_add').set(row);
      }
    };
    f.get(p.accumulate).if_(() => {
      eachRow((own) => {
        for (const [j, sum] of own.entries())
          f.get(row)
            .memory('v128_load', 16 * j)
            .get(sum)
            .simd('f32x4_add')
            .set(sum);
      });
    });
    f.get(p.cols)
      .i32(TILE_COLS)
      .op('i32_ge_s')
      .if_(
        () =>
          eachRow((own) => {
            for (const [j, sum] of own.entries())
              f.get(row)
                .get(sum)
                .memory('v128_store', 16 * j);
          }),
        () => eachRow(([low, high]) => f.get(row).get(low!).get(high!).get(p.cols).call(storeTail)),
      );
  });
}

/** Four numbers of a times four of b, each with its own: the weights of a tap of four channels of a depthwise convolution. */
export function defineLaneProduct(module: ModuleBuilder, tile: Tile): FunctionBuilder {
  return module.define(i32s(WEIGHT_PARAMETERS.length), [], (f) => {
    const p = parameters(...WEIGHT_PARAMETERS);
    const sum = f.local(V128);
    eachPixel(f, p, () => {
      multiplyAdd(
        f,
        tile.fused,
        sum,
        () => f.get(p.a).memory('v128_load'),
        () => f.get(p.b).memory('v128_load'),
      );
    });
    f.get(p.accumulate).if_(() => f.get(p.out).memory('v128_load').get(sum).simd('f32x4_add').set(sum));
    f.get(p.cols)
      .i32(4)
      .op('i32_ge_s')
      .if_(
        () => f.get(p.out).get(sum).memory('v128_store'),
        () => storeLanes(f, p.out, sum, p.cols),
      );
  });
}
